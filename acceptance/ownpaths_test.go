package acceptance_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// loginApp is an app with login pages of its own.
type loginApp struct {
	mu    sync.Mutex
	asked []string
	serve func(w http.ResponseWriter, r *http.Request)
}

func (a *loginApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, r.Method+" "+r.Host+" "+r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("Cookie"))
	a.mu.Unlock()
	a.serve(w, r)
}

// pagesOf is an app with some pages, each with its answer. All other paths get the answer of "".
func pagesOf(pages map[string]string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		said, ok := pages[r.URL.Path]
		if !ok {
			said = pages[""]
		}
		code, location, _ := strings.Cut(said, " ")
		if location != "" {
			w.Header().Set("Location", strings.ReplaceAll(location, "PATH", r.URL.Path))
		}
		w.WriteHeader(map[string]int{"200": 200, "301": 301, "302": 302, "401": 401, "403": 403, "404": 404, "405": 405,
			"410": 410, "429": 429, "503": 503}[code])
	}
}

// check requests the gate's paths from the app, and tells a page of the app from an answer that every path
// gets.
func TestCheckAsksTheAppForOurPaths(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	for name, c := range map[string]struct {
		pages string
		app   map[string]string
		want  string
	}{
		"no such page": {"/", map[string]string{"": "404"}, ""},
		"a login": {"/", map[string]string{"": "404", "/login": "200", "/logout": "405",
			"/signup": "410"}, "/login, /logout"},
		"all of them": {"/", map[string]string{"": "404", "/login": "200", "/signup": "403",
			"/register": "301 /join", "/logout": "302 /", "/account": "401"},
			"/login, /signup, /register, /logout, /account"},
		"everything is a page":         {"/", map[string]string{"": "200"}, ""},
		"everybody is sent to a login": {"/", map[string]string{"": "302 /login?next=PATH", "/login": "200"}, "/login"},
		"to a login elsewhere":         {"/", map[string]string{"": "302 /users/login?back=PATH"}, ""},
		"to one that has our name":     {"/", map[string]string{"": "302 /account/login?state=PATH"}, ""},
		"to another spelling":          {"/", map[string]string{"": "301 PATH/"}, ""},
		"to another host": {"/", map[string]string{"": "301 https://app.example.com PATH",
			"/login": "302 https://id.example.com/"}, "/login"},
		"everything needs a password":  {"/", map[string]string{"": "401"}, ""},
		"an app that is too busy":      {"/", map[string]string{"": "404", "/login": "429", "/account": "503"}, ""},
		"an app that is away":          {"/", map[string]string{"": "503", "/login": "200"}, ""},
		"a login elsewhere than ours":  {"/auth", map[string]string{"": "404", "/login": "200"}, ""},
		"a login where ours was moved": {"/auth/", map[string]string{"": "404", "/auth/login": "200"}, "/auth/login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &loginApp{serve: pagesOf(c.app)}
			s := httptest.NewServer(a)
			defer s.Close()
			out, code := runGate(t, []string{"check"}, "DATABASE_URL="+database, "GATEPOST_OPS_LISTEN=off",
				"GATEPOST_UPSTREAM="+s.URL, "GATEPOST_PAGES="+c.pages,
				"GATEPOST_PUBLIC_URL=http://localhost:8080")
			last := "\nNothing is wrong; 1 warning above.\n"
			if c.want == "" {
				last = "\nEverything is in order.\n"
			}
			said := "warning: the app has pages of its own at " + c.want + ", where"
			if strings.Contains(out, "warning: the app has") != (c.want != "") ||
				c.want != "" && !strings.Contains(out, said) ||
				c.want != "" && !strings.Contains(out, "GATEPOST_PAGES") ||
				code != 0 || !strings.HasSuffix(out, last) {
				t.Errorf("exit %d, want %q: %s", code, c.want, out[max(0, len(out)-500):])
			}
			foreign := func(s string) bool {
				return s != "GET localhost:8080 http " && s != "HEAD localhost:8080 http "
			}
			if len(a.asked) > 12 || slices.ContainsFunc(a.asked, foreign) {
				t.Errorf("the app was asked %q", a.asked)
			}
		})
	}
}

// check reaches every kind of upstream, and says so if the app gives no answer.
func TestCheckAsksEveryKindOfUpstream(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	check := func(t *testing.T, upstream, want string, exit int) {
		out, code := runGate(t, []string{"check"}, "DATABASE_URL="+database, "GATEPOST_OPS_LISTEN=off",
			"GATEPOST_UPSTREAM="+upstream)
		if code != exit || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, want %d and %q: %s", upstream, code, exit, want, out[max(0, len(out)-500):])
		}
	}
	has := pagesOf(map[string]string{"": "404", "/login": "200"})
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	serve := func(l net.Listener, set func(*http.Protocols), secure bool) {
		s := httptest.NewUnstartedServer(http.HandlerFunc(has))
		_ = s.Listener.Close()
		s.Listener, s.Config.Protocols = l, &http.Protocols{}
		set(s.Config.Protocols)
		if secure {
			s.StartTLS()
		} else {
			s.Start()
		}
		t.Cleanup(s.Close)
	}
	const found = "warning: the app has pages of its own at /login, where"
	socket := filepath.Join(t.TempDir(), "app.sock")
	serve(listen("unix", socket), func(p *http.Protocols) { p.SetHTTP1(true) }, false)
	check(t, "unix://"+socket, found, 0)
	h2c := listen("tcp", "127.0.0.1:0")
	serve(h2c, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, false)
	check(t, "h2c://"+h2c.Addr().String(), found, 0)
	secure := listen("tcp", "127.0.0.1:0")
	serve(secure, func(p *http.Protocols) { p.SetHTTP1(true) }, true)
	check(t, "https://"+secure.Addr().String(), "is signed by itself and so of an unknown authority: put it into "+
		"GATEPOST_UPSTREAM_CA", 1)
	check(t, "http://"+h2c.Addr().String(), "set GATEPOST_UPSTREAM=h2c://"+h2c.Addr().String(), 1)
}

// If there are warnings, the last line does not say that all is in order.
func TestTheLastLineOfACheckCountsWarnings(t *testing.T) {
	t.Parallel()
	database, a := authtest.NewDatabase(t), newApp(t)
	for last, env := range map[string][]string{
		"Everything is in order.": {"GATEPOST_PUBLIC_URL=http://localhost:8080"},
		// There is no trusted proxy, and a rule opens nothing.
		"Nothing is wrong; 1 warning above.": {"GATEPOST_PUBLIC_URL=https://app.example.com"},
		"Nothing is wrong; 2 warnings above.": {"GATEPOST_PUBLIC_URL=https://app.example.com",
			"GATEPOST_PROTECT=/x", "GATEPOST_PUBLIC=/y"},
		"Nothing is wrong; 3 warnings above.": {"GATEPOST_PUBLIC_URL=http://app.example.com",
			"GATEPOST_ALLOW_HTTP=true", "GATEPOST_PROTECT=/x", "GATEPOST_PUBLIC=/y"},
	} {
		out, code := runGate(t, []string{"check"}, append(env, "DATABASE_URL="+database, "GATEPOST_OPS_LISTEN=off",
			"GATEPOST_UPSTREAM="+a.url)...)
		if code != 0 || !strings.HasSuffix(out, "\n"+last+"\n") ||
			strings.Contains(out, "in order") != strings.HasPrefix(last, "Everything") {
			t.Errorf("%q: exit %d: %s", last, code, out[max(0, len(out)-500):])
		}
	}
}
