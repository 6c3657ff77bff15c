package acceptance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Over http, whoever only asks is sent to https. What has a secret in it, or may change something, is refused with
// words for its sender, and reaches neither pages nor app.
func TestHTTPBesideHTTPS(t *testing.T) {
	t.Parallel()
	cert, key, _ := writePair(t, t.TempDir(), nil)
	port, app := freePort(t), newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url,
		"GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key,
		"GATEPOST_HTTP_LISTEN=localhost:"+port)
	site := strings.Replace(g.url, "http://", "https://", 1)
	v := g.visitor(t)
	v.gate = &running{url: "http://localhost:" + port}
	const page, cookie = "Accept: text/html", "Cookie: app=1"
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		want               int
	}{
		"a browser":                     {"GET", "/dashboard?tab=2", "", []string{navigate}, 308},
		"a browser without Sec-Fetch":   {"GET", "/dashboard", "", []string{page}, 308},
		"a browser with cookies":        {"GET", "/dashboard", "", []string{page, cookie}, 308},
		"a mailed link":                 {"GET", "/login/reset?token=x", "", []string{page}, 308},
		"a browser's form":              {"POST", "/login", "email=a&password=b", []string{page}, 426},
		"a program":                     {"GET", "/dashboard", "", nil, 308},
		"a program that looks":          {"HEAD", "/", "", nil, 308},
		"a program with a query":        {"GET", "/feed?author=ada&monkey=1", "", nil, 308},
		"a program with a cookie":       {"GET", "/api", "", []string{cookie}, 426},
		"a program with a password":     {"GET", "/api", "", []string{"Authorization: Basic YTpi"}, 426},
		"one that says it is a browser": {"GET", "/api", "", []string{page, "Authorization: Bearer x"}, 426},
		"a program with a key":          {"GET", "/api", "", []string{"X-Api-Key: x"}, 426},
		"a program with a JWT":          {"GET", "/api?jwt=x", "", nil, 426},
		"a program with a token":        {"GET", "/api", "", []string{"X-Auth-Token: x"}, 426},
		"a token in the query":          {"GET", "/api?access_token=x", "", nil, 426},
		"a key in the query":            {"GET", "/api?api_key=x&a=b", "", nil, 426},
		"a form":                        {"POST", "/login", "email=a&password=b", nil, 426},
		"a form of the app's":           {"POST", "/public", "a=b", nil, 426},
		"a change":                      {"DELETE", "/items/1", "", nil, 426},
		"a body where none is expected": {"GET", "/api", "password=b", nil, 426},
		"a preflight":                   {"OPTIONS", "/api", "", []string{"Origin: https://a.example"}, 426},
		"a socket":                      {"GET", "/live", "", []string{"Upgrade: websocket", "Connection: Upgrade"}, 426},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body io.Reader
			if c.body != "" {
				body = strings.NewReader(c.body)
			}
			r := v.do(c.method, c.path, body, append(c.headers, "X-Request-Id: forged")...)
			if r.status != c.want || r.header.Get("Cache-Control") != "no-store" || len(r.header["Set-Cookie"]) > 0 ||
				r.header.Get("Strict-Transport-Security") != "" || strings.Contains(r.body, "forged") {
				t.Fatalf("%d %v %s", r.status, r.header, r.body)
			}
			if c.want == http.StatusPermanentRedirect {
				if to := site + c.path; r.location() != to || c.method == "GET" && !strings.Contains(r.body, to) {
					t.Errorf("sent to %q: %s", r.location(), r.body)
				}
				return
			}
			if r.location() != "" || r.header.Get("Upgrade") != "TLS/1.2, HTTP/1.1" ||
				!strings.Contains(r.body, site) || strings.Contains(r.body, "=b") {
				t.Errorf("%v %s", r.header, r.body)
			}
			if slices.Contains(c.headers, page) {
				if !strings.Contains(r.body, "<title>This site needs https") ||
					!strings.Contains(r.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
					t.Errorf("the page: %v %s", r.header, r.body)
				}
				return
			}
			var said struct{ Code, Message string }
			if err := json.Unmarshal([]byte(r.body), &said); err != nil || said.Code != "UPGRADE_REQUIRED" ||
				!strings.Contains(said.Message, "replace it") {
				t.Errorf("a program: %s", r.body)
			}
		})
	}
	t.Cleanup(func() {
		if seen := app.take(); len(seen) > 0 {
			t.Errorf("the app saw %q", seen)
		}
	})
}
