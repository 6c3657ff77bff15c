package proxy

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// wire is a gate whose app is a buffer with the bytes that would be sent to it.
type wire struct {
	gate *Proxy
	sent bytes.Buffer
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Write(&w.sent); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func newWire(f *testing.F, rules Rules) *wire {
	f.Helper()
	upstream, err1 := ParseUpstream("http://app.internal")
	identity, err2 := ParseIdentity(defaultHeaders, "")
	if err1 != nil || err2 != nil {
		f.Fatal(err1, err2)
	}
	w := &wire{gate: New(Config{
		Upstream: upstream, UpstreamTimeout: time.Minute, PublicURL: &url.URL{Scheme: "http", Host: "gate.example"},
		Rules: rules, Identity: identity,
		Cookie: session.Cookie{Name: "gatepost_8080"}, Page: func(string) http.Handler { return nil },
		Log:        slog.New(slog.DiscardHandler),
		Refuse:     func(w http.ResponseWriter, _ *http.Request, status int, _ error) { w.WriteHeader(status) },
		Navigating: func(*http.Request) bool { return false },
	}, nil)} // no request here has a session cookie
	w.gate.forward.Transport = w
	return w
}

// send passes raw bytes through Go's server-side parser and the gate. It returns nil when the parser refuses them.
func (w *wire) send(raw string) *httptest.ResponseRecorder {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return nil
	}
	r.RemoteAddr = "192.0.2.1:4711"
	w.sent.Reset()
	answer := httptest.NewRecorder()
	w.gate.ServeHTTP(answer, r)
	return answer
}

// For every target, the app receives exactly its bytes, and only if the rules call them public, or nothing.
func FuzzTheAppReceivesTheBytesThatWereJudged(f *testing.F) {
	for _, s := range []string{
		"/", "/?", "/a%2Fb?x=%zz;y", "//x/y", "//x|y", "/a//b/../c;d", "/%41\"<>|^`{}", "/\xc3\xbc",
		"http://gate.example/a?b", "http://gate.example?x", "http://evil/a",
		"http:a", "*", "/a#b", "/a\\b", "/%", "/?a#b\\c", "/_next/data/b/dashboard.json", "/dash%62oard", "//dashboard",
		"/a?/../dashboard", "/:80/x", "/a:b@c/d",
	} {
		f.Add(s)
	}
	rules, err := ParseRules("/dashboard", "")
	if err != nil {
		f.Fatal(err)
	}
	w := newWire(f, rules)
	f.Fuzz(func(t *testing.T, target string) {
		answer := w.send("GET " + target + " HTTP/1.1\r\nHost: gate.example\r\n\r\n")
		if answer == nil || answer.Code != 204 {
			if w.sent.Len() > 0 && answer != nil {
				t.Errorf("%q: answered %d, and the app was asked %q", target, answer.Code, w.sent.String())
			}
			w.sent.Reset()
			return
		}
		line, _, _ := strings.Cut(w.sent.String(), "\r\n")
		got := strings.TrimSuffix(strings.TrimPrefix(line, "GET "), " HTTP/1.1")
		want := target
		if !strings.HasPrefix(target, "/") { // an absolute target with the gate's own origin
			_, rest, _ := strings.Cut(target, "//")
			if want = strings.TrimLeft(rest, "GATE.XPLMgatexplm:80"); !strings.HasPrefix(want, "/") {
				want = "/" + want
			}
		}
		if got != want {
			t.Errorf("%q: the app was asked for %q", target, got)
		}
		if path, _, _ := strings.Cut(got, "?"); !rules.For("GET", path).Public {
			t.Errorf("%q: %q was forwarded, and is protected", target, path)
		}
	})
}

// For every header, no app finds an identity in it, in any server's folding, and no framing from the client.
func FuzzNoClientHeaderLooksLikeAnIdentity(f *testing.F) {
	for _, s := range []string{"X-Auth-User", "x_auth_user", "X.Auth.User", "X~Auth|User", "Remote-User",
		"X-Forwarded-For", "Content_Length", "Cookie", "X-Custom", "Upgrade", "Te", "Trailer"} {
		f.Add(s, "admin", "close, X-Auth-Email")
	}
	w := newWire(f, Rules{})
	id := &w.gate.c.Identity
	f.Fuzz(func(t *testing.T, name, value, connection string) {
		answer := w.send("GET / HTTP/1.1\r\nHost: gate.example\r\n" + name + ": " + value + "\r\nConnection: " +
			connection + "\r\n\r\n")
		if answer == nil || answer.Code != 204 {
			return
		}
		seen, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(w.sent.Bytes())))
		if err != nil {
			t.Fatalf("%q: the app cannot read %q: %v", name, w.sent.String(), err)
		}
		for n, v := range seen.Header {
			switch n {
			// Set by the gate.
			case "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Gatepost-Via", "X-Request-Id":
				if len(v) != 1 || v[0] == value && value != "" && n != "X-Forwarded-Proto" &&
					value != "192.0.2.1" && value != "gate.example" {
					t.Errorf("%q: the client chose %s: %q", name, n, v)
				}
				continue
			}
			if id.isStripped([]byte(foldName(n))) {
				t.Errorf("%q: the app sees %s: %q", name, n, v)
			}
		}
		if n := strings.Count(strings.ToLower(w.sent.String()), "\r\nhost:"); n != 1 {
			t.Errorf("%q: %d Host headers", name, n)
		}
		if rest, _ := io.ReadAll(seen.Body); len(rest) > 0 {
			t.Errorf("%q: a body of %q", name, rest)
		}
	})
}

// Whatever a proxy says of a request, the gate judges that request, or refuses the question: in each dialect the same.
func FuzzAQuestionIsAboutTheRequestThatTheProxyNames(f *testing.F) {
	for _, target := range []string{"/dashboard", "/x/..%2fdashboard?a=b", "//x/y", "/a b", "/%zz", "*", "?x",
		"http://gate.example/a", "/a#b", "/\\a", "", "/dashboard?/../public", "/\xff", "/a\x00"} {
		f.Add("GET", target, "gate.example")
	}
	f.Add("", "/x", "a,b")
	f.Fuzz(func(t *testing.T, method, target, host string) {
		for _, d := range dialects {
			r := httptest.NewRequest("GET", "http://gate.example/authz/"+d.name, nil)
			if r.Header[d.method] = []string{method}; d.uri == "" {
				r.Method, r.Host = method, host
			} else {
				r.Header[d.uri], r.Header[d.host] = []string{target}, []string{host}
			}
			about, err := d.asked(r, target)
			if err != nil {
				continue
			}
			if about.Method != method || about.RequestURI != target || about.Host != host {
				t.Errorf("%s: %q %q %q became %q %q %q", d.name, method, target, host, about.Method, about.RequestURI,
					about.Host)
			}
			got, err := parseTarget(about)
			want, err2 := parseTarget(&http.Request{RequestURI: target})
			if got != want || (err == nil) != (err2 == nil) {
				t.Errorf("%s: %q is %v, and %v at the gate", d.name, target, got, want)
			}
			if strings.ContainsAny(target, "\r\n \x00") {
				t.Errorf("%s takes %q", d.name, target)
			}
		}
	})
}
