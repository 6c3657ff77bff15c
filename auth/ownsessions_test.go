package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// deeds are the proofs with the right password, and the rest of what a session may do with its account.
func deeds() map[string]func(*auth.Store, context.Context, secret.Token) error {
	all := map[string]func(*auth.Store, context.Context, secret.Token) error{
		"rename": func(s *auth.Store, ctx context.Context, token secret.Token) error {
			return s.Rename(ctx, token, "Lovelace", here)
		},
		"end-session": func(s *auth.Store, ctx context.Context, token secret.Token) error {
			return s.EndSession(ctx, token, "unknown", here)
		},
		"end-other-sessions": func(s *auth.Store, ctx context.Context, token secret.Token) error {
			_, err := s.EndOtherSessions(ctx, token, here)
			return err
		},
		"export": func(s *auth.Store, ctx context.Context, token secret.Token) error {
			_, err := s.Export(ctx, token, here)
			return err
		},
	}
	for event, prove := range proofs {
		all[event] = func(s *auth.Store, ctx context.Context, token secret.Token) error {
			_, err := prove(s, ctx, token, goodPassword)
			return err
		}
	}
	return all
}

func TestNothingIsDoneWithoutASession(t *testing.T) {
	t.Parallel()
	for event, do := range deeds() {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			dead := signUp(t, s, "ada@example.com")
			off := signUp(t, s, "off@example.com")
			exec(t, db, `UPDATE gatepost.session SET expires_at = now()
				WHERE user_id = (SELECT id FROM gatepost."user" WHERE email LIKE 'ada%')`)
			exec(t, db, `UPDATE gatepost."user" SET disabled_at = now() WHERE email LIKE 'off%'`)
			before := content(t, db)
			for name, token := range map[string]secret.Token{"none": "",
				"unknown": secret.Token(strings.Repeat("A", 43)), "expired": dead, "disabled": off} {
				if err := do(s, t.Context(), token); !errors.Is(err, session.ErrNoSession) {
					t.Errorf("%s: got %v, want ErrNoSession", name, err)
				}
			}
			if content(t, db) != before {
				t.Error("something was written")
			}
		})
	}
}

// What takes the password is done however old the session is; of the rest, only what would be of use to a thief is not.
func TestAnOldSignInHasToBeConfirmed(t *testing.T) {
	t.Parallel()
	stale := []string{"end-session", "end-other-sessions", "export"}
	for event, do := range deeds() {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			token := signUp(t, s, "ada@example.com")
			sessionsOf(t, db, "ada@example.com", 2)
			exec(t, db, `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`)
			before := content(t, db)
			if slices.Contains(stale, event) { // the refusal waits for no lock
				tx, err := db.Begin(t.Context())
				if err == nil {
					_, err = tx.Exec(t.Context(), `SELECT 1 FROM gatepost."user" FOR NO KEY UPDATE`)
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := do(s, t.Context(), token); !errors.Is(err, session.ErrStale) {
					t.Errorf("beside a lock of the user: got %v, want ErrStale", err)
				}
				if err := tx.Rollback(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			err := do(s, t.Context(), token)
			if !slices.Contains(stale, event) {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if !errors.Is(err, session.ErrStale) || content(t, db) != before {
				t.Errorf("got %v, want ErrStale and nothing written", err)
			}
			issued, err := s.Confirm(t.Context(), token, goodPassword, here)
			if err != nil {
				t.Fatal(err)
			}
			exec(t, db, `UPDATE gatepost.session SET proved_at = now() - interval '9 minutes'
				WHERE proved_at > now() - interval '5 minutes'`)
			if err := do(s, t.Context(), issued.Session); err != nil {
				t.Errorf("confirmed nine minutes ago: %v", err)
			}
		})
	}
}

func TestARename(t *testing.T) {
	t.Parallel()
	s, db := running(t, authtest.NewDatabase(t))
	token, bob := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	sure(t, s)
	cached(t, s, token)
	before := content(t, db)
	for name, want := range map[string]auth.FieldError{
		"a\x00b":                 {Field: "name", Problem: auth.Malformed},
		strings.Repeat("x", 101): {Field: "name", Problem: auth.TooLong, Limit: 100},
	} {
		var input auth.InputError
		if err := s.Rename(t.Context(), token, name, here); !errors.As(err, &input) ||
			!slices.Equal(input, auth.InputError{want}) {
			t.Errorf("%q: got %v, want %v", name, err, want)
		}
	}
	if content(t, db) != before {
		t.Error("something was written")
	}
	for _, c := range [][2]string{{" Ada Lovelace ", "Ada Lovelace"}, {"", ""}} {
		if err := s.Rename(t.Context(), token, c[0], here); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Lookup(t.Context(), token); err != nil || v.User.Name != c[1] {
			t.Errorf("got %q, %v, want %q", v.User.Name, err, c[1])
		}
	}
	before = content(t, db)
	if err := s.Rename(t.Context(), token, "", here); err != nil || content(t, db) != before {
		t.Errorf("the same name is written again: %v", err)
	}
	if v, err := s.Lookup(t.Context(), bob); err != nil || v.User.Name != "Ada" {
		t.Errorf("another user is %q now (%v)", v.User.Name, err)
	}
}

// Each decision leaves a line, and no secret in it.
func TestWhatIsDoneWithAnAccountIsAudited(t *testing.T) {
	t.Parallel()
	for event, do := range deeds() {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			s, db := authtest.NewStore(t, func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			token := signUp(t, s, "ada@example.com")
			v, err := s.Lookup(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			_ = do(s, t.Context(), "")
			if err := do(s, t.Context(), token); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				"event=" + event + " result=no_session",
				"event=" + event + " result=ok user=" + v.User.ID,
			} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("no line with %q in\n%s", want, log.String())
				}
			}
			for _, secret := range append(column(t, db,
				`SELECT password FROM gatepost.account UNION SELECT token FROM gatepost.session`),
				string(token), string(goodPassword), string(chosen), "Lovelace") {
				if strings.Contains(log.String(), secret) {
					t.Errorf("the log has %q", secret)
				}
			}
		})
	}
}

func account(t *testing.T, s *auth.Store, token secret.Token) session.Account {
	t.Helper()
	a, err := s.Account(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ids(a session.Account) (list []string) {
	for _, own := range a.Sessions {
		list = append(list, own.ID)
	}
	return list
}

func TestAnAccountListsTheSessionsThatAreAlive(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	signUp(t, s, "bob@example.com")
	var others []string
	for _, other := range sessionsOf(t, db, "ada@example.com", 5) {
		others = append(others, idOf(other))
	}
	exec(t, db, `UPDATE gatepost.session SET last_used_at = now() - interval '2 hours' WHERE id = $1`, others[0])
	exec(t, db, `UPDATE gatepost.session SET last_used_at = now() - interval '1 hour' WHERE id = $1`, others[1])
	exec(t, db, `UPDATE gatepost.session SET expires_at = now() WHERE id = $1`, others[2])
	exec(t, db, `UPDATE gatepost.session SET last_used_at = now() - interval '169 hours' WHERE id = $1`, others[3])
	exec(t, db, `UPDATE gatepost.session SET created_at = now() - interval '721 hours' WHERE id = $1`, others[4])
	exec(t, db, `UPDATE gatepost.session SET last_used_at = now() - interval '3 hours' WHERE ip_address IS NOT NULL`)
	d, err := s.Describe(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	a := account(t, s, token)
	if a.Session.ID != d.ID || a.Session.User.Email != "ada@example.com" || !a.Session.User.HasAny([]string{"user"}) ||
		!a.Session.CreatedAt.Equal(d.CreatedAt) {
		t.Errorf("got %+v, want what Describe tells: %+v", a.Session, d)
	}
	if want := []string{d.ID, others[1], others[0]}; !slices.Equal(ids(a), want) {
		t.Fatalf("got %q, want this session and then those used last: %q", ids(a), want)
	}
	own := a.Sessions[0]
	if !own.Current || own.IPAddress != "192.0.2.7" || own.UserAgent != "test/1" || !own.ExpiresAt.Equal(d.ExpiresAt) ||
		!own.CreatedAt.Equal(d.CreatedAt) {
		t.Errorf("got %+v, want %+v", own, d)
	}
	for i, want := range []time.Duration{3 * time.Hour, time.Hour, 2 * time.Hour} {
		if own := a.Sessions[i]; own.Current != (i == 0) || own.Unused < want || own.Unused > want+10*time.Minute {
			t.Errorf("%s: current %v, unused for %v, want %v", own.ID, own.Current, own.Unused, want)
		}
	}
}

func TestAnAccountListsAHundredSessions(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `UPDATE gatepost.session SET last_used_at = now() - interval '1 hour'`)
	sessionsOf(t, db, "ada@example.com", 150)
	if a := account(t, s, token); len(a.Sessions) != 100 || !a.Sessions[0].Current || a.Sessions[0].ID != a.Session.ID {
		t.Errorf("got %d sessions, the first %+v, want 100 and this one", len(a.Sessions), a.Sessions[0])
	}
}

func TestAnAccountIsToldToItsOwnSessionsOnly(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"row deleted": `DELETE FROM gatepost.session WHERE ip_address IS NOT NULL`,
		"expired":     `UPDATE gatepost.session SET expires_at = now() WHERE ip_address IS NOT NULL`,
		"disabled":    `UPDATE gatepost."user" SET disabled_at = now()`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			token := signUp(t, s, "ada@example.com")
			sessionsOf(t, db, "ada@example.com", 3)
			exec(t, db, sql)
			for _, token := range []secret.Token{token, "", secret.Token(strings.Repeat("A", 43))} {
				if a, err := s.Account(t.Context(), token); !errors.Is(err, session.ErrNoSession) ||
					len(a.Sessions) != 0 {
					t.Errorf("got %+v, %v, want ErrNoSession", a, err)
				}
			}
		})
	}
}

func TestASessionEndsByItsIDForItsOwnUserOnly(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token, bob := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	others := sessionsOf(t, db, "ada@example.com", 2)
	before := content(t, db)
	for _, id := range []string{account(t, s, bob).Session.ID, "", "unknown", "nul\x00", "\xff",
		strings.Repeat("x", 5000)} {
		if err := s.EndSession(t.Context(), token, id, here); err != nil {
			t.Errorf("%.20q: got %v", id, err)
		}
	}
	if content(t, db) != before {
		t.Error("a session of nobody's, or of another user, changed something")
	}
	if err := s.EndSession(t.Context(), token, idOf(others[0]), here); err != nil {
		t.Fatal(err)
	}
	if alive(t, s, others[0]) || !alive(t, s, others[1]) || !alive(t, s, token) || !alive(t, s, bob) {
		t.Error("want the one named to end, and no other")
	}
	if err := s.EndSession(t.Context(), token, account(t, s, token).Session.ID, here); err != nil ||
		alive(t, s, token) {
		t.Errorf("its own: got %v, want it to end", err)
	}
}

func TestEndingTheOthersLeavesThisOne(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token, bob := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	sessionsOf(t, db, "ada@example.com", 7)
	if n, err := s.EndOtherSessions(t.Context(), token, here); n != 7 || err != nil {
		t.Errorf("got %d, %v, want 7", n, err)
	}
	if n := count(t, db, "session"); n != 2 || !alive(t, s, token) || !alive(t, s, bob) {
		t.Errorf("%d sessions are left, want this one and another user's", n)
	}
	if n, err := s.EndOtherSessions(t.Context(), token, here); n != 0 || err != nil {
		t.Errorf("again: got %d, %v, want 0", n, err)
	}
}

// A sign-in that has made its session but not committed is waited for: it began before the others were ended.
func TestASignInUnderWayEndsWithTheOthers(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	var n int64
	err := overtaken(t, db, `
		WITH u AS (SELECT id FROM gatepost."user" FOR SHARE) -- as recheck does
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
		SELECT 'new', 'new', id, 60, now() + interval '1 hour' FROM u`,
		func() (err error) {
			n, err = s.EndOtherSessions(context.Background(), token, here)
			return err
		})
	if err != nil || n != 1 || !alive(t, s, token) {
		t.Errorf("got %d ended, %v, want the new one to end", n, err)
	}
}

// Two gates keep the same sessions: what one ends, it refuses at once itself, and the other within a second.
func TestEndedSessionsAreRefusedAtEveryGate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(s *auth.Store, token, other secret.Token) error
		this bool // the session that asks ends, too
		that bool // the other one does
	}{
		"end-session": {func(s *auth.Store, token, other secret.Token) error {
			return s.EndSession(context.Background(), token, idOf(other), here)
		}, false, true},
		"end-other-sessions": {func(s *auth.Store, token, _ secret.Token) error {
			_, err := s.EndOtherSessions(context.Background(), token, here)
			return err
		}, false, true},
		"confirm": {func(s *auth.Store, token, _ secret.Token) error {
			_, err := s.Confirm(context.Background(), token, goodPassword, here)
			return err
		}, false, false}, // which gives the session a new token
		"change-password": {func(s *auth.Store, token, _ secret.Token) error {
			_, err := s.ChangePassword(context.Background(), token, goodPassword, chosen, here)
			return err
		}, true, true},
		"delete-account": {func(s *auth.Store, token, _ secret.Token) error {
			return s.DeleteAccount(context.Background(), token, goodPassword, here)
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := authtest.NewDatabase(t)
			one, db := running(t, url)
			two, _ := running(t, url)
			signUp(t, one, "ada@example.com")
			tokens := sessionsOf(t, db, "ada@example.com", 2)
			sure(t, one, two)
			for _, s := range []*auth.Store{one, two} {
				for _, token := range tokens {
					cached(t, s, token)
				}
			}
			if err := c.do(one, tokens[0], tokens[1]); err != nil {
				t.Fatal(err)
			}
			ended := time.Now()
			for i, ends := range []bool{c.this, c.that} {
				if alive(t, one, tokens[i]) == ends {
					t.Errorf("session %d at the gate itself: ended %v, want %v", i, !ends, ends)
				}
				if ends {
					refusedWithinASecond(t, two, tokens[i], ended)
				} else if !alive(t, two, tokens[i]) {
					t.Errorf("session %d has ended at the other gate", i)
				}
			}
		})
	}
}

func TestAnExportHasEverythingButSecrets(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s)
	signUp(t, s, "bob@example.com")
	token := sessionsOf(t, db, "ada@example.com", 1)[0]
	exec(t, db, `UPDATE gatepost.session SET id = 'mine' WHERE id = $1`, idOf(token))
	exec(t, db, `
		UPDATE gatepost."user" SET image = 'https://example.com/ada.png', role = 'user,editor'
		WHERE email LIKE 'ada%'`)
	exec(t, db, `
		INSERT INTO gatepost.account
			(id, issuer, provider_id, account_id, user_id, scope, access_token, refresh_token, id_token)
		SELECT 'linked', 'https://id.example', 'oidc', 'ada-there', id,
			'openid', 'secret-access', 'secret-refresh', 'secret-id'
		FROM gatepost."user" WHERE email LIKE 'ada%'`)
	e, err := whole(s.Export(t.Context(), token, here))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	for _, secret := range append(column(t, db,
		`SELECT token FROM gatepost.session UNION SELECT encode(place, 'hex') FROM gatepost.familiar`),
		"argon2", "secret-", "token", "REDACTED", "bob@", string(token), string(browser), string(goodPassword)) {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
	ids := column(t, db, `
		SELECT id FROM gatepost.session
			WHERE user_id = (SELECT id FROM gatepost."user" WHERE email LIKE 'ada%')
		UNION SELECT id FROM gatepost."user" WHERE email LIKE 'ada%'
		UNION SELECT id FROM gatepost.account
			WHERE user_id = (SELECT id FROM gatepost."user" WHERE email LIKE 'ada%')`)
	for _, want := range append(ids,
		`"email":"ada@example.com","emailVerified":false,"image":"https://example.com/ada.png",`+
			`"roles":["user","editor"],"createdAt":"`,
		`"issuer":"https://id.example","providerId":"oidc","accountId":"ada-there","scope":"openid",`+
			`"hasPassword":false`,
		`"hasPassword":true`,
		`"ipAddress":"192.0.2.7","userAgent":"test/1","current":false`, `"userAgent":"","current":true`,
		`"familiarPlaces":{"count":2,"expiresAt":["`) {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if len(e.Sessions) != 2 || len(e.Accounts) != 2 || len(e.FamiliarPlaces.ExpiresAt) != 2 {
		t.Errorf("got %d sessions, %d accounts, %d places, want two of each", len(e.Sessions), len(e.Accounts),
			len(e.FamiliarPlaces.ExpiresAt))
	}
	var same bool
	err = db.QueryRow(t.Context(), `
		SELECT created_at = $1 AND now() - $2 BETWEEN interval '0' AND interval '1 minute'
		FROM gatepost."user" WHERE id = $3`, e.User.CreatedAt, e.ExportedAt, e.User.ID).Scan(&same)
	if err != nil || !same || e.User.CreatedAt.Location() != time.UTC ||
		e.Sessions[0].LastUsedAt.Location() != time.UTC {
		t.Errorf("the times are not PostgreSQL's in UTC: %v, %v (%v)", e.ExportedAt, e.User.CreatedAt, err)
	}
}

// An empty list is a list, for whatever reads it.
func TestAnExportHasNoNull(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `UPDATE gatepost."user" SET role = ''`)
	exec(t, db, `DELETE FROM gatepost.familiar`)
	e, err := whole(s.Export(t.Context(), token, here))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := json.Marshal(e); err != nil || strings.Contains(string(out), "null") {
		t.Errorf("got %s, %v", out, err)
	}
}
