package acceptance_test

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// poller is an app whose answers are late: they come when the test says so.
type poller struct {
	url  string
	late chan struct{} // closed when the app answers
	mu   sync.Mutex
	open map[string]int
}

func newPoller(t *testing.T) *poller {
	t.Helper()
	a := &poller{late: make(chan struct{}), open: map[string]int{}}
	app := httptest.NewServer(a)
	t.Cleanup(app.Close)
	a.url = app.URL
	return a
}

func (a *poller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Base(r.URL.Path) != "poll" {
		_, _ = io.WriteString(w, "app")
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	a.count(r.URL.Path, 1)
	defer a.count(r.URL.Path, -1)
	select {
	case <-a.late:
		_, _ = io.WriteString(w, "late news for "+r.Header.Get("X-Auth-Email"))
	case <-r.Context().Done():
	}
}

func (a *poller) count(path string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[path] += n
}

func (a *poller) waiting(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[path]
}

// pending is a request that waits for the app.
type pending struct {
	answer chan reply
	err    chan error
}

// waits begins a request, and returns when the app has it.
func (v *visitor) waits(app *poller, method, path, body string, headers ...string) *pending {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.gate.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	p := v.sends(req)
	eventually(v.t, path+" waits", func() bool { return app.waiting(path) > 0 })
	return p
}

func (v *visitor) sends(req *http.Request) *pending {
	p := &pending{make(chan reply, 1), make(chan error, 1)}
	go func() {
		res, err := v.client.Do(req)
		if err != nil {
			p.err <- err
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		p.answer <- reply{res.StatusCode, res.Header, string(b)}
	}()
	return p
}

// by returns the answer if it comes in time.
func (p *pending) by(t *testing.T, what string, latest time.Time) (r reply) {
	t.Helper()
	select {
	case r = <-p.answer:
	case err := <-p.err:
		t.Errorf("%s: %v", what, err)
	case <-time.After(time.Until(latest)):
		t.Errorf("%s: no answer", what)
	}
	return r
}

// A request that waits for the app when its session ends gets an answer as signed out within a second, and the app
// learns that nobody waits. Those of others go on.
func TestWhatWaitsForTheAppEndsWithTheSession(t *testing.T) {
	t.Parallel()
	for version := 1; version <= 2; version++ {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			t.Parallel()
			app, env := newPoller(t), []string{watched, "GATEPOST_PUBLIC=/public"}
			var roots *x509.CertPool
			if version == 2 {
				cert, key, issuer := writePair(t, t.TempDir(), nil)
				roots, env = issuer, append(env, "GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert,
					"GATEPOST_TLS_KEY="+key)
			}
			g := startGate(t, append(env, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url)...)
			if version == 2 {
				g.url = strings.Replace(g.url, "http://", "https://", 1)
			}
			bob := g.secure(t, roots)
			bob.signUp("bob@example.com")
			bobs := bob.waits(app, "GET", "/dashboard/bob/poll", "")
			strangers := g.secure(t, roots).waits(app, "GET", "/public/stranger/poll", "")

			v := g.secure(t, roots)
			v.signUp("ada@example.com")
			htmx := "HX-Request: true"
			polls := map[string]*pending{
				"/dashboard/poll":      v.waits(app, "GET", "/dashboard/poll", ""),
				"/dashboard/send/poll": v.waits(app, "POST", "/dashboard/send/poll", "a=b"),
				"/dashboard/page/poll": v.waits(app, "GET", "/dashboard/page/poll", "", navigate),
				"/dashboard/htmx/poll": v.waits(app, "GET", "/dashboard/htmx/poll", "", htmx),
				"/public/poll":         v.waits(app, "GET", "/public/poll", ""),
			}
			held := float64(len(polls) + 1) // and Bob's
			eventually(t, "they are held", func() bool { return gauge(t, g, "gatepost_lasting_answers") == held })
			if r := v.post("/logout"); r.status != 303 {
				t.Fatalf("logout: %d", r.status)
			}
			latest := time.Now().Add(endsWithin)
			for path, p := range polls {
				r := p.by(t, path, latest)
				switch {
				case strings.Contains(path, "page"):
					if r.status != 303 || r.location() != "/login?next="+neturl.QueryEscape(path) {
						t.Errorf("%s: got %d to %q", path, r.status, r.location())
					}
				case r.status != 401 || strings.Contains(r.body, "news"):
					t.Errorf("%s: got %d %s", path, r.status, r.body)
				case strings.Contains(path, "htmx") != (r.header.Get("HX-Redirect") != ""),
					!strings.Contains(path, "htmx") && !strings.Contains(r.body, `"loginUrl"`):
					t.Errorf("%s: got %v %s", path, r.header, r.body)
				}
				eventually(t, "the app is told: "+path, func() bool { return app.waiting(path) == 0 })
			}
			eventually(t, "the log says why, and what each was answered", func() bool {
				lines := regexp.MustCompile(`status=(401|303) .* err="the session ended before the answer did"`)
				return len(lines.FindAllString(g.log.String(), -1)) == len(polls)
			})
			close(app.late)
			if r := bobs.by(t, "Bob's", time.Now().Add(20*time.Second)); r.body != "late news for bob@example.com" {
				t.Errorf("Bob's: %d %s", r.status, r.body)
			}
			if r := strangers.by(t, "a stranger's", time.Now().Add(20*time.Second)); r.body != "late news for " {
				t.Errorf("a stranger's: %d %s", r.status, r.body)
			}
			if r := v.fetch("/public"); r.status != 200 { // on a connection that still works
				t.Errorf("afterwards: %d", r.status)
			}
		})
	}
}

// The same for an upload whose sender has come to a halt: neither side waits for the rest of it.
func TestAnUploadThatStandsStillEndsWithTheSession(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, r.Body)
			close(gone)
		}
	}))
	t.Cleanup(app.Close)
	g := startGate(t, watched, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.URL)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	body, sender := io.Pipe()
	t.Cleanup(func() { sender.Close() })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/dashboard/upload", body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 10_000
	p := v.sends(req)
	if _, err := sender.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is held", func() bool { return gauge(t, g, "gatepost_lasting_answers") == 1 })
	v.post("/logout")
	if r := p.by(t, "the upload", time.Now().Add(endsWithin)); r.status != 401 {
		t.Errorf("got %d %s", r.status, r.body)
	}
	select {
	case <-gone:
	case <-time.After(endsWithin):
		t.Error("the app still waits for the rest")
	}
}

// The same when the session is ended elsewhere: at another gate, by SQL, or by its time.
func TestWhatWaitsForTheAppEndsWithTheSessionElsewhere(t *testing.T) {
	t.Parallel()
	url, app := authtest.NewDatabase(t), newPoller(t)
	here, there := startGate(t, watched, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+app.url),
		startGate(t, watched, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+app.url)
	sql := func(sql string) {
		if _, err := authtest.Pool(t, url).Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
	}
	for name, end := range map[string]func(elsewhere *visitor) (after time.Duration){
		"another gate": func(elsewhere *visitor) time.Duration { elsewhere.post("/logout"); return 0 },
		"SQL": func(*visitor) time.Duration {
			sql(`UPDATE gatepost."user" SET disabled_at = now() WHERE email = 'sql@example.com'`)
			return 0
		},
		"expiry": func(*visitor) time.Duration {
			sql(`UPDATE gatepost.session SET expires_at = now() + interval '1 second'
				FROM gatepost."user" u WHERE u.id = user_id AND u.email = 'expiry@example.com'`)
			return time.Second
		},
	} {
		v := here.visitor(t)
		v.signUp(strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@example.com")
		elsewhere := there.visitor(t)
		at, _ := neturl.Parse(there.url)
		elsewhere.client.Jar.SetCookies(at, []*http.Cookie{{Name: "gatepost_" + at.Port(), Value: v.cookie().Value}})
		poll := v.waits(app, "GET", "/dashboard/poll", "")
		eventually(t, "it is held", func() bool { return gauge(t, here, "gatepost_lasting_answers") == 1 })
		after := end(elsewhere)
		if r := poll.by(t, name, time.Now().Add(after+endsWithin)); r.status != 401 {
			t.Errorf("%s: got %d %s", name, r.status, r.body)
		}
		eventually(t, "the app is told", func() bool { return app.waiting("/dashboard/poll") == 0 })
	}
}

// An answer that comes right after the log-out, to a request from right before it, is not passed on either.
func TestAnAnswerRightAfterTheLogOutIsNotPassedOn(t *testing.T) {
	t.Parallel()
	app := newPoller(t)
	g := startGate(t, watched, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url)
	bob := g.visitor(t)
	bob.signUp("bob@example.com")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	poll, bobs := v.waits(app, "GET", "/dashboard/poll", ""), bob.waits(app, "GET", "/dashboard/bob/poll", "")
	time.Sleep(20 * time.Millisecond) // what is answered sooner came at the same moment as the end
	v.post("/logout")
	close(app.late)
	if r := poll.by(t, "the poll", time.Now().Add(20*time.Second)); r.status != 401 || strings.Contains(r.body, "news") {
		t.Errorf("got %d %s", r.status, r.body)
	}
	if r := bobs.by(t, "Bob's", time.Now().Add(20*time.Second)); r.body != "late news for bob@example.com" {
		t.Errorf("Bob's: %d %s", r.status, r.body)
	}
}

// Whoever waits while PostgreSQL goes away is not taken for signed out.
func TestWhatWaitsInAnOutageIsNotSignedOut(t *testing.T) {
	t.Parallel()
	var delay atomic.Int64
	app := newPoller(t)
	g := startGate(t, "DATABASE_URL="+slow(t, authtest.NewDatabase(t), &delay), "GATEPOST_UPSTREAM="+app.url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	poll := v.waits(app, "GET", "/dashboard/poll", "")
	eventually(t, "it is held", func() bool { return gauge(t, g, "gatepost_lasting_answers") == 1 })
	delay.Store(int64(time.Minute))
	r := poll.by(t, "the poll", time.Now().Add(time.Minute))
	if r.status != 503 || r.header.Get("Retry-After") == "" || len(r.header["Set-Cookie"]) > 0 {
		t.Errorf("got %d %v", r.status, r.header)
	}
	_ = g.cmd.Process.Kill() // it would wait for connections with delayed messages
}
