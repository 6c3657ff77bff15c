package acceptance_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// aliases are other addresses of a lane's site.
const aliases = "GATEPOST_PUBLIC_URL_ALIASES=https://www.example.com, http://10.0.0.5:8080"

// A page opened at another address of the site is opened at the public URL instead. What asks for data is served.
func TestPagesOfAnAliasAreAtThePublicURL(t *testing.T) {
	t.Parallel()
	l := newLane(t, append(siteRules, aliases)...)
	l.signIn(t)
	for name, c := range map[string]struct {
		line, host string
		headers    []string
		status     int // 303 to the public URL, or what everybody gets
	}{
		"a page":                      {"GET /dashboard?a=%2F&b", "www.example.com", []string{navigate}, 303},
		"its header":                  {"HEAD /dashboard", "www.example.com", []string{navigate}, 303},
		"an old browser":              {"GET /public", "www.example.com", []string{"Accept: text/html"}, 303},
		"another spelling":            {"GET /public", "WWW.example.com:443", []string{navigate}, 303},
		"a page of ours":              {"GET /login?next=/x", "10.0.0.5:8080", []string{navigate}, 303},
		"an absolute target":          {"GET https://www.example.com/public", "x", []string{navigate}, 303},
		"two slashes":                 {"GET //evil.example/", "www.example.com", []string{navigate}, 303},
		"a script, signed out":        {"GET /dashboard", "www.example.com", []string{"Sec-Fetch-Mode: cors"}, 401},
		"a program":                   {"GET /public", "10.0.0.5:8080", nil, 200},
		"a script, signed in":         {"GET /dashboard", "www.example.com", []string{"Sec-Fetch-Mode: cors", l.cookie}, 200},
		"a form":                      {"POST /public", "www.example.com", []string{navigate, "Content-Length: 0"}, 200},
		"health":                      {"GET /.gatepost/healthz", "www.example.com", nil, 200},
		"another port":                {"GET /public", "10.0.0.5", []string{navigate}, 200},
		"a host that is none of them": {"GET /public", "example.com", []string{navigate}, 200},
		"a target that is none":       {"GET https://example.com/public", "www.example.com", nil, 400},
	} {
		raw := strings.Replace(l.request(c.line, c.headers...), "Host: "+l.host, "Host: "+c.host, 1)
		r := l.one(t, raw)
		_, path, _ := strings.Cut(c.line, " ")
		want := ""
		if c.status == 303 {
			want = l.url + strings.TrimPrefix(path, "https://www.example.com")
		}
		if r.status != c.status || r.location() != want {
			t.Errorf("%s: got %d to %q, want %d to %q", name, r.status, r.location(), c.status, want)
		}
		seen := strings.Join(l.app.take(), "")
		if strings.Contains(seen, "X-Forwarded-Host: ") && !strings.Contains(seen, "X-Forwarded-Host: "+l.host) ||
			c.status == 303 && seen != "" {
			t.Errorf("%s: the app saw %s", name, seen)
		}
	}
}

// The pages of an alias may open sockets and send forms as those of the public URL may, and no others.
func TestTheOriginsOfAnAliasAreKnown(t *testing.T) {
	t.Parallel()
	l := newLane(t, append(siteRules, aliases)...)
	l.signIn(t)
	l.app.answerWith("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	credentials := "email=ada%40example.com&password=" + url.QueryEscape(password)
	for origin, known := range map[string]bool{l.url: true, "https://www.example.com": true, "http://10.0.0.5:8080": true,
		"https://WWW.example.com:443": true, "http://www.example.com": false, "http://10.0.0.5": false,
		"https://www.example.com.evil.example": false, "https://evil.example": false, "null": false} {
		for _, host := range []string{l.host, "www.example.com"} {
			at := func(raw string) string { return strings.Replace(raw, "Host: "+l.host, "Host: "+host, 1) }
			r := l.one(t, at(l.request("GET /dashboard", l.cookie, "Origin: "+origin, "Upgrade: websocket",
				"Connection: Upgrade")))
			if want := map[bool]int{true: 101, false: 403}[known]; r.status != want {
				t.Errorf("a socket from %s at %s: got %d, want %d", origin, host, r.status, want)
			}
			if strings.Contains(origin, "WWW") {
				continue // browsers send it in lower case, and forms are compared so
			}
			r = l.one(t, at(l.form("/login", credentials, "Origin: "+origin, "Sec-Fetch-Site: cross-site")))
			if want := map[bool]int{true: 303, false: 403}[known]; r.status != want {
				t.Errorf("a form from %s at %s: got %d, want %d", origin, host, r.status, want)
			}
			r = l.one(t, at(l.request("POST /api/auth/sign-out", l.cookie, "Origin: "+origin, "Content-Length: 0")))
			if refused := r.status == 403; refused == known {
				t.Errorf("a request of the protocol from %s at %s: got %d", origin, host, r.status)
			}
			l.signInAgain(t)
		}
	}
}

// signInAgain makes another session for ada.
func (l *lane) signInAgain(t *testing.T) {
	t.Helper()
	v := l.visitor(t)
	if r := v.post("/login", "email", "ada@example.com", "password", password); r.status != 303 {
		t.Fatalf("sign in: %d %s", r.status, r.body)
	}
	l.cookie = "Cookie: " + v.cookie().String()
}

// rewritingProxies are proxies in front that are not told to pass Host on, as most are not by default.
func rewritingProxies(gate string) map[string]func(t *testing.T, port string) {
	at := &url.URL{Scheme: "http", Host: gate}
	serve := func(rewrite func(*httputil.ProxyRequest)) func(t *testing.T, port string) {
		return func(t *testing.T, port string) {
			l, err := net.Listen("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			s := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: rewrite}}
			go func() { _ = s.Serve(l) }()
			t.Cleanup(func() { _ = s.Close() })
		}
	}
	nginx := func(lines string) func(t *testing.T, port string) {
		return func(t *testing.T, port string) { bareNginx(t, port, "proxy_pass http://"+gate+"; "+lines) }
	}
	return map[string]func(t *testing.T, port string){
		"nginx":                        nginx(""),
		"nginx with other headers":     nginx("proxy_http_version 1.1; proxy_set_header X-Forwarded-For $remote_addr;"),
		"nginx with a fixed Host":      nginx("proxy_set_header Host 10.0.0.5:8080;"),
		"one that tells nothing":       serve(func(r *httputil.ProxyRequest) { r.SetURL(at) }),
		"one that tells what Host was": serve(func(r *httputil.ProxyRequest) { r.SetURL(at); r.SetXForwarded() }),
		"one with a fixed Host": serve(func(r *httputil.ProxyRequest) {
			r.SetURL(at)
			r.Out.Host = "www.example.com"
		}),
	}
}

// bareNginx runs nginx with one location.
func bareNginx(t *testing.T, port, location string) {
	t.Helper()
	nginx := fronts["nginx"]
	if _, err := os.Stat(nginx.program); err != nil {
		missing(t, nginx.program+" is not installed")
	}
	dir := t.TempDir()
	text := strings.ReplaceAll(strings.Replace(nginx.config, "SNIPPET",
		fmt.Sprintf("server { listen 127.0.0.1:%s; location / { %s } }", port, location), 1), "TMP", dir)
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, exec.Command(nginx.program, "-c", config))
	untilListening(t, "127.0.0.1:"+port)
}

// Behind a proxy that replaces Host nobody is redirected to where they are, without end. They get a page that names the
// line that the proxy lacks.
func TestAProxyThatReplacesHost(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_PUBLIC_URL=http://localhost:"+port, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8", aliases)
	gate := strings.Replace(strings.TrimPrefix(g.url, "http://"), "localhost", "127.0.0.1", 1)
	for name, start := range rewritingProxies(gate) {
		t.Run(name, func(t *testing.T) {
			start(t, port)
			fixed := strings.Contains(name, "fixed")
			v := (&running{url: "http://localhost:" + port}).visitor(t)
			path := "/dashboard?at=" + url.QueryEscape(name)
			r := v.open(path)
			for n := 0; r.status == 303 && r.location() == v.gate.url+path && n < 5; n++ {
				if !fixed {
					t.Errorf("%d redirects to the same address", n+1)
				}
				r = v.open(path)
			}
			if r.status != 400 || !strings.Contains(r.body, "proxy_set_header Host $http_host;") {
				t.Errorf("got %d to %q\n%s", r.status, r.location(), r.body)
			}
			if strings.Contains(r.body, gate) || strings.Contains(r.body, "127.0.0.1") {
				t.Errorf("the page names an address inside:\n%s", r.body)
			}
			if r := v.fetch("/public"); r.status != 200 {
				t.Errorf("a program: %d", r.status)
			}
		})
		eventually(t, "the port is free", func() bool {
			l, err := net.Listen("tcp", "127.0.0.1:"+port)
			if err == nil {
				_ = l.Close()
			}
			return err == nil
		})
	}
	if n := strings.Count(g.log.String(), "seem to be at another name"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// Whoever goes round the proxy, or comes by an alias as often as they like, is no loop.
func TestAnAliasThatIsVisitedOftenIsNoLoop(t *testing.T) {
	t.Parallel()
	l := newLane(t, append(siteRules, aliases)...)
	for range 30 {
		at := strings.Replace(l.request("GET /public", navigate), "Host: "+l.host, "Host: www.example.com", 1)
		if r := l.one(t, at); r.status != 303 || r.location() != l.url+"/public" {
			t.Fatalf("got %d to %q", r.status, r.location())
		}
		if r := l.one(t, l.request("GET /public", navigate)); r.status != 200 {
			t.Fatalf("at the public URL: %d", r.status)
		}
	}
}

// A proxy that speaks https and passes on to where everybody is sent to https would do so without end, too.
func TestAProxyThatHasEndedTLSIsNotSentToHTTPS(t *testing.T) {
	t.Parallel()
	cert, key, _ := writePair(t, t.TempDir(), nil)
	port := freePort(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key,
		"GATEPOST_HTTP_LISTEN=localhost:"+port)
	at := &url.URL{Scheme: "http", Host: "localhost:" + port}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}})
	t.Cleanup(front.Close)
	v := g.visitor(t)
	v.gate, v.client.Transport = &running{url: front.URL}, front.Client().Transport
	if r := v.open("/dashboard"); r.status != 400 || !strings.Contains(r.body, "GATEPOST_HTTP_LISTEN") {
		t.Errorf("got %d to %q\n%s", r.status, r.location(), r.body)
	}
}
