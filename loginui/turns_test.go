package loginui_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

// withTurns gives a desk two turns to compute, one of which no single network can have, and none of which ends by
// itself.
func withTurns(d *desk) *share.Turns {
	t := &share.Turns{Queue: share.NewQueue(2, 100), Most: time.Hour}
	t.Spare(1)
	d.ui.SetTurns(t)
	return t
}

func TestAFloodOfPagesComputesInItsOwnTurns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	turns := withTurns(d)
	refuse := func(w http.ResponseWriter, r *http.Request) {
		d.ui.Refuse(w, r, http.StatusForbidden, errors.New("a role is missing"))
	}
	for _, c := range []struct {
		method, target string
		handler        http.Handler
		status         int
		free           bool
	}{
		{"GET", "/login", d.handler, 200, false},
		{"POST", "/login", d.handler, 422, false},
		{"GET", "/.gatepost/nothing", d.handler, 404, false},
		{"GET", "/api/auth/get-session", d.handler, 200, false},
		{"GET", "/of/the/app", http.HandlerFunc(refuse), 403, false},
		{"GET", "/.gatepost/healthz", d.handler, 200, true},
	} {
		flood := share.InTurns(share.FromClient(t.Context(), netip.MustParseAddr("192.0.2.1")), turns)
		if err := share.Work(flood); err != nil {
			t.Fatal(err)
		}
		asks := func(from string) <-chan int {
			r := httptest.NewRequest(c.method, c.target, nil)
			r.Host, r.RemoteAddr = "localhost:8080", from+":0"
			r.Header.Set("Accept", "text/html")
			w, done := httptest.NewRecorder(), make(chan int, 1)
			go func() { c.handler.ServeHTTP(w, r); done <- w.Code }()
			return done
		}
		waits := func() bool { _, n := turns.Load(); return n == 1 }
		if got := <-asks("198.51.100.1"); got != c.status {
			t.Errorf("%s %s: another network is answered with %d, want %d", c.method, c.target, got, c.status)
		}
		same := asks("192.0.2.1")
		if c.free {
			<-same
		} else {
			for !waits() && len(same) == 0 {
				runtime.Gosched()
			}
			if len(same) > 0 {
				t.Errorf("%s %s: it does not wait for its network's turn", c.method, c.target)
			}
		}
		share.Pause(flood)
		if !c.free && <-same != c.status {
			t.Errorf("%s %s: it is answered otherwise after it waited", c.method, c.target)
		}
	}
	if held, waiting := turns.Load(); held+waiting > 0 {
		t.Errorf("%d hold a turn and %d wait after all", held, waiting)
	}
}

func TestWhoeverLeavesBeforeTheirTurnIsNotRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const statusClientGone = 499
	flood := share.InTurns(share.FromClient(t.Context(), netip.MustParseAddr("192.0.2.1")), withTurns(d))
	if err := share.Work(flood); err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, target := range []string{"GET /login", "POST /login", "GET /.gatepost/nothing", "GET /api/auth/get-session"} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequestWithContext(gone, method, path, nil)
		r.Host, r.RemoteAddr = "localhost:8080", "192.0.2.1:0"
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		if w.Code != statusClientGone || w.Body.Len() > 0 {
			t.Errorf("%s: got status %d and %q", target, w.Code, w.Body)
		}
	}
}

// TestWhoWaitsForPostgreSQLHasNoTurn locks all tables and sends requests to every endpoint.
func TestWhoWaitsForPostgreSQLHasNoTurn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.cookie(t, "ada@example.com")
	turns, waited := withTurns(d), 0
	for _, e := range d.ui.Endpoints() {
		lock, err := d.db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lock.Exec(t.Context(), `DO $$ BEGIN EXECUTE (SELECT 'LOCK TABLE ' || string_agg(format('%I.%I',
			schemaname, tablename), ',') FROM pg_tables WHERE schemaname = 'gatepost'); END $$`); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.do(t, e.Method, e.Path, form("email", "ada@example.com", "password", password, "current", password,
				"name", "A", "id", "x", "token", "x"), cookie, "Origin: http://localhost:8080")
		}()
		if locked(t, d, done) {
			waited++
			// What waits may also be a task in the background, while the request still computes.
			held, tries := 1, 100
			for ; held > 0 && tries > 0 && locked(t, d, done); tries-- {
				held, _ = turns.Load()
			}
			if held > 0 && tries == 0 {
				t.Errorf("%s %s waits for PostgreSQL and has a turn", e.Method, e.Path)
			}
		}
		_ = lock.Rollback(context.Background()) // the test ends with its database
		<-done
	}
	if waited < 20 {
		t.Errorf("%d endpoints wait for PostgreSQL, which is too few to test anything", waited)
	}
}

// locked waits until a statement waits for a lock, and reports false when the request is done before.
func locked(t *testing.T, d *desk, done <-chan struct{}) bool {
	t.Helper()
	for {
		var n int
		if err := d.db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			return false
		default:
			if n > 0 {
				return true
			}
		}
	}
}
