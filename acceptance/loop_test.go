package acceptance_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// relay stands between two gates, like a load balancer, and counts the requests that pass.
type relay struct {
	url  string
	to   atomic.Pointer[httputil.ReverseProxy]
	seen atomic.Int64
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.seen.Add(1) > 50 {
			http.Error(w, "a loop without an end", http.StatusTeapot)
			return
		}
		r.to.Load().ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

func (r *relay) leadTo(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r.to.Store(httputil.NewSingleHostReverseProxy(u))
}

// endsTheLoop checks that each request through v ends with 508, after at most most of them passed the relay.
func (r *relay) endsTheLoop(t *testing.T, v *visitor, most int64) {
	t.Helper()
	for _, headers := range [][]string{
		nil, {navigate}, {"X-Gatepost-Via: " + strings.Repeat("A", 26)},
		{"X-Gatepost-Via: x, " + strings.Repeat("y", 1000)}, {"Connection: X-Gatepost-Via"},
		{"Connection: Upgrade", "Upgrade: websocket"},
		{"X-Gatepost-Via: " + strings.Repeat("QNASYQKS2X7MVSBUSPS4WS53QL, ", 100)},
	} {
		for _, path := range []string{"/public", "/dashboard"} {
			r.seen.Store(0)
			got := v.do("GET", path, nil, headers...)
			want := `"code":"LOOP_DETECTED"`
			if len(headers) > 0 && headers[0] == navigate {
				want = "This site leads to itself"
			}
			if got.status != 508 || !strings.Contains(got.body, want) || r.seen.Load() > most {
				t.Errorf("%s with %.60q: %d after %d requests: %.200s", path, headers, got.status,
					r.seen.Load(), got.body)
			}
		}
	}
}

func TestAGateThatMeetsItselfEndsTheLoop(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+r.url)
	r.leadTo(t, g.url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	r.endsTheLoop(t, v, 1)
}

func TestTwoGatesInARing(t *testing.T) {
	t.Parallel()
	database, toFirst, toSecond := authtest.NewDatabase(t), newRelay(t), newRelay(t)
	first := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+toSecond.url)
	second := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+toFirst.url, "GATEPOST_PUBLIC_URL="+first.url,
		"GATEPOST_PROTECT=/never")
	toFirst.leadTo(t, first.url)
	toSecond.leadTo(t, second.url)
	v := first.visitor(t)
	v.signUp("ada@example.com")
	toFirst.endsTheLoop(t, v, 1)
}

func TestTwoGatesInARowWork(t *testing.T) {
	t.Parallel()
	inner := newLane(t, "GATEPOST_PROTECT=/never")
	outer := startGate(t, "DATABASE_URL="+inner.database, "GATEPOST_UPSTREAM="+inner.url)
	forged := strings.TrimSuffix(strings.Repeat("QNASYQKS2X7MVSBUSPS4WS53QL, ", 1000), ", ")
	for _, headers := range [][]string{nil, {"X-Gatepost-Via: " + strings.Repeat("A", 26)},
		{"X-Gatepost-Via: " + forged}, {"X-Gatepost-Via: ,;x", "x_gatepost_via: y"}} {
		v := outer.visitor(t)
		if r := v.do("GET", "/public", nil, headers...); r.status != 200 || r.body != "app" {
			t.Fatalf("%.60q: %d %s", headers, r.status, r.body)
		}
		seen := inner.app.take()
		if len(seen) != 1 || strings.Count(seen[0], "Gatepost") != 1 || len(seen[0]) > 1500 ||
			strings.Contains(seen[0], "Via: ,") {
			t.Errorf("%.60q: the app saw %q", headers, seen)
		}
	}
	// A client that learns the gate's id from the app can use it against its own requests only.
	_, id, _ := strings.Cut(rawVia(t, inner), ": ")
	v := inner.visitor(t)
	if r := v.do("GET", "/public", nil, "X-Gatepost-Via: "+strings.TrimSpace(id)); r.status != 508 {
		t.Errorf("with the gate's own id: %d", r.status)
	}
	if r := v.fetch("/public"); r.status != 200 {
		t.Errorf("after it: %d", r.status)
	}
}

// rawVia returns the header line by which a gate marks its requests to the app.
func rawVia(t *testing.T, l *lane) string {
	t.Helper()
	var line atomic.Pointer[string]
	l.app.answerBy(func(r *http.Request) string {
		s := "X-Gatepost-Via: " + r.Header.Get("X-Gatepost-Via")
		line.Store(&s)
		return fine
	})
	l.one(t, l.request("GET /public"))
	return *line.Load()
}

func TestAnUpstreamThatIsTheGateItselfIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	own := "127.0.0.5" // used without a network
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			own = n.IP.String()
		}
	}
	for i, c := range []struct{ listen, upstream string }{
		{"localhost", "http://localhost"}, {"127.0.0.1", "http://127.0.0.1"}, {"127.0.0.1", "http://0.0.0.0"},
		{"127.0.0.1", "http://[::ffff:127.0.0.1]"},
		{"localhost", "https://LOCALHOST"}, {"localhost", "h2c://localhost"}, {"", "http://127.0.0.1"},
		{"", "http://127.9.9.9"}, {"", "http://[::1]"}, {"", "http://[::]"},
		{"0.0.0.0", "http://localhost"}, {"[::]", "http://127.0.0.1"}, {"", "http://" + own}, {own, "http://" + own},
	} {
		port := freePort(t)
		env := []string{"DATABASE_URL=" + database, "GATEPOST_OPS_LISTEN=off",
			"GATEPOST_PUBLIC_URL=https://app.example.com",
			"GATEPOST_LISTEN=" + c.listen + ":" + port, "GATEPOST_UPSTREAM=" + c.upstream + ":" + port}
		if i%2 == 1 {
			env[1], env[3] = "GATEPOST_OPS_LISTEN="+c.listen+":"+port, "GATEPOST_LISTEN=localhost:0"
		}
		for _, command := range []string{"serve", "check"} {
			out, code := runBriefly(t, command, env...)
			if code != 1 || !strings.Contains(out, "is where this gate itself listens") {
				t.Errorf("%s with %q: exit %d: %s", command, env[1:], code, out[max(0, len(out)-200):])
			}
		}
	}
	if t.Failed() {
		return
	}
	for _, c := range []struct{ listen, upstream string }{{"127.0.0.1", "http://127.0.0.2"},
		{"localhost", "http://192.0.2.1"}, {"", "http://192.0.2.1"}} {
		out, _ := runGate(t, []string{"check"}, "DATABASE_URL="+database, "GATEPOST_OPS_LISTEN=off",
			"GATEPOST_PUBLIC_URL=https://app.example.com",
			fmt.Sprintf("GATEPOST_LISTEN=%s:9", c.listen), "GATEPOST_UPSTREAM="+c.upstream+":9")
		if strings.Contains(out, "is where this gate itself listens") {
			t.Errorf("%s for %s: %s", c.upstream, c.listen, out)
		}
	}
}

// runBriefly is runGate for a gate that may keep running.
func runBriefly(t *testing.T, command string, env ...string) (string, int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var out strings.Builder
	code := run(ctx, []string{"gatepost", command}, append(env, "HOME=/"), strings.NewReader(""), &out, &out)
	return out.String(), code
}
