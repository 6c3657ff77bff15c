package auth_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

const oldKey = "an old secret that is long enough"

// movers is a store with a user, Ada, who had a session elsewhere.
type movers struct {
	*auth.Store
	db  *pgxpool.Pool
	ada string // the user's id
	// mine is a session of Ada's here.
	mine secret.Token
}

func newMovers(t *testing.T) *movers {
	t.Helper()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Elsewhere = session.Elsewhere{BetterAuth: []secret.Text{oldKey}, Until: time.Now().Add(time.Hour)}
	})
	auth.HashCheaply(s)
	m := &movers{Store: s, db: db, mine: signUp(t, s, "ada@example.com")}
	v, err := s.Lookup(t.Context(), m.mine)
	if err != nil {
		t.Fatal(err)
	}
	m.ada = v.User.ID
	exec(t, db, `INSERT INTO gatepost.import_record (source, source_id, user_id) VALUES ('better-auth', 'x', $1)`, m.ada)
	exec(t, db, `INSERT INTO gatepost.imported_session (token, id, source, user_id, created_at, expires_at)
	    VALUES ($1, 'old', 'better-auth', $2, now() - interval '2 h', now() + interval '1 d')`,
		secret.Token("elsewhere").Hash(), m.ada)
	return m
}

// old is Ada's session elsewhere, as the browser presents it.
func (m *movers) old() session.Imported {
	mac := hmac.New(sha256.New, []byte(oldKey))
	mac.Write([]byte("elsewhere"))
	i := m.Imported(http.Header{"Cookie": {"better-auth.session_token=" +
		url.QueryEscape("elsewhere."+base64.StdEncoding.EncodeToString(mac.Sum(nil)))}}, session.Cookie{Name: "gatepost_80"})
	return i
}

func (m *movers) alive(t *testing.T) bool {
	t.Helper()
	_, err := m.LookupImported(t.Context(), session.Asking{Client: here.Addr}, m.old())
	if err != nil && !errors.Is(err, session.ErrNoSession) {
		t.Fatal(err)
	}
	return err == nil
}

// What ends the sessions of a user ends those from elsewhere, and none comes again.
func TestWhatEndsSessionsFromElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do     func(m *movers, t *testing.T) error
		alive  bool
		closed bool // no session from elsewhere comes again
	}{
		"nothing": {func(*movers, *testing.T) error { return nil }, true, false},
		"a log-out elsewhere": {func(m *movers, t *testing.T) error { return m.SignOut(t.Context(), m.mine, here) }, true,
			false},
		"a new password": {func(m *movers, t *testing.T) error {
			_, err := m.ChangePassword(t.Context(), m.mine, goodPassword, "another long password", here)
			return err
		}, false, true},
		"a password by the operator": {func(m *movers, t *testing.T) error {
			return m.SetPassword(t.Context(), m.ada, "another long password")
		}, false, true},
		"all sessions by the operator": {func(m *movers, t *testing.T) error {
			n, err := m.EndSessions(t.Context(), m.ada)
			if n != 2 {
				t.Errorf("ended %d", n)
			}
			return err
		}, false, true},
		"all others": {func(m *movers, t *testing.T) error {
			n, err := m.EndOtherSessions(t.Context(), m.mine, here)
			if n != 1 {
				t.Errorf("ended %d", n)
			}
			return err
		}, false, true},
		"that one": {func(m *movers, t *testing.T) error {
			return m.EndSession(t.Context(), m.mine, "old", here)
		}, false, false},
		"the user is disabled": {func(m *movers, t *testing.T) error { return m.Disable(t.Context(), m.ada) }, false,
			true},
		"the user is disabled and enabled": {func(m *movers, t *testing.T) error {
			return errors.Join(m.Disable(t.Context(), m.ada), m.Enable(t.Context(), m.ada))
		}, false, true},
		"the arrival, at once": {func(m *movers, t *testing.T) error {
			_, err := m.Arrive(t.Context(), m.old(), here)
			return err
		}, true, false},
		"the arrival, later": {func(m *movers, t *testing.T) error {
			_, err := m.Arrive(t.Context(), m.old(), here)
			exec(t, m.db, `UPDATE gatepost.imported_session SET replaced_at = now() - interval '61 s'`)
			return err
		}, false, false},
		"the log-out after it": {func(m *movers, t *testing.T) error {
			issued, err := m.Arrive(t.Context(), m.old(), here)
			return errors.Join(err, m.SignOut(t.Context(), issued.Session, here))
		}, false, false},
		"its end by another": {func(m *movers, t *testing.T) error {
			issued, err := m.Arrive(t.Context(), m.old(), here)
			return errors.Join(err, m.EndSession(t.Context(), m.mine, issued.SessionID, here))
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMovers(t)
			if !m.alive(t) {
				t.Fatal("it is dead before")
			}
			if err := c.do(m, t); err != nil {
				t.Fatal(err)
			}
			if m.alive(t) != c.alive {
				t.Errorf("alive: %t", !c.alive)
			}
			_, err := m.Arrive(t.Context(), m.old(), here)
			if (err == nil) != c.alive || err != nil && !errors.Is(err, session.ErrNoSession) {
				t.Errorf("another arrival: %v", err)
			}
			var closed bool
			if err := m.db.QueryRow(t.Context(), `SELECT closed_at IS NOT NULL
			    FROM gatepost.import_record`).Scan(&closed); err != nil || closed != c.closed {
				t.Errorf("closed: %t, %v", closed, err)
			}
		})
	}
}

// The session that an arrival makes is no fresher than the old one, and no longer.
func TestAnArrivalProvesNothingAnew(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	issued, err := m.Arrive(t.Context(), m.old(), here)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ChangePassword(t.Context(), issued.Session, "a wrong password", "another long password",
		here); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a deed without the password: %v", err)
	}
	if _, err := m.EndOtherSessions(t.Context(), issued.Session, here); !errors.Is(err, session.ErrStale) {
		t.Errorf("a deed that needs a fresh proof: %v", err)
	}
	exec(t, m.db, `UPDATE gatepost.imported_session SET created_at = now() - interval '719 h', replaced_at = NULL`)
	if issued, err = m.Arrive(t.Context(), m.old(), here); err != nil {
		t.Fatal(err)
	}
	v, err := m.Lookup(t.Context(), issued.Session)
	if left := time.Until(v.ExpiresAt); err != nil || left > 61*time.Minute {
		t.Errorf("it lasts for %v, %v", left, err)
	}
}

// Auth.js makes its cookie anew at each use: nobody has signed in just because it is new.
func TestANewTicketIsNoFreshProof(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Elsewhere = session.Elsewhere{AuthJS: []secret.Text{oldKey}, Until: time.Now().Add(time.Hour)}
	})
	auth.HashCheaply(s)
	signUp(t, s, "ada@example.com")
	exec(t, db, `INSERT INTO gatepost.import_record (source, source_id, user_id)
	    SELECT 'authjs', 'x', id FROM gatepost."user"`)
	old := s.Imported(http.Header{"Cookie": {"next-auth.session-token=" + newTicket(t, "x")}},
		session.Cookie{Name: "gatepost_80"})
	issued, err := s.Arrive(t.Context(), old, here)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EndOtherSessions(t.Context(), issued.Session, here); !errors.Is(err, session.ErrStale) {
		t.Errorf("a deed that needs a fresh proof: %v", err)
	}
}

// newTicket is a cookie that NextAuth has made right now.
func newTicket(t *testing.T, user string) string {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte(oldKey), nil, "NextAuth.js Generated Encryption Key", 32)
	if err != nil {
		t.Fatal(err)
	}
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	object, err := e.Encrypt(fmt.Appendf(nil, `{"sub":%q,"iat":%d,"exp":%d}`, user, now, now+3600))
	if err != nil {
		t.Fatal(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A ban that is over ends by itself, and no other.
func TestBansEnd(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	for name, c := range map[string]struct {
		until    string
		disabled bool
	}{
		"over":         {`now() - interval '1 s'`, false},
		"not yet over": {`now() + interval '1 h'`, true},
		"for good":     {`NULL`, true},
	} {
		exec(t, m.db, `UPDATE gatepost."user" SET disabled_at = now(), disabled_until = `+c.until)
		if _, err := m.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		u, err := m.UserByID(t.Context(), m.ada)
		if err != nil || !u.DisabledAt.IsZero() != c.disabled {
			t.Errorf("%s: disabled at %v, %v", name, u.DisabledAt, err)
		}
	}
}
