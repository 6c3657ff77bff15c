package auth_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// People see what they can end: their sessions of the system before stand beside those of the gate, on their page and
// in their export, until they are replaced, and each can be ended by its id.
func TestSessionsFromElsewhereAreSeen(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	exec(t, m.db, `UPDATE gatepost.imported_session SET ip_address = '192.0.2.7', user_agent = 'Mozilla'`)
	mine, err := m.Lookup(t.Context(), m.mine)
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.Account(t.Context(), m.mine)
	if err != nil || len(a.Sessions) != 2 || a.Session.ID != mine.ID {
		t.Fatalf("%+v, %v", a, err)
	}
	old := a.Sessions[1]
	if old.ID != "old" || old.Current || old.IPAddress != "192.0.2.7" || old.UserAgent != "Mozilla" ||
		old.Unused.Round(time.Hour) != 2*time.Hour || old.ExpiresAt.Before(old.CreatedAt) {
		t.Errorf("%+v", old)
	}
	if ids := m.exported(t, m.mine); !slices.Equal(ids, []string{mine.ID, "old"}) {
		t.Errorf("the export has the sessions %q", ids)
	}
	if err := m.EndSession(t.Context(), m.mine, "old", here); err != nil {
		t.Fatal(err)
	}
	if a, err = m.Account(t.Context(), m.mine); err != nil || len(a.Sessions) != 1 || m.alive(t) {
		t.Errorf("after its end %+v, %v", a.Sessions, err)
	}
}

// A browser is there once: what it has of the system before goes when it has one of the gate's.
func TestAReplacedSessionIsNotSeen(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	issued, err := m.Arrive(t.Context(), m.old(), here)
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.Account(t.Context(), m.mine)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, own := range a.Sessions {
		ids = append(ids, own.ID)
	}
	if len(ids) != 2 || !slices.Contains(ids, issued.SessionID) {
		t.Errorf("sessions %q, want one's own and %s", ids, issued.SessionID)
	}
}

// exported are the ids of the sessions in the export that a session asks for.
func (m *movers) exported(t *testing.T, token secret.Token) (ids []string) {
	t.Helper()
	e, err := m.Export(t.Context(), token, here)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for own, err := range e.Sessions() {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, own.ID)
	}
	slices.SortFunc(ids, func(a, b string) int { return len(b) - len(a) })
	return ids
}

// Tabs that arrive at the same time get a session each, and the browser keeps one. With it end the others, and the old
// one that they were made for.
func TestALogoutEndsWhatTheBrowserHadBesides(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*movers, auth.Issued) error{
		"a log-out": func(m *movers, i auth.Issued) error { return m.SignOut(t.Context(), i.Session, here) },
		"its end elsewhere": func(m *movers, i auth.Issued) error {
			return m.EndSession(t.Context(), m.mine, i.SessionID, here)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMovers(t)
			var tabs []auth.Issued
			for range 3 {
				issued, err := m.Arrive(t.Context(), m.old(), here)
				if err != nil {
					t.Fatal(err)
				}
				tabs = append(tabs, issued)
			}
			if err := end(m, tabs[1]); err != nil {
				t.Fatal(err)
			}
			if m.alive(t) {
				t.Error("the old session goes on")
			}
			if _, err := m.Lookup(t.Context(), m.mine); err != nil {
				t.Errorf("that of another browser has ended: %v", err)
			}
			for i, tab := range tabs {
				_, err := m.Lookup(t.Context(), tab.Session)
				if name == "a log-out" && !errors.Is(err, session.ErrNoSession) {
					t.Errorf("tab %d: %v", i, err)
				}
			}
		})
	}
}

// A browser that keeps nothing does not arrive for ever.
func TestArrivalsHaveABound(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	n := 0
	for ; n < 100; n++ {
		if _, err := m.Arrive(t.Context(), m.old(), here); err != nil {
			if !errors.Is(err, session.ErrNoSession) {
				t.Fatal(err)
			}
			break
		}
	}
	if n != 8 {
		t.Errorf("it has arrived %d times", n)
	}
}

// A ticket is known by its text: no other text is the same ticket, so that one that has ended does not come again.
func TestATicketHasOneSpelling(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Elsewhere = session.Elsewhere{AuthJS: []secret.Text{oldKey}, Until: time.Now().Add(time.Hour)}
	})
	auth.HashCheaply(s)
	signUp(t, s, "ada@example.com")
	exec(t, db, `INSERT INTO gatepost.import_record (source, source_id, user_id)
	    SELECT 'authjs', 'x', id FROM gatepost."user"`)
	ticket := newTicket(t, "x")
	claims := func(ticket string) bool {
		return s.Imported(http.Header{"Cookie": {"next-auth.session-token=" + ticket}},
			session.Cookie{Name: "gatepost_80"}).Claims()
	}
	if !claims(ticket) {
		t.Fatal("the ticket itself does not count")
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	parts := strings.Split(ticket, ".")
	for i, part := range parts {
		for _, c := range alphabet + "=+/" {
			other := slices.Clone(parts)
			if part == "" {
				other[i] = string(c)
			} else if other[i] = part[:len(part)-1] + string(c); other[i] == part {
				other[i] += "="
			}
			if text := strings.Join(other, "."); claims(text) {
				t.Errorf("part %d may end with %q", i, other[i][len(other[i])-1:])
			}
		}
	}
}

// An import does not end sessions of which the source keeps nothing.
func TestAnImportLeavesTicketsAlone(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Elsewhere = session.Elsewhere{AuthJS: []secret.Text{oldKey}, Until: time.Now().Add(time.Hour)}
	})
	auth.HashCheaply(s)
	exec(t, db, `CREATE SCHEMA old`)
	exec(t, db, `CREATE TABLE old.users (id text, name text, email text, "emailVerified" timestamptz, image text)`)
	exec(t, db, `CREATE TABLE old.accounts ("userId" text, type text, provider text, "providerAccountId" text)`)
	exec(t, db, `CREATE TABLE old.sessions ("userId" text, expires timestamptz, "sessionToken" text)`)
	exec(t, db, `INSERT INTO old.users VALUES ('x', 'Ada', 'ada@example.com', now(), NULL)`)
	from := importer.AuthJS{Database: importer.Database{URL: db.Config().ConnString(), Schema: "old"}}
	old := s.Imported(http.Header{"Cookie": {"next-auth.session-token=" + newTicket(t, "x")}},
		session.Cookie{Name: "gatepost_80"})
	for range 2 {
		if _, err := s.Import(t.Context(), from, importer.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.LookupImported(t.Context(), session.Asking{Client: here.Addr}, old); err != nil {
			t.Errorf("the ticket: %v", err)
		}
	}
}
