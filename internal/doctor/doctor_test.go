package doctor

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// quiet is a log for servers that are meant to be refused.
var quiet = log.New(io.Discard, "", 0)

func TestNothingIsWrongWithASiteThatIsRight(t *testing.T) {
	t.Parallel()
	c := newFakeSite().serve(t, nil)
	c.Email, c.Password = email, password
	r := examine(t, c)
	if r.Count(Failed)+r.Count(Warning) > 0 {
		var b strings.Builder
		_ = r.WriteText(&b)
		t.Errorf("something is wrong:\n%s", b.String())
	}
	for _, id := range []string{"gate.health", "gate.refusal", "gate.navigation", "spellings.refused",
		"neighbours.refused", "renaming.public", "renaming.protected", "identity.headers",
		"sockets.refused", "forms.refused", "caching.none", "cookie.address", "cookie.travels", "login.in",
		"login.session", "login.page", "login.out"} {
		if !slices.Contains(r.ids(OK), id) {
			t.Errorf("%s is not among what is fine: %q", id, r.ids(OK))
		}
	}
}

// The doctor's requests are recognisable, few at a time, and each has a connection of its own.
func TestItDoesNoHarm(t *testing.T) {
	t.Parallel()
	f := newFakeSite()
	var mu sync.Mutex
	now, most := 0, 0
	connections := map[any]bool{}
	c := f.serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			now++
			most = max(most, now)
			conn := r.Context().Value(connection{})
			if connections[conn] {
				t.Errorf("a second request on one connection: %s %s", r.Method, r.RequestURI)
			}
			connections[conn] = true
			mu.Unlock()
			if !strings.Contains(r.UserAgent(), "gatepost-doctor") {
				t.Errorf("%s %s has the User-Agent %q", r.Method, r.RequestURI, r.UserAgent())
			}
			if strings.Contains(r.Method, "DELETE") ||
				strings.Contains(r.Header.Get("X-Http-Method-Override"), "DELETE") {
				t.Errorf("%s %s may change something", r.Method, r.RequestURI)
			}
			h.ServeHTTP(w, r)
			mu.Lock()
			now--
			mu.Unlock()
		})
	})
	examine(t, c)
	if most > 4 || len(connections) < 300 {
		t.Errorf("%d at once, %d requests", most, len(connections))
	}
}

// A proxy that compares the beginning of the raw path, in front of an app that accepts many spellings.
func TestSpellingsGetPastANaivePrefix(t *testing.T) {
	t.Parallel()
	f := newFakeSite()
	f.closed = func(r *http.Request) bool { return strings.HasPrefix(r.RequestURI, "/dashboard") }
	f.app = func(w http.ResponseWriter, r *http.Request) {
		if page := lenient(r); page == "/dashboard" || page == "/public" {
			fmt.Fprintf(w, "page %s", page)
			return
		}
		w.WriteHeader(404)
	}
	r := examine(t, f.serve(t, nil))
	wantFailed(t, r, false, "spellings.slashes", "spellings.dots", "spellings.encoded-dots",
		"spellings.encoded-slashes", "spellings.encoded-letters",
		"spellings.params", "spellings.case", "spellings.escapes", "spellings.chains", "spellings.backslashes")
	if failed := r.ids(Failed); slices.Contains(failed, "spellings.suffixes") ||
		slices.Contains(failed, "spellings.queries") {
		t.Errorf("%q: these begin like the path, and were refused", failed)
	}
	if !slices.Contains(r.ids(Warning), "spellings.not-found") {
		t.Errorf("no word about the app's own 404: %q", r.ids(Warning))
	}
	for _, found := range r {
		if found.Level == Failed && (found.Sent == "" || found.Got == "" || found.Why == "" || found.Cure == "") {
			t.Errorf("%s does not say everything: %+v", found.ID, found)
		}
	}
}

// Every fault of a chain has a finding of its own, and no other test fails for it.
func TestEachFaultIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(f *fakeSite) (front func(http.Handler) http.Handler)
		want  []string
	}{
		{"an open page", func(f *fakeSite) func(http.Handler) http.Handler {
			f.closed = func(*http.Request) bool { return false }
			return nil
		}, []string{"gate.refusal"}},
		{"a query decides", func(f *fakeSite) func(http.Handler) http.Handler {
			was := f.closed
			f.closed = func(r *http.Request) bool { return was(r) && !strings.Contains(r.RequestURI, "?x=/public") }
			return nil
		}, []string{"spellings.queries"}},
		{"X-Original-URL", func(f *fakeSite) func(http.Handler) http.Handler {
			f.keepsAll = true
			f.app = func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Original-Url") != "" {
					_, _ = io.WriteString(w, "the books")
					return
				}
				_, _ = io.WriteString(w, "welcome")
			}
			return nil
		}, []string{"renaming.X-Original-URL"}},
		{"SCRIPT_NAME", func(f *fakeSite) func(http.Handler) http.Handler {
			f.keepsAll = true
			f.app = func(w http.ResponseWriter, r *http.Request) {
				switch path := strings.TrimPrefix(r.URL.Path, strings.Join(r.Header["Script_name"], "")); path {
				case "/public", "/dashboard", "/":
					_, _ = io.WriteString(w, "welcome")
				default:
					w.WriteHeader(404)
				}
			}
			return nil
		}, []string{"renaming.SCRIPT_NAME"}},
		{"X-Forwarded-Host in links", func(f *fakeSite) func(http.Handler) http.Handler {
			f.keepsAll = true
			f.app = func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `<a href="https://%s/reset">`, r.Header.Get("X-Forwarded-Host"))
			}
			return nil
		}, []string{"renaming.X-Forwarded-Host"}},
		{"a probe's name opens", func(f *fakeSite) func(http.Handler) http.Handler {
			was := f.closed
			f.closed = func(r *http.Request) bool { return was(r) && !strings.HasPrefix(r.UserAgent(), "GoogleHC/") }
			return nil
		}, []string{"renaming.opens-User-Agent"}},
		{"WebSocket past the gate", func(*fakeSite) func(http.Handler) http.Handler { return upgrading("websocket") },
			[]string{"sockets.websocket"}},
		{"h2c past the gate", func(*fakeSite) func(http.Handler) http.Handler { return upgrading("h2c") },
			[]string{"sockets.h2c", "sockets.h2c"}},
		{"TRACE", func(*fakeSite) func(http.Handler) http.Handler {
			return func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == "TRACE" {
						return
					}
					h.ServeHTTP(w, r)
				})
			}
		}, []string{"sockets.TRACE"}},
		{"Origin is dropped", func(*fakeSite) func(http.Handler) http.Handler {
			return requestFilter(func(h http.Header) { h.Del("Origin") })
		}, []string{"forms.origin", "forms.null-origin"}},
		{"both are dropped", func(f *fakeSite) func(http.Handler) http.Handler { f.noOrigin = true; return nil },
			[]string{"forms.both", "forms.origin", "forms.null-origin", "forms.sec-fetch-site"}},
		{"a cache that says so", func(*fakeSite) func(http.Handler) http.Handler { return newCache(true) },
			[]string{"caching.login-page", "caching.quiet", "caching.set-cookie"}},
		{"a cache that does not", func(*fakeSite) func(http.Handler) http.Handler { return newCache(false) },
			[]string{"caching.quiet", "caching.set-cookie"}},
		{"Cache-Control is rewritten", func(*fakeSite) func(http.Handler) http.Handler {
			return answerFilter(func(h http.Header) { h.Set("Cache-Control", "max-age=60") })
		}, []string{"caching.login-page-no-store", "caching.refusal-no-store"}},
		{"a policy of its own", func(*fakeSite) func(http.Handler) http.Handler {
			return answerFilter(func(h http.Header) { h.Set("Content-Security-Policy", "default-src *") })
		}, []string{"caching.page-headers"}},
		{"Set-Cookie is dropped", func(*fakeSite) func(http.Handler) http.Handler {
			return answerFilter(func(h http.Header) { h.Del("Set-Cookie") })
		}, []string{"cookie.set-cookie"}},
		{"Cookie is dropped", func(*fakeSite) func(http.Handler) http.Handler {
			return requestFilter(func(h http.Header) { h.Del("Cookie") })
		}, []string{"cookie.cookie"}},
		{"Set-Cookie is rewritten", func(*fakeSite) func(http.Handler) http.Handler {
			return answerFilter(func(h http.Header) {
				for i, line := range h["Set-Cookie"] {
					h["Set-Cookie"][i] = strings.Replace(line, "HttpOnly", "Domain=example.com", 1)
				}
			})
		}, []string{"cookie.attributes"}},
		{"/.gatepost/ goes elsewhere", func(*fakeSite) func(http.Handler) http.Handler {
			return func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.RequestURI == "/.gatepost/healthz" {
						w.WriteHeader(404)
						return
					}
					h.ServeHTTP(w, r)
				})
			}
		}, []string{"gate.health"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSite()
			wantFailed(t, examine(t, f.serve(t, c.spoil(f))), true, c.want...)
		})
	}
}

// upgrading is a proxy that accepts every upgrade.
func upgrading(protocol string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") != protocol {
				h.ServeHTTP(w, r)
				return
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn,
				"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n\r\n")
		})
	}
}

func TestAnAppThatIsToldWhoIsThereByAnybody(t *testing.T) {
	t.Parallel()
	f := newFakeSite()
	f.keepsAll = true
	r := examine(t, f.serve(t, nil))
	wantFailed(t, r, false, "identity.X-Auth-User", "identity.X_Auth_User", "identity.X.Auth.User",
		"identity.Remote-User", "identity.X-Forwarded-User", "identity.the-trailer-X-Auth-User")
}

func TestAGuardThatBlocksTheExaminationIsNoticed(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	n := 0
	f := newFakeSite()
	r := examine(t, f.serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			n++
			blocked := n > 100
			mu.Unlock()
			if blocked {
				w.WriteHeader(429)
				return
			}
			h.ServeHTTP(w, r)
		})
	}))
	for _, id := range []string{"spellings.throttled", "spellings.blocked"} {
		if !slices.Contains(r.ids(Warning), id) {
			t.Errorf("%s is not among the warnings %q", id, r.ids(Warning))
		}
	}
}

func TestNothingAnswers(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, and no program answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for address, want := range map[string]string{address: "refused", silent.Addr().String(): "it took too long"} {
		_, err := Examine(t.Context(), Config{URL: &url.URL{Scheme: "http", Host: address}, Protected: "/dashboard",
			Public: "/", Timeout: 200 * time.Millisecond})
		if err == nil || !strings.HasPrefix(err.Error(), "nothing answers at http://"+address) ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	}
}

func TestOverHTTPSAndFromTheAddressThatLeadsThere(t *testing.T) {
	t.Parallel()
	f := newFakeSite()
	secure := httptest.NewUnstartedServer(f)
	secure.EnableHTTP2 = true // and is never used
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	defer secure.Close()
	f.public = secure.URL
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.URL+r.RequestURI, http.StatusPermanentRedirect)
	}))
	defer plain.Close()
	u, _ := url.Parse(plain.URL)
	c := Config{URL: u, Protected: "/dashboard", Public: "/public", Email: email, Password: password,
		Ports:   []string{u.Port()},
		RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	r := examine(t, c)
	if r.Count(Failed)+r.Count(Warning) > 0 || !slices.Contains(r.ids(Note), "gate.https") ||
		!slices.Contains(r.ids(OK), "login.out") {
		t.Errorf("failed %q, warnings %q, notes %q", r.ids(Failed), r.ids(Warning), r.ids(Note))
	}
	c.RootCAs = nil
	if _, err := Examine(t.Context(), c); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate nobody vouches for: %v", err)
	}
}

func TestAnAddressThatIsNotThePublicOne(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"https://127.0.0.1": "cookie.scheme", "http://app.example.com": "cookie.host",
		"http://127.0.0.1:1": "cookie.port",
	} {
		f := newFakeSite()
		f.public = public
		wantFailed(t, examine(t, f.serve(t, nil)), false, want)
	}
}

func TestSigningInGoesWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		password string
		spoil    func(f *fakeSite) (front func(http.Handler) http.Handler)
		want     string
	}{
		{"a wrong password", "wrong", func(*fakeSite) func(http.Handler) http.Handler { return nil }, "login.in"},
		{"Set-Cookie is dropped", password, func(*fakeSite) func(http.Handler) http.Handler {
			return answerFilter(func(h http.Header) { h.Del("Set-Cookie") })
		}, "login.in"},
		{"Cookie is dropped", password, func(*fakeSite) func(http.Handler) http.Handler {
			return requestFilter(func(h http.Header) { h.Del("Cookie") })
		}, "login.page"},
		{"pages are kept for others", password,
			func(*fakeSite) func(http.Handler) http.Handler { return newCache(false) }, "login.cached"},
		{"logging out ends nothing", password,
			func(f *fakeSite) func(http.Handler) http.Handler { f.neverEnds = true; return nil }, "login.replay"},
		{"the app sees the cookie", password,
			func(f *fakeSite) func(http.Handler) http.Handler { f.keepsAll = true; return nil }, "login.cookie-seen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSite()
			front := c.spoil(f)
			config := f.serve(t, front)
			config.Email, config.Password = email, c.password
			var said strings.Builder
			config.Trace = func(sent, got string) { said.WriteString(sent + got + "\n") }
			r := examine(t, config)
			wantFailed(t, r, false, c.want)
			_ = r.WriteText(&said)
			if strings.Contains(said.String(), password) || strings.Contains(said.String(), token) {
				t.Error("the password or the cookie was shown")
			}
		})
	}
}
