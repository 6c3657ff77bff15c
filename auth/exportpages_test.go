package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// wholeExport is one with all its pages.
type wholeExport struct {
	*auth.Export
	Sessions []auth.ExportedSession `json:"sessions"`
	Events   []auth.ExportedEvent   `json:"events"`
}

// whole reads all of an export, and ends it.
func whole(e *auth.Export, err error) (wholeExport, error) {
	w := wholeExport{e, []auth.ExportedSession{}, []auth.ExportedEvent{}}
	if err != nil {
		return w, err
	}
	defer e.Close()
	for v, err := range e.Sessions() {
		if err != nil {
			return w, err
		}
		w.Sessions = append(w.Sessions, v)
	}
	for v, err := range e.Events() {
		if err != nil {
			return w, err
		}
		w.Events = append(w.Events, v)
	}
	return w, nil
}

// Pages end anywhere, also among rows of the same moment, and moments are no texts, of which 10026 comes before 2026;
// nothing is missing and nothing comes twice.
func TestAnExportHasEveryRowOnce(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	signUp(t, s, "bob@example.com")
	for _, n := range []int{0, 498, 1, 1, 998} { // just below, at and beyond a page
		exec(t, db, `
			INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
			SELECT gen_random_uuid(), gen_random_uuid(), u.id, 3600, now() + interval '1 hour'
			FROM generate_series(1, $1), gatepost."user" u`, n)
		exec(t, db, `
			INSERT INTO gatepost.audit_event (at, event, result, user_id)
			SELECT now() - i % 7 * interval '1 s' + i % 2 * interval '8000 years', gen_random_uuid(), 'ok', u.id
			FROM generate_series(1, $1) i, gatepost."user" u`, n)
		e, err := whole(s.Export(t.Context(), token, here))
		if err != nil {
			t.Fatal(err)
		}
		sessions, events := map[string]bool{}, map[string]bool{}
		for _, v := range e.Sessions {
			sessions[v.ID] = true
		}
		for i, v := range e.Events {
			events[v.Event] = true
			if i > 0 && v.At.Before(e.Events[i-1].At) {
				t.Error("events are not in order")
			}
		}
		var wantSessions, wantEvents int
		err = db.QueryRow(t.Context(), `
			SELECT (SELECT count(*) FROM gatepost.session WHERE user_id = $1),
				(SELECT count(*) FROM gatepost.audit_event WHERE user_id = $1 AND event <> 'export')`,
			e.User.ID).Scan(&wantSessions, &wantEvents)
		delete(events, "export")
		if err != nil || len(sessions) != wantSessions || len(e.Sessions) != wantSessions || len(events) != wantEvents {
			t.Errorf("%d of %d sessions, %d of %d events, %v", len(sessions), wantSessions,
				len(events), wantEvents, err)
		}
	}
}

func TestAnExportEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	e, err := s.Export(t.Context(), token, here)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	exec(t, db, `UPDATE gatepost."user" SET disabled_at = now()`)
	for _, err := range e.Events() {
		if !errors.Is(err, session.ErrNoSession) {
			t.Errorf("the next page: %v", err)
		}
	}
}

// However many exports there are, and however slowly they are read, they hold no connection.
func TestExportsHoldNoConnections(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `
		INSERT INTO gatepost.audit_event (at, event, result, user_id)
		SELECT now(), 'x', 'ok', u.id FROM generate_series(1, 2000), gatepost."user" u`)
	for range 40 {
		e, err := s.Export(t.Context(), token, here)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		for _, err := range e.Events() { // one of a page, and then nothing is read for long
			if err != nil {
				t.Error(err)
			}
			break
		}
		if n := db.Stat().AcquiredConns(); n > 0 {
			t.Fatalf("%d connections are held", n)
		}
	}
}

// A user has one export at a time, the latest; of all there are 32, and the network that has most of them gives way.
func TestOneExportAUserAndThirtyTwoInAll(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	begin := func(name, from string) context.Context {
		t.Helper()
		e, err := s.Export(t.Context(), signUp(t, s, name+"@example.com"),
			secret.Client{Addr: netip.MustParseAddr(from)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		return e.Context()
	}
	ada := signUp(t, s, "ada@example.com")
	var own []context.Context
	for range 5 {
		e, err := s.Export(t.Context(), ada, secret.Client{Addr: netip.MustParseAddr("203.0.113.1")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		own = append(own, e.Context())
	}
	for i, ctx := range own {
		if over := ctx.Err() != nil; over == (i == 4) {
			t.Errorf("export %d is over: %v", i, over)
		}
	}
	var theirs []context.Context
	for i := range 40 {
		theirs = append(theirs, begin(string(rune('a'+i/26))+string(rune('a'+i%26)), "198.51.100.7"))
	}
	under := 0
	for _, ctx := range theirs {
		if ctx.Err() == nil {
			under++
		}
	}
	if own[4].Err() != nil || under != 31 {
		t.Errorf("one network has %d exports, and one of another is over: %v", under, own[4].Err())
	}
}
