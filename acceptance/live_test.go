package acceptance_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// talker is an app with endless requests: a WebSocket, event streams, downloads, and uploads that it reads to
// their end.
type talker struct {
	url     string
	hangUp  func()        // ends all connections
	late    chan struct{} // streams of this name begin when it is closed
	flooded atomic.Int64  // bytes sent
	whole   atomic.Int64  // uploads that were completed
	mu      sync.Mutex
	open    map[string]int
}

func newTalker(t *testing.T) *talker {
	t.Helper()
	a := &talker{late: make(chan struct{}), open: map[string]int{}}
	app := httptest.NewUnstartedServer(a)
	var sockets sync.Map
	app.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateHijacked {
			sockets.Store(c, nil)
		}
	}
	app.Start()
	t.Cleanup(app.Close)
	a.url, a.hangUp = app.URL, func() {
		app.CloseClientConnections()
		sockets.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
	}
	return a
}

func (a *talker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.count(r.URL.Path, 1)
	defer a.count(r.URL.Path, -1)
	switch path.Base(r.URL.Path) {
	case "ws":
		echoSocket(w, r)
		return
	case "upload":
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			a.whole.Add(1)
		}
		return
	case "download":
		w.Header().Set("Content-Length", "1000000000")
	case "short":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		return
	case "late":
		select {
		case <-a.late:
		case <-r.Context().Done(): // so that the app can end
			return
		}
		fallthrough
	default:
		w.Header().Set("Content-Type", "text/event-stream")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	// A piece is more than is buffered of an answer with a known length.
	piece := "data: " + strings.Repeat("x", 8<<10) + "\n\n"
	for r.Context().Err() == nil {
		n, _ := io.WriteString(w, piece)
		_ = http.NewResponseController(w).Flush()
		if path.Base(r.URL.Path) == "flood" {
			a.flooded.Add(int64(n))
			continue
		}
		<-tick.C
	}
}

func (a *talker) count(path string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[path] += n
}

// answers returns how many requests for a path are under way.
func (a *talker) answers(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[path]
}

// opened is a connection with a request under way.
type opened struct {
	net.Conn
	in     *bufio.Reader
	status int
}

func (v *visitor) opens(path string, headers ...string) *opened {
	v.t.Helper()
	host := strings.TrimPrefix(v.gate.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n%s\r\n", path, host, v.cookie(),
		strings.Join(append(headers, ""), "\r\n"))
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		v.t.Fatalf("%s: %v", path, err)
	}
	return &opened{conn, in, res.StatusCode}
}

// asks is opens in the HTTP version of the visitor's client. Data passes only as it is read, so the gate cannot
// go on writing to a client that reads nothing.
func (v *visitor) asks(method, path string, body io.Reader) *opened {
	v.t.Helper()
	here, there := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	o := &opened{leaving{here, cancel}, bufio.NewReader(here), 200}
	v.t.Cleanup(func() { _ = o.Close() })
	req, err := http.NewRequestWithContext(ctx, method, v.gate.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	go func() {
		defer there.Close()
		if res, err := v.client.Do(req); err == nil {
			defer res.Body.Close()
			_, _ = io.Copy(there, res.Body)
		}
	}()
	return o
}

// leaving is a connection of one request, which ends with it.
type leaving struct {
	net.Conn
	cancel func()
}

func (l leaving) Close() error {
	l.cancel()
	return l.Conn.Close()
}

// uploads sends a part of a body, and then more of it or nothing.
func (v *visitor) uploads(path string, more bool) *opened {
	v.t.Helper()
	body, feed := io.Pipe()
	v.t.Cleanup(func() { _ = feed.Close() })
	go func() {
		for {
			if _, err := io.WriteString(feed, "some more"); err != nil || !more {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return v.asks("POST", path, body)
}

// ends waits until the other side has ended the connection.
func (o *opened) ends(t *testing.T, what string) {
	t.Helper()
	o.endsBy(t, what, time.Now().Add(20*time.Second))
}

func (o *opened) endsBy(t *testing.T, what string, latest time.Time) {
	t.Helper()
	_ = o.SetReadDeadline(latest)
	if _, err := io.Copy(io.Discard, o.in); isTimeout(err) {
		t.Errorf("%s goes on", what)
	}
}

// goesOn checks that more data arrives.
func (o *opened) goesOn(t *testing.T, what string) {
	t.Helper()
	_ = o.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(o.in, make([]byte, 100)); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// endsWithin is the promise of docs/security.md: requests under way are broken off within a second of the end
// of their session, at every gate.
const endsWithin = time.Second

// ongoing returns one request of each endless kind, by its path at a talker.
func (v *visitor) ongoing() map[string]*opened {
	open := map[string]*opened{
		"/dashboard/events":   v.asks("GET", "/dashboard/events", nil),
		"/public/events":      v.asks("GET", "/public/events", nil),
		"/dashboard/download": v.asks("GET", "/dashboard/download", nil),
		"/dashboard/upload":   v.uploads("/dashboard/upload", true),
	}
	for what, o := range open {
		if !strings.HasSuffix(what, "upload") {
			o.goesOn(v.t, what)
		}
	}
	return open
}

// endBy checks that all of them end by that time, on both sides.
func endBy(t *testing.T, app *talker, latest time.Time, open map[string]*opened) {
	t.Helper()
	var all sync.WaitGroup
	for what, o := range open {
		all.Go(func() {
			o.endsBy(t, what, latest)
			for app.answers(what) > 0 && time.Now().Before(latest) {
				time.Sleep(time.Millisecond)
			}
			if app.answers(what) > 0 {
				t.Errorf("%s goes on at the app", what)
			}
		})
	}
	all.Wait()
	if n := app.whole.Load(); n > 0 {
		t.Errorf("the app takes %d uploads for whole", n)
	}
}

// Requests under way end with their session, even if it is ended at another gate. Those of other sessions go
// on.
func TestWhatIsOpenEndsWithTheSession(t *testing.T) {
	t.Parallel()
	url, app := authtest.NewDatabase(t), newTalker(t)
	here, there := startGate(t, watched, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+app.url),
		startGate(t, watched, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+app.url)
	bob := here.visitor(t)
	bob.signUp("bob@example.com")
	bobs := bob.opens("/dashboard/bob")
	sql := func(sql string) {
		if _, err := authtest.Pool(t, url).Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
	}
	for name, end := range map[string]func(v, elsewhere *visitor) (after time.Duration){
		"logout here":  func(v, _ *visitor) time.Duration { v.post("/logout"); return 0 },
		"logout there": func(_, elsewhere *visitor) time.Duration { elsewhere.post("/logout"); return 0 },
		"SQL": func(*visitor, *visitor) time.Duration {
			sql(`UPDATE gatepost."user" SET disabled_at = now() WHERE email = 'sql@example.com'`)
			return 0
		},
		"expiry": func(*visitor, *visitor) time.Duration {
			sql(`UPDATE gatepost.session SET expires_at = now() + interval '1 second'
				FROM gatepost."user" u WHERE u.id = user_id AND u.email = 'expiry@example.com'`)
			return time.Second
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := here.visitor(t)
			v.signUp(strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@example.com")
			elsewhere := there.visitor(t)
			at, _ := neturl.Parse(there.url)
			elsewhere.client.Jar.SetCookies(at,
				[]*http.Cookie{{Name: "gatepost_" + at.Port(), Value: v.cookie().Value}})
			open := v.ongoing()
			open["/dashboard/ws"] = v.opens("/dashboard/ws", "Connection: Upgrade",
				"Upgrade: websocket", "Origin: "+here.url)
			for what := range open {
				eventually(t, what+" is open", func() bool { return app.answers(what) == 1 })
			}
			after := end(v, elsewhere)
			endBy(t, app, time.Now().Add(after+endsWithin), open)
			eventually(t, "the log says why",
				func() bool { return strings.Contains(here.log.String(), "the session ended before the answer did") })
			bobs.goesOn(t, "somebody else's")
		})
	}
}

// A visitor who reads or sends nothing keeps nothing open. With HTTP/2, one connection carries all requests.
func TestWhatIsOpenEndsInEitherHTTP(t *testing.T) {
	t.Parallel()
	for version := 1; version <= 2; version++ {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			t.Parallel()
			app, env := newTalker(t), []string{watched, "DATABASE_URL=" + authtest.NewDatabase(t)}
			var roots *x509.CertPool
			if version == 2 {
				cert, key, issuer := writePair(t, t.TempDir(), nil)
				roots, env = issuer, append(env, "GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert,
					"GATEPOST_TLS_KEY="+key)
			}
			g := startGate(t, append(env, "GATEPOST_UPSTREAM="+app.url)...)
			if version == 2 {
				g.url = strings.Replace(g.url, "http://", "https://", 1)
			}
			v := g.secure(t, roots)
			v.signUp("ada@example.com")
			open := v.ongoing()
			v.asks("GET", "/dashboard/flood", nil)
			v.uploads("/dashboard/stalled/upload", false)
			for _, what := range append(slices.Collect(maps.Keys(open)), "/dashboard/flood",
				"/dashboard/stalled/upload") {
				eventually(t, what+" is open", func() bool { return app.answers(what) == 1 })
			}
			eventually(t, "there is no room for more", func() bool {
				before := app.flooded.Load()
				time.Sleep(100 * time.Millisecond)
				return before > 0 && app.flooded.Load() == before
			})
			v.post("/logout")
			latest := time.Now().Add(endsWithin)
			endBy(t, app, latest, open)
			for gauge(t, g, "gatepost_requests_in_flight") > 0 || app.answers("/dashboard/flood") > 0 ||
				app.answers("/dashboard/stalled/upload") > 0 {
				if time.Now().After(latest) {
					t.Fatal("what nobody reads, or sends, goes on")
				}
				time.Sleep(5 * time.Millisecond) // the gate needs the core, too
			}
		})
	}
}

// A stream that the app begins after its session has ended is ended at once.
func TestAStreamBeginsAfterItsSessionHasEnded(t *testing.T) {
	t.Parallel()
	app := newTalker(t)
	g := startGate(t, watched, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	open := map[string]*opened{"/dashboard/late": v.asks("GET", "/dashboard/late", nil)}
	eventually(t, "the app knows", func() bool { return app.answers("/dashboard/late") == 1 })
	v.post("/logout")
	close(app.late)
	endBy(t, app, time.Now().Add(endsWithin), open)
}
