package auth_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
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
