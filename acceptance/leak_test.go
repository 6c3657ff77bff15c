package acceptance_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// settled returns the number of goroutines of a gate once it no longer changes.
func (g *running) settled(t *testing.T) (n float64) {
	t.Helper()
	same := 0
	eventually(t, "the gate is quiet", func() bool {
		time.Sleep(50 * time.Millisecond)
		now := gauge(t, g, "go_goroutines")
		if same++; now != n {
			n, same = now, 0
		}
		return same >= 10
	})
	return n
}

// Whichever side ends a request or a connection, nothing of it stays.
func TestNothingStaysOfWhatIsOver(t *testing.T) {
	t.Parallel()
	// Nine of each of four kinds, in two versions of HTTP, ended in three ways; and as many WebSockets in each
	// way.
	const each = 9
	cert, key, roots := writePair(t, t.TempDir(), nil)
	app := newTalker(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url,
		"GATEPOST_PUBLIC_URL=https://localhost:0",
		"GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key)
	g.url = strings.Replace(g.url, "http://", "https://", 1)
	newcomer := func(name string, version int) *visitor {
		v := g.secure(t, roots)
		v.client.Timeout = 0 // some answers are endless
		v.client.Transport.(*http.Transport).ForceAttemptHTTP2 = version == 2
		v.signUp(name + "@example.com")
		return v
	}
	visitors := []*visitor{nil, newcomer("ada", 1), newcomer("bob", 2)}
	loads := func(times int) {
		var all sync.WaitGroup
		for _, v := range visitors[1:] {
			for range 4 {
				all.Go(func() {
					for range times {
						if r := v.fetch("/dashboard/short"); r.status != 200 {
							t.Errorf("an ordinary request: %d", r.status)
						}
					}
				})
			}
		}
		all.Wait()
	}
	quiet := func() {
		app.hangUp() // both sides keep connections for a while
		for _, v := range visitors[1:] {
			v.client.CloseIdleConnections()
		}
	}
	loads(1)
	quiet()
	before := g.settled(t)
	loads(25)
	for name, end := range map[string]func(open []*opened){
		"the visitor leaves": func(open []*opened) {
			for _, o := range open {
				_ = o.Close()
			}
		},
		"the app hangs up": func([]*opened) { app.hangUp() },
		"a logout": func([]*opened) {
			for version, v := range visitors[1:] {
				v.post("/logout")
				v.signUp(strings.Repeat("x", version+1) + "@example.com")
			}
		},
	} {
		var open []*opened
		for version, v := range visitors[1:] {
			for range each {
				open = append(open, v.asks("GET", "/dashboard/events", nil), v.asks("GET", "/public/events", nil),
					v.asks("GET", "/dashboard/download", nil), v.uploads("/dashboard/upload", true))
				if version == 0 {
					open = append(open, v.opensTLS(roots, "/dashboard/ws", "Connection: Upgrade",
						"Upgrade: websocket", "Origin: "+g.url))
				}
			}
		}
		eventually(t, "all is under way and ends with its session", func() bool {
			return gauge(t, g, "gatepost_requests_in_flight") == float64(len(open)) &&
				gauge(t, g, "gatepost_lasting_answers") == float64(len(open))
		})
		for _, o := range open {
			go func() {
				_, _ = io.Copy(io.Discard, o.in)
				_ = o.Close() // as browsers do: a WebSocket ends when both sides have ended it
			}()
		}
		end(open)
		eventually(t, "all is over: "+name, func() bool {
			return gauge(t, g, "gatepost_requests_in_flight") == 0 && gauge(t, g, "gatepost_lasting_answers") == 0
		})
	}
	quiet()
	eventually(t, "all goroutines have ended", func() bool { return gauge(t, g, "go_goroutines") <= before })
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	if code := g.ended(); code != 0 {
		t.Errorf("a gate that ends what it believes to go on: exit code %d", code)
	}
}
