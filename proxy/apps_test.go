package proxy

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// twoApps is a gate in front of two apps that differ in everything: one, at one.example, and two, at every other host
// but nobody.example. One is the app that a Proxy gets from its Config.
type twoApps struct {
	gate     *Proxy
	one, two *app
	token    secret.Token
	user     session.User

	mu   sync.Mutex
	seen []*http.Request // what the apps got, each with the name of the app as its Pattern
	open map[string]int  // connections to each app
}

// newTwoApps has app two at a Unix socket, to which the transport of app one cannot get, or on a network ("tcp").
func newTwoApps(t *testing.T, network string) *twoApps {
	t.Helper()
	store, _ := authtest.NewStore(t)
	issued, err := store.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Name: "Ada",
		Password: "correct horse battery"}, true, "", secret.Client{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := store.Lookup(t.Context(), issued.Session)
	if err != nil {
		t.Fatal(err)
	}
	g := &twoApps{token: issued.Session, user: found.User, open: map[string]int{}}
	address := map[string]string{"unix": filepath.Join(t.TempDir(), "two.sock"), "tcp": "127.0.0.1:0"}[network]
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	c := g.config(t, "one", g.serve(t, "one", nil))
	c.PublicURL = &url.URL{Scheme: "https", Host: "one.example"}
	g.gate = New(c, store.Reader)
	g.one = g.gate.apps[0]
	at := g.serve(t, "two", listener)
	if network == "unix" {
		at = "unix://" + address
	}
	c = g.config(t, "two", at)
	c.PublicURL, c.HSTS = &url.URL{Scheme: "http", Host: "localhost:8080"}, "max-age=2"
	g.two = newApp(c, store.Reader)
	g.gate.apps = append(g.gate.apps, g.two)
	t.Cleanup(g.gate.Close)
	g.gate.appOf = func(r *http.Request) *app {
		switch r.Host {
		case "one.example":
			return g.one
		case "nobody.example":
			return nowhere
		}
		return g.two
	}
	return g
}

// config is the part of a configuration that an app's name makes: /one is protected, and X-One has the user's id.
func (g *twoApps) config(t *testing.T, name, upstream string) Config {
	t.Helper()
	rules, err1 := ParseRules("/"+name, "")
	identity, err2 := ParseIdentity("X-"+strings.ToUpper(name[:1])+name[1:]+"=id", "")
	address, err3 := ParseUpstream(upstream)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	tokens := ProviderTokens{Paths: []string{"/" + name}, Of: func(*http.Request, session.Session) secret.Text {
		return secret.Text("for " + name)
	}}
	return Config{Upstream: address, UpstreamTimeout: time.Minute, Rules: rules, Identity: identity,
		ProviderTokens: tokens,
		Cookie:         session.Cookie{Name: "gatepost_" + name},
		Page:           func(string) http.Handler { return nil }, Log: slog.New(slog.DiscardHandler),
		LeadsBack:  func(path string) bool { return path == "/login" },
		Navigating: func(r *http.Request) bool { return r.Header.Get("Accept") == "text/html" },
		Refuse:     func(w http.ResponseWriter, _ *http.Request, status int, _ error) { w.WriteHeader(status) }}
}

// serve runs an app, which answers by its path, and returns its address.
func (g *twoApps) serve(t *testing.T, name string, at net.Listener) string {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Pattern = name
		g.mu.Lock()
		g.seen = append(g.seen, r)
		g.mu.Unlock()
		w.Header().Add("Set-Cookie", "gatepost_"+name+"=forged")
		w.Header().Add("Set-Cookie", "of="+name)
		switch r.URL.Path {
		case "/interim":
			w.WriteHeader(http.StatusEarlyHints)
		case "/slow":
			time.Sleep(100 * time.Millisecond)
		case "/loop":
			w.Header().Set("Location", "/login")
			w.WriteHeader(http.StatusFound)
		}
	}))
	if at != nil {
		_ = s.Listener.Close()
		s.Listener = at
	}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		g.mu.Lock()
		defer g.mu.Unlock()
		switch state {
		case http.StateNew:
			g.open[name]++
		case http.StateClosed:
			g.open[name]--
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// visitor records an answer, and the headers of its interim answers.
type visitor struct {
	*httptest.ResponseRecorder
	interim []http.Header
}

func (v *visitor) WriteHeader(status int) {
	if status < 200 {
		v.interim = append(v.interim, v.Header().Clone())
		return
	}
	v.ResponseRecorder.WriteHeader(status)
}

// ask sends a request, with headers as "Name: value", and returns the answer and what an app got; nil if none did.
func (g *twoApps) ask(r *http.Request, host string, headers ...string) (*visitor, *http.Request) {
	r.Host = host
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	v := &visitor{ResponseRecorder: httptest.NewRecorder()}
	g.gate.ServeHTTP(v, r)
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := g.seen
	if g.seen = nil; len(seen) == 0 {
		return v, nil
	}
	return v, seen[0]
}

func (g *twoApps) get(host, target string, headers ...string) (*visitor, *http.Request) {
	return g.ask(httptest.NewRequest(http.MethodGet, target, nil), host, headers...)
}

// reaches asks for a page that app two answers, and returns the answer and what the app got.
func (g *twoApps) reaches(t *testing.T, host, target string, headers ...string) (*visitor, *http.Request) {
	t.Helper()
	v, seen := g.get(host, target, headers...)
	if seen == nil || seen.Pattern != "two" || v.Code >= 400 {
		t.Fatalf("%s at %q: %d, and an app got %v", target, host, v.Code, seen)
	}
	return v, seen
}

// stops asks for a page that the gate answers with a status.
func (g *twoApps) stops(t *testing.T, status int, host, target string, headers ...string) *visitor {
	t.Helper()
	v, seen := g.get(host, target, headers...)
	if v.Code != status || seen != nil {
		t.Errorf("%s at %q: %d, want %d, and an app got %v", target, host, v.Code, status, seen)
	}
	return v
}

// The app of a request is chosen once, and each station takes it from there. What a station took of the gate's first
// app instead would show: app two has its own address, rules, cookie, headers and public URL, and its own timeout.
func TestEveryStationTakesTheAppOfItsRequest(t *testing.T) {
	t.Parallel()
	g := newTwoApps(t, "unix")
	is := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	const host, browser = "two.internal", "Accept: text/html"
	cookies := "Cookie: gatepost_one=" + string(g.token) + "; gatepost_two=" + string(g.token) + "; a=1"

	g.reaches(t, host, "http://localhost:8080/open")
	g.stops(t, 400, host, "https://one.example/open")
	v := g.stops(t, 303, "127.0.0.1:8080", "/open?a", browser)
	is(v.Header().Get("Location"), "http://localhost:8080/open?a")

	g.stops(t, 401, host, "/two")
	g.reaches(t, host, "/one")
	g.stops(t, 401, host, "/two", "Cookie: gatepost_one="+string(g.token))
	_, r := g.reaches(t, host, "/two", cookies, "X-Two: forged", "X-One: passes")
	is(r.Header.Get("X-Two"), g.user.ID)
	is(r.Header.Get("X-One"), "passes")
	is(r.Header.Get("X-Auth-Provider-Token"), "for two")
	is(r.Header.Get("Cookie"), "gatepost_one="+string(g.token)+"; a=1")
	_, r = g.reaches(t, host, "/one", cookies)
	is(r.Header.Get("X-Auth-Provider-Token"), "")
	_, r = g.reaches(t, host, "/open", "X-Two: forged")
	is(r.Header.Get("X-Two"), "")
	is(r.Header.Get("X-Forwarded-Host"), "localhost:8080")
	is(r.Header.Get("X-Forwarded-Proto"), "http")
	_, r = g.reaches(t, "", "/open")
	is(r.Host, "localhost:8080")

	socket := []string{cookies, "Connection: Upgrade", "Upgrade: websocket"}
	g.reaches(t, host, "/open", append(socket, "Origin: http://localhost:8080")...)
	g.stops(t, 403, host, "/open", append(socket, "Origin: https://one.example")...)

	v, _ = g.reaches(t, host, "/interim")
	is(strings.Join(v.interim[0]["Set-Cookie"], ", "), "of=two")
	is(strings.Join(v.Result().Header["Set-Cookie"], ", "), "of=two")
	is(v.Header().Get("Strict-Transport-Security"), "max-age=2")

	for range loopsAfter - 1 {
		g.reaches(t, host, "/loop", cookies, browser)
	}
	if v, _ := g.get(host, "/loop", cookies, browser); v.Code != http.StatusLoopDetected {
		t.Errorf("a redirect to the login, again and again: %d", v.Code)
	}

	g.one.timeout = time.Millisecond
	if v, _ := g.ask(httptest.NewRequest(http.MethodPost, "/slow", strings.NewReader("a")), host); v.Code != 200 {
		t.Errorf("an app that is silent for longer than another may be: %d", v.Code)
	}
	newTwoApps(t, "tcp").reaches(t, host, "/open") // where the transport of app one could get, too
}

// A connection that an app has signed in is used for that app only, whatever app the visitor's next request is for.
func TestATiedConnectionLeadsToItsApp(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		g := newTwoApps(t, network)
		conn, other := net.Pipe()
		defer conn.Close()
		defer other.Close()
		ctx := ConnContext(context.Background(), conn)
		var tied string // the address of the connection, as the app sees it; all at a Unix socket have the same
		for i, c := range []struct {
			host, app, authorization string
			same                     bool // goes over the connection of the request before
		}{
			{"two.internal", "two", "NTLM a", false},
			{"two.internal", "two", "", true},
			{"one.example", "one", "", false},
			{"one.example", "one", "NTLM b", false},
			{"one.example", "one", "", true},
			{"two.internal", "two", "NTLM c", false},
		} {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			_, seen := g.ask(r, c.host, "Cookie: gatepost_one="+string(g.token)+"; gatepost_two="+string(g.token))
			if seen == nil || seen.Pattern != c.app {
				t.Fatalf("request %d for %s got to %v", i, c.app, seen)
			}
			if same := seen.RemoteAddr == tied; same != c.same && network == "tcp" {
				t.Errorf("request %d for %s over the connection of the one before: %t", i, c.app, same)
			}
			tied = seen.RemoteAddr
		}
	}
}

// A request whose host has no app gets to none, and is bound to nothing by HSTS.
func TestAHostWithoutAnAppIsRefused(t *testing.T) {
	t.Parallel()
	g := newTwoApps(t, "tcp")
	v, seen := g.get("nobody.example", "/open", "Accept: text/html",
		"Cookie: gatepost_one="+string(g.token)+"; gatepost_two="+string(g.token))
	if hsts := v.Header().Get("Strict-Transport-Security"); v.Code != http.StatusNotFound || seen != nil || hsts != "" {
		t.Errorf("answered with %d %q, and an app got %v", v.Code, hsts, seen)
	}
}

// Close ends the idle connections to each app.
func TestCloseEndsTheConnectionsToAllApps(t *testing.T) {
	t.Parallel()
	g := newTwoApps(t, "tcp")
	g.get("one.example", "/open")
	g.get("two.internal", "/open")
	connections := func() [2]int {
		g.mu.Lock()
		defer g.mu.Unlock()
		return [2]int{g.open["one"], g.open["two"]}
	}
	if got := connections(); got != [2]int{1, 1} {
		t.Fatalf("before it there are %v", got)
	}
	g.gate.Close()
	for range 500 {
		if connections() == [2]int{} {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%v are left", connections())
}
