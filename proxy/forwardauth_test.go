package proxy_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/proxy"
)

var thisMachine = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// newAsked is a gate without an app that proxies ask. What newDoor's recorder would get is nobody's.
func newAsked(t *testing.T, peers []netip.Prefix, change ...func(*proxy.Config)) *door {
	t.Helper()
	d := newDoor(t)
	c := config(t, "http://127.0.0.1:1")
	c.Upstream = proxy.Upstream{}
	c.Refuse = func(w http.ResponseWriter, r *http.Request, status int, err error) {
		if status == http.StatusUnauthorized && strings.Contains(r.Header.Get("Accept"), "text/html") {
			w.Header().Set("Location", "/login?next="+r.RequestURI)
			status = http.StatusSeeOther
		}
		http.Error(w, "refused", status)
	}
	for _, f := range change {
		f(&c)
	}
	p := proxy.New(c, d.store.Reader)
	t.Cleanup(p.Close)
	gate := httptest.NewUnstartedServer(p.ForwardAuth(peers))
	gate.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	gate.Start()
	t.Cleanup(gate.Close)
	d.address = gate.Listener.Addr().String()
	return d
}

// question is how a proxy asks, in the dialect of its name.
func question(dialect, method, target string, headers ...string) string {
	names := "X-Forwarded-Method: %s\r\nX-Forwarded-Uri: %s\r\nX-Forwarded-Host: gate.example"
	switch dialect {
	case "envoy":
		return get(method+" /authz/envoy"+target, headers...)
	case "nginx", "haproxy":
		names = "X-Original-Method: %s\r\nX-Original-Uri: %s\r\nX-Original-Host: gate.example"
	}
	return get("GET /authz/"+dialect, append([]string{fmt.Sprintf(names, method, target)}, headers...)...)
}

var dialects = []string{"nginx", "traefik", "caddy", "envoy", "haproxy"}

// Each dialect decides as the gate does, with the statuses that its proxy understands.
func TestEachDialectDecides(t *testing.T) {
	t.Parallel()
	d := newAsked(t, thisMachine)
	for _, c := range []struct {
		method, target string
		cookie         bool
		headers        string
		want           int
	}{
		{"GET", "/public", false, "", 200},
		{"GET", "/dashboard", true, "", 200},
		{"POST", "/dashboard?x=%zz&/../", true, "", 200},
		{"HEAD", "/dashboard", true, "", 200},
		{"GET", "/dashboard", false, "", 401},
		{"GET", "/dashboard?a=b&c", false, "Accept: text/html", 303},
		{"GET", "/x/..%2fdashboard", false, "", 401},
		{"GET", "/public/../DASHBOARD", false, "", 401},
		{"GET", "/admin", true, "", 403},
		{"TRACE", "/public", true, "", 405},
		{"GET", "/%zz", true, "", 400},
		{"GET", "/a\\b", true, "", 400},
		{"GET", "/login", true, "", 404},
		{"GET", "/public", false, "X_Auth_User: eve", 400},
		{"GET", "/public", false, "X.Auth.User: eve", 400},
		{"GET", "/public", false, "Remote_User: eve", 400},
		{"GET", "/public", false, "Content_Length: 5", 400},
		{"GET", "/dashboard", true, "Sec-WebSocket-Key: x\r\nOrigin: http://evil.example", 403},
		{"GET", "/dashboard", true, "Sec-WebSocket-Key: x\r\nOrigin: http://gate.example", 200},
		{"GET", "/dashboard", true, "Sec-WebSocket-Key: x\r\nUpgrade: websocket\r\nOrigin: null", 403},
		{"GET", "/dashboard", true, "Sec-WebSocket-Version: 13\r\nOrigin: http://evil.example", 403}, // over HTTP/2
	} {
		for _, dialect := range dialects {
			headers := []string{"Connection: close"}
			if c.cookie {
				headers = append(headers, d.cookie())
			}
			if c.headers != "" {
				headers = append(headers, c.headers)
			}
			status, h, _ := d.send(t, question(dialect, c.method, c.target, headers...))
			want := c.want
			if dialect == "nginx" {
				want = map[int]int{200: 200, 401: 401, 303: 401}[c.want]
				if want == 0 {
					want = 403
				}
				if got := h.Get("X-Gatepost-Status"); want != c.want && got != fmt.Sprint(c.want) {
					t.Errorf("nginx %s %s: the gate's own status is %q, want %d", c.method, c.target, got, c.want)
				}
			}
			if status != want {
				t.Errorf("%s %s %s %s: got %d, want %d", dialect, c.method, c.target, c.headers, status, want)
			}
			if got, want := h.Get("Location"), "http://gate.example/login?next="+c.target; c.want == 303 && got != want {
				t.Errorf("%s: Location %q, want %q", dialect, got, want)
			}
		}
	}
}

// Every header that tells about the visitor is in every answer that lets a request pass, and empty where there is
// nothing to tell. What is the gate's is not among the cookies.
func TestEveryPassTellsWhoIsThere(t *testing.T) {
	t.Parallel()
	d := newAsked(t, thisMachine)
	told := []string{"X-Auth-User", "X-Auth-Email", "X-Auth-Roles", "X-Auth-Token-Id", "X-Auth-Assertion",
		"X-Auth-Provider-Token", "Cookie", "Authorization"}
	for _, dialect := range dialects {
		forged := []string{"X-Auth-User: eve", "X-Auth-Roles: admin", "Remote-User: eve", "X-Forwarded-Prefix: /x"}
		_, h, _ := d.send(t, question(dialect, "GET", "/public", append(forged, "Connection: close")...))
		for _, name := range told {
			if values := h[name]; len(values) != 1 || values[0] != "" {
				t.Errorf("%s, signed out: %s is %q", dialect, name, values)
			}
		}
		cut := h.Get("X-Gatepost-Cut") + h.Get("X-Envoy-Auth-Headers-To-Remove")
		lists := strings.HasPrefix(cut, "Remote-User,X-Forwarded-Prefix")
		if want := dialect == "envoy" || dialect == "haproxy"; want != lists {
			t.Errorf("%s cuts %q", dialect, cut)
		}
		_, h, _ = d.send(t, question(dialect, "GET", "/public", append(forged, "Cookie: a=b; "+cookieName+"="+
			string(d.token)+"; c=d", "Authorization: Basic x", "Connection: close")...))
		for name, want := range map[string]string{"X-Auth-User": d.user.ID, "X-Auth-Email": "ada@example.com",
			"X-Auth-Roles": "user", "Cookie": "a=b; c=d", "Authorization": "Basic x"} {
			if values := h[name]; len(values) != 1 || values[0] != want {
				t.Errorf("%s, signed in: %s is %q, want %q", dialect, name, values, want)
			}
		}
	}
}

// An assertion under another name is told as the other headers are: a proxy that copies what is there would leave a
// forged one.
func TestTheAssertionIsToldUnderItsOwnName(t *testing.T) {
	t.Parallel()
	d := newAsked(t, thisMachine, func(c *proxy.Config) {
		id, header, err := c.Identity.WithAssertion("x-proof")
		if err != nil {
			t.Fatal(err)
		}
		c.Identity, c.Assertions = id, proxy.Assertions{Header: header,
			Of: func(v *session.Session, method, rawPath string) ([]string, error) {
				return []string{v.User.Email + " " + method + " " + rawPath}, nil
			}}
	})
	for _, dialect := range dialects {
		for cookie, want := range map[string]string{"A: b": "", d.cookie(): "ada@example.com POST /public"} {
			_, h, _ := d.send(t, question(dialect, "POST", "/public", "X-Proof: forged", cookie, "Connection: close"))
			if values := h["X-Proof"]; len(values) != 1 || values[0] != want {
				t.Errorf("%s: X-Proof is %q, want %q", dialect, values, want)
			}
		}
	}
}

// A question that does not say, in the proxy's own headers and once, which request it is about lets nothing pass.
func TestAQuestionThatIsNotClearIsRefused(t *testing.T) {
	t.Parallel()
	d := newAsked(t, thisMachine)
	for _, dialect := range dialects {
		if dialect == "envoy" {
			continue
		}
		good := question(dialect, "GET", "/public", "Connection: close")
		lines := strings.Split(good, "\r\n")
		for i, line := range lines {
			name, _, _ := strings.Cut(line, ": ")
			if !strings.HasPrefix(line, "X-") {
				continue
			}
			without := strings.Replace(good, line+"\r\n", "", 1)
			for what, raw := range map[string]string{
				"missing":   without,
				"empty":     strings.Replace(good, line, name+": ", 1),
				"doubled":   strings.Replace(good, line, line+"\r\n"+line, 1),
				"list":      strings.Replace(good, line, line+", "+strings.TrimPrefix(lines[i], name+": "), 1),
				"query":     strings.Replace(without, "/authz/"+dialect, "/authz/"+dialect+"?uri=/public&method=GET", 1),
				"lookalike": strings.Replace(good, line, strings.Replace(name, "-", "_", 1)+": x\r\n"+line, 1),
			} {
				if what == "list" && strings.HasSuffix(name, "-URI") {
					continue
				}
				status, h, _ := d.send(t, raw)
				if want := map[bool]int{true: 403, false: 400}[dialect == "nginx"]; status != want || h["X-Auth-User"] != nil {
					t.Errorf("%s, %s %s: got %d, want %d", dialect, what, name, status, want)
				}
			}
		}
		if status, _, _ := d.send(t, good); status != 200 {
			t.Errorf("%s: the good one is %d", dialect, status)
		}
	}
	for _, target := range []string{"/authz", "/authz/", "/authz/other", "/authz/nginx/", "/authz/nginxx", "/",
		"//authz/nginx",
		"/authz/envoy", "/authz/Caddy", "/x/../authz/caddy", "/authz/caddy/public"} {
		status, _, _ := d.send(t, get("GET "+target, "X-Original-Method: GET", "X-Original-URI: /public",
			"X-Original-Host: gate.example", "X-Forwarded-Method: GET", "X-Forwarded-URI: /public",
			"X-Forwarded-Host: gate.example", "Connection: close"))
		if status == 200 {
			t.Errorf("%s lets pass", target)
		}
	}
}

// The visitor's query, which Caddy puts behind the question's path, decides nothing; nor do the headers of another
// dialect.
func TestOnlyTheHeadersOfTheDialectCount(t *testing.T) {
	t.Parallel()
	d := newAsked(t, thisMachine)
	for _, dialect := range []string{"caddy", "traefik"} {
		raw := question(dialect, "GET", "/dashboard?X-Forwarded-Uri=/public", "X-Original-URI: /public",
			"X-Original-Method: GET", "X-Original-Host: gate.example", "X-Rewrite-URL: /public", "Connection: close")
		raw = strings.Replace(raw, "/authz/"+dialect, "/authz/"+dialect+"?X-Forwarded-Uri=/public&uri=/public", 1)
		if status, _, _ := d.send(t, raw); status != 401 {
			t.Errorf("%s: %d", dialect, status)
		}
	}
	raw := question("nginx", "GET", "/dashboard", "X-Forwarded-Uri: /public", "X-Forwarded-Method: GET",
		"Connection: close")
	if status, _, _ := d.send(t, raw); status != 401 {
		t.Errorf("nginx: %d", status)
	}
}

// Whoever is none of the peers gets no decision, whatever they say.
func TestAStrangerMayNotAsk(t *testing.T) {
	t.Parallel()
	d := newAsked(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for _, dialect := range dialects {
		raw := question(dialect, "GET", "/public", "X-Forwarded-For: 10.0.0.1", "X-Real-IP: 10.0.0.1", d.cookie())
		if status, h, _ := d.send(t, raw); status != 403 || h["X-Auth-User"] != nil {
			t.Errorf("%s: %d %v", dialect, status, h)
		}
	}
}
