package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fakeSite answers like a gate with an app behind it, and can have the faults of real chains. The real gate is
// examined in cmd/gatepost.
type fakeSite struct {
	public    string // the site in loginUrl
	closed    func(r *http.Request) bool
	app       http.HandlerFunc
	keepsAll  bool // passes the client's headers to the app
	noOrigin  bool // accepts forms from other sites
	neverEnds bool // does not end sessions
	session   atomic.Pointer[string]
}

const (
	email    = "ada@example.com"
	password = "correct horse battery"
	token    = "dG9rZW4gb2YgdGhlIHRlc3Q"
)

// newFakeSite is a site without faults: only the root and plain paths below /public reach the app.
func newFakeSite() *fakeSite {
	return &fakeSite{
		closed: func(r *http.Request) bool {
			p, _, _ := strings.Cut(r.RequestURI, "?")
			return p != "/" && !(strings.HasPrefix(p, "/public") &&
				strings.Trim(p, "abcdefghijklmnopqrstuvwxyz/-") == "" && !strings.Contains(p, "//"))
		},
		app: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, "<title>App</title> page %s for %q", r.URL.Path, headersAndTrailers(r))
		},
	}
}

// headersAndTrailers are all values that an app might read an identity from.
func headersAndTrailers(r *http.Request) (all []string) {
	for _, h := range []http.Header{r.Header, r.Trailer} {
		for name, values := range h {
			if name != "User-Agent" {
				all = append(all, name+"="+strings.Join(values, ","))
			}
		}
	}
	slices.Sort(all)
	return all
}

func (f *fakeSite) cookieName() string {
	u, _ := url.Parse(f.public)
	if u.Scheme == "https" {
		return "__Host-gatepost"
	}
	return "gatepost_" + u.Port()
}

func (f *fakeSite) setCookie(w http.ResponseWriter, value, more string) {
	secure := ""
	if strings.HasPrefix(f.public, "https") {
		secure = "; Secure"
	}
	w.Header().Add("Set-Cookie", f.cookieName()+"="+value+"; Path=/; HttpOnly; SameSite=Lax"+secure+more)
}

func (f *fakeSite) signedIn(r *http.Request) bool {
	c, err := r.Cookie(f.cookieName())
	current := f.session.Load()
	return err == nil && current != nil && c.Value == *current
}

func (f *fakeSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == "TRACE" || r.Method == "CONNECT":
		w.WriteHeader(405)
	case r.URL.Path == "/.gatepost/healthz" && r.RequestURI == r.URL.Path:
		_, _ = io.WriteString(w, "ok")
	case r.URL.Path == "/login" || r.URL.Path == "/logout" || r.URL.Path == "/api/auth/get-session":
		f.pages(w, r)
	case f.closed(r) && !f.signedIn(r):
		f.refuse(w, r)
	default:
		f.forward(w, r)
	}
}

func (f *fakeSite) forward(w http.ResponseWriter, r *http.Request) {
	if !f.keepsAll {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Header, r.Trailer = http.Header{}, nil
	}
	f.app(w, r)
}

func (f *fakeSite) refuse(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		return
	}
	w.WriteHeader(401)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": "UNAUTHORIZED", "message": "Log in.",
		"loginUrl": f.public + "/login"})
}

func protect(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
}

func (f *fakeSite) pages(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	origin := http.NewCrossOriginProtection()
	_ = origin.AddTrustedOrigin(f.public)
	switch {
	case r.Method == "POST" && !f.noOrigin && origin.Check(r) != nil:
		w.WriteHeader(403)
	case r.URL.Path == "/api/auth/get-session":
		if !f.signedIn(r) {
			_, _ = io.WriteString(w, "null\n")
			return
		}
		_, _ = io.WriteString(w, `{"session":{},"user":{"email":"`+email+`"}}`)
	case r.URL.Path == "/logout":
		if f.signedIn(r) && !f.neverEnds {
			f.session.Store(nil)
		}
		f.setCookie(w, "", "; Max-Age=0")
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	case r.Method == "POST":
		f.signIn(w, r)
	default:
		if _, err := r.Cookie(f.cookieName()); err == nil {
			f.setCookie(w, "", "; Max-Age=0")
		}
		_, _ = io.WriteString(w, "<title>Log in</title>")
	}
}

func (f *fakeSite) signIn(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("email") != email || r.FormValue("password") != password {
		w.WriteHeader(401)
		return
	}
	t := token
	f.session.Store(&t)
	f.setCookie(w, t, "")
	http.Redirect(w, r, "/dashboard", http.StatusSeeOther)
}

// connection is the key of the net.Conn in the context of a request. Ports of closed connections are used again.
type connection struct{}

// serve starts a site with a proxy in front of it, and returns what to examine.
func (f *fakeSite) serve(t *testing.T, front func(http.Handler) http.Handler) Config {
	t.Helper()
	var h http.Handler = f
	if front != nil {
		h = front(f)
	}
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connection{}, c)
	}
	s.Start()
	t.Cleanup(s.Close)
	if f.public == "" {
		f.public = s.URL
	}
	u, _ := url.Parse(s.URL)
	return Config{URL: u, Protected: "/dashboard", Public: "/public", Ports: []string{u.Port()}}
}

func examine(t *testing.T, c Config) Report {
	t.Helper()
	report, err := Examine(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// ids are the ids of the findings of a level.
func (r Report) ids(l Level) (list []string) {
	for _, f := range r {
		if f.Level == l {
			list = append(list, f.ID)
		}
	}
	return list
}

// wantFailed checks that the wanted findings are there as failed, and with only that no others are.
func wantFailed(t *testing.T, r Report, only bool, want ...string) {
	t.Helper()
	got := r.ids(Failed)
	for _, id := range want {
		if !slices.Contains(got, id) {
			t.Errorf("%s did not fail; what failed is %q", id, got)
		}
	}
	if only && len(got) != len(want) {
		t.Errorf("failed: got %q, want %q", got, want)
	}
}

// cache is a proxy that caches answers by URL, whatever their Cache-Control.
type cache struct {
	behind http.Handler
	says   bool // names itself in the answers
	mu     sync.Mutex
	kept   map[string]*httptest.ResponseRecorder
}

func (c *cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, hit := c.kept[r.RequestURI]
	if r.Method != "GET" || !hit {
		answer = httptest.NewRecorder()
		c.behind.ServeHTTP(answer, r)
	}
	if r.Method == "GET" && answer.Code == 200 {
		c.kept[r.RequestURI] = answer
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	if hit && c.says {
		w.Header().Set("X-Cache", "HIT from front")
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func newCache(says bool) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return &cache{behind: h, says: says, kept: map[string]*httptest.ResponseRecorder{}}
	}
}

// requestFilter changes the headers of requests, as proxies do. answerFilter changes those of answers.
func requestFilter(f func(http.Header)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f(r.Header)
			h.ServeHTTP(w, r)
		})
	}
}

func answerFilter(f func(http.Header)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			f(answer.Header())
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		})
	}
}

// lenient is the page that a lenient app would serve for a target.
func lenient(r *http.Request) string {
	p, _, _ := strings.Cut(r.RequestURI, "?")
	for range 3 {
		if decoded, err := url.PathUnescape(p); err == nil {
			p = decoded
		}
	}
	var out []string
	for seg := range strings.SplitSeq(strings.ReplaceAll(p, `\`, "/"), "/") {
		seg, _, _ = strings.Cut(seg, ";")
		out = append(out, strings.TrimSpace(seg))
	}
	return strings.ToLower(path.Clean("/" + strings.Join(out, "/")))
}
