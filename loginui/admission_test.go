package loginui_test

import (
	"net/http/httptest"
	"testing"
)

// A network that has its limit of pages under way is refused with that reason, and other networks are served.
// Paths that cost little are always served.
func TestOwnPagesAreSharedOutByNetwork(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range d.db.Config().MaxConns { // so that pages that ask PostgreSQL wait
		conn, err := d.db.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Release)
	}
	answers := make(chan int, 2000)
	crowd := func(n int, address string) {
		for range n {
			go func() {
				r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/auth/get-session", nil)
				r.RemoteAddr = address
				r.Header.Set("Cookie", "gatepost_8080=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
				w := httptest.NewRecorder()
				d.handler.ServeHTTP(w, r)
				answers <- w.Code
			}()
		}
	}
	const hostile, neighbor = "203.0.113.1:1", "203.0.113.2:1"
	crowd(600, hostile)
	for range 600 - 512 {
		if status := <-answers; status != 429 {
			t.Fatalf("one too many: got %d", status)
		}
	}
	a := d.do(t, "GET", "/login", "", "RemoteAddr: "+hostile)
	if a.mustBeGuarded(t, "one more", 429); a.Header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After: %q", a.Header.Get("Retry-After"))
	}
	d.do(t, "GET", "/login", "", "RemoteAddr: "+neighbor).mustBeGuarded(t, "from elsewhere", 200)
	if a := d.do(t, "GET", "/.gatepost/healthz", "", "RemoteAddr: "+hostile); a.StatusCode != 200 {
		t.Errorf("health: %d", a.StatusCode)
	}
}
