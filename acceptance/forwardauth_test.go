package acceptance_test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gatepost/gatepost/auth/authtest"
)

// asker is a proxy that asks the gate whether a request may pass, run with its snippet from deploy/proxies. Without a
// program it is a model in Go.
type asker struct {
	program  string
	snippets []string // the first one is the configuration, and refers to the others
	config   string   // surrounds the snippet
	args     []string
	replace  []string  // replacements for what cannot be as on a real machine; TLS would only make the test slow
	spoil    [2]string // a further replacement in all of them
	model    func(t *testing.T, snippet string, s *askedSite) http.Handler
}

const caddyProgram = "../bin/caddy-v2.11.9" // of scripts/need caddy

var caddyAsker = asker{program: "/usr/bin/caddy", snippets: []string{"Caddyfile.forward-auth"},
	args: []string{"run", "--adapter", "caddyfile", "--config", "CONFIG"},
	// For a host that it does not know Caddy would answer 200, and nothing else.
	config:  "{\n\tadmin off\n\tauto_https off\n}\nSNIPPET\nhttp://:PORT {\n\tbind 127.0.0.1\n\trespond 404\n}\n",
	replace: []string{"app.example.com {", "http://localhost:PORT {\n\tbind 127.0.0.1"}}

func newCaddy() asker {
	a := caddyAsker
	a.program = caddyProgram
	return a
}

// askers are the proxies of docs/forward-auth.md. Traefik and Envoy cannot be had as programs that build here.
var askers = map[string]asker{
	"nginx": {program: "/usr/sbin/nginx", snippets: []string{"nginx-forward-auth.conf"}, args: []string{"-c", "CONFIG"},
		config: fronts["nginx"].config,
		replace: []string{"listen 443 ssl http2", "listen 127.0.0.1:PORT", "    ssl_certificate     " +
			"/etc/ssl/app.example.com/fullchain.pem;\n    ssl_certificate_key /etc/ssl/app.example.com/key.pem;\n", ""}},
	"caddy":     caddyAsker,
	"new_caddy": newCaddy(),
	"haproxy": {program: "/usr/sbin/haproxy", snippets: []string{"haproxy-forward-auth.cfg", "gatepost.lua"},
		args: []string{"-f", "CONFIG"}, config: "SNIPPET",
		replace: []string{"bind :443 ssl crt /etc/ssl/app.example.com/bundle.pem alpn h2,http/1.1", "bind 127.0.0.1:PORT",
			"/etc/haproxy/gatepost.lua", "TMP/gatepost.lua"}},
	"traefik": {snippets: []string{"traefik-forward-auth.yaml"}, model: modelTraefik},
	"envoy":   {snippets: []string{"envoy-forward-auth.yaml"}, model: modelEnvoy},
}

// askedSite is a site whose proxy asks the gate, in front of an app.
type askedSite struct {
	*running
	*lane        // sends raw bytes to the proxy
	authz string // the address at which the gate is asked
	pages string // the address of the gate's pages
	app   string // the address of the app
	seen  *echoApp
}

// echoApp is an app that notes the requests it gets.
type echoApp struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (a *echoApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r)
	a.mu.Unlock()
	if r.URL.Path == "/dashboard/ws" {
		acceptSocket(w, r)
		return
	}
	n, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "the app got %s %s with %d bytes", r.Method, r.RequestURI, n)
}

// acceptSocket is echoSocket for proxies that look at the handshake (RFC 6455, section 4.2.2).
func acceptSocket(w http.ResponseWriter, r *http.Request) {
	conn, in, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	_, _ = io.Copy(conn, in)
}

// take returns the requests since the last call.
func (a *echoApp) take() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// ask starts a gate without an app, and the proxy that asks it. Without an address of an app it is an echoApp.
func (a asker) ask(t *testing.T, app string, env ...string) *askedSite {
	t.Helper()
	s := &askedSite{seen: &echoApp{}, app: app}
	if app == "" {
		server := httptest.NewServer(s.seen)
		t.Cleanup(server.Close)
		s.app = server.Listener.Addr().String()
	}
	port := freePort(t)
	s.authz = "127.0.0.1:" + freePort(t)
	s.lane = &lane{app: &wire{}, database: authtest.NewDatabase(t), host: "localhost:" + port}
	g := startGate(t, append([]string{"DATABASE_URL=" + s.database, "GATEPOST_PUBLIC_URL=http://" + s.host,
		"GATEPOST_TRUSTED_PROXIES=127.0.0.1", "GATEPOST_FORWARD_AUTH_LISTEN=" + s.authz}, env...)...)
	s.pages = strings.TrimPrefix(g.url, "http://")
	s.running = &running{url: "http://" + s.host, ops: g.ops, cmd: g.cmd, log: g.log, done: g.done}
	s.lane.running = s.running
	a.start(t, s, port)
	return s
}

// start starts the proxy.
func (a asker) start(t *testing.T, s *askedSite, port string) {
	t.Helper()
	dir := t.TempDir()
	for i := len(a.snippets) - 1; i >= 0; i-- {
		b, err := os.ReadFile("../deploy/proxies/" + a.snippets[i])
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for j := 0; i == 0 && j < len(a.replace); j += 2 {
			if !strings.Contains(text, a.replace[j]) {
				t.Fatalf("%s has no %q any more", a.snippets[i], a.replace[j])
			}
			text = strings.ReplaceAll(text, a.replace[j], a.replace[j+1])
		}
		text = strings.ReplaceAll(text, a.spoil[0]+"\n", a.spoil[1]+"\n")
		if i == 0 && a.model == nil {
			text = strings.Replace(a.config, "SNIPPET", text, 1)
		}
		text = strings.NewReplacer("127.0.0.1:9191", s.authz, "127.0.0.1:8080", s.pages, "127.0.0.1:3000", s.app,
			"PORT", port, "TMP", dir, "app.example.com", "localhost").Replace(text)
		if a.model != nil {
			model := httptest.NewUnstartedServer(a.model(t, text, s))
			_ = model.Listener.Close()
			model.Listener = listenAt(t, "127.0.0.1:"+port)
			model.Start()
			t.Cleanup(model.Close)
			return
		}
		if err := os.WriteFile(filepath.Join(dir, a.snippets[i]), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.launch(t, dir)
	untilListening(t, "127.0.0.1:"+port)
}

func (a asker) launch(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(a.program); err != nil {
		missing(t, a.program+" is not installed: scripts/need apps caddy")
	}
	cmd := exec.Command(a.program, a.args...)
	for i, arg := range cmd.Args {
		cmd.Args[i] = strings.Replace(arg, "CONFIG", filepath.Join(dir, a.snippets[0]), 1)
	}
	cmd.Env = []string{"HOME=" + dir}
	launch(t, cmd)
}

func listenAt(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// forAskers runs a test with each proxy.
func forAskers(t *testing.T, do func(t *testing.T, name string, a asker)) {
	t.Helper()
	t.Parallel()
	for name, a := range askers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			do(t, name, a)
		})
	}
}

// got returns the one request that the app got since the last call.
func (s *askedSite) got(t *testing.T, what string) *http.Request {
	t.Helper()
	seen := s.seen.take()
	if len(seen) != 1 {
		t.Fatalf("%s: the app got %d requests", what, len(seen))
	}
	return seen[0]
}

// identityHeaders are all headers by which the app could learn who is there.
var identityHeaders = []string{"X-Auth-User", "X-Auth-Email", "X-Auth-Email-Verified", "X-Auth-Name", "X-Auth-Roles",
	"X-Auth-Token-Id", "X-Auth-Assertion", "X-Auth-Provider-Token"}

// forgedNames are headers by which a visitor would be somebody else, in the spelling that proxies pass on.
var forgedNames = append(slices.Clone(identityHeaders), "Remote-User", "Remote-Groups", "X-Forwarded-User",
	"X-Forwarded-Email", "X-Forwarded-Groups", "X-Auth-Request-User", "X-WebAuth-User", "X-Remote-User",
	"X-Forwarded-Uri", "X-Forwarded-Method", "X-Original-Uri", "X-Original-Url", "X-Original-Method", "X-Original-Host",
	"X-Rewrite-Url", "X-Rewrite-Uri", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
	"X-Middleware-Subrequest", "X-Forwarded-Prefix", "Forwarded")

// A proxy that asks the gate serves the site as the gate itself would.
func TestAProxyAsksTheGate(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		v := s.visitor(t)
		if r := v.fetch("/dashboard"); r.status != 401 || !strings.Contains(r.body, s.url+"/login") {
			t.Errorf("signed out: %d %s", r.status, r.body)
		}
		if r := v.open("/dashboard?a=b&c=%2f"); r.status != 303 ||
			r.location() != s.url+"/login?next=%2Fdashboard%3Fa%3Db%26c%3D%252f" {
			t.Errorf("a page, signed out: %d %q", r.status, r.location())
		}
		if seen := s.seen.take(); len(seen) != 0 {
			t.Errorf("the app got %v", seen)
		}
		v.signUp("ada@example.com")
		for _, c := range []struct{ method, target string }{{"GET", "/dashboard/a%2Fb//c?x=%2f&y"}, {"HEAD", "/dashboard"},
			{"POST", "/dashboard/form"}, {"PUT", "/dashboard/x"}, {"DELETE", "/public"}} {
			body, size := io.Reader(nil), 0
			if c.method == "POST" || c.method == "PUT" {
				size = 3 << 20
				body = strings.NewReader(strings.Repeat("x", size))
			}
			r := v.do(c.method, c.target, body, "Cookie: theme=dark; lang=de",
				"Authorization: Basic YTpi")
			want := fmt.Sprintf("the app got %s %s with %d bytes", c.method, c.target, size)
			if r.status != 200 || c.method != "HEAD" && r.body != want {
				t.Errorf("got %d %q, want %q", r.status, r.body, want)
				continue
			}
			got := s.got(t, c.target)
			if h := got.Header; h.Get("X-Auth-Email") != "ada@example.com" || h.Get("X-Auth-Roles") != "user" ||
				h.Get("Authorization") != "Basic YTpi" {
				t.Errorf("%s: the app got %v", c.target, h)
			}
			if cookies := strings.Join(got.Header["Cookie"], "; "); strings.Contains(cookies, "gatepost") ||
				!strings.Contains(cookies, "theme=dark") || !strings.Contains(cookies, "lang=de") {
				t.Errorf("%s: the app got the cookies %q", c.target, cookies)
			}
		}
		chunked := s.request("POST /dashboard/form", "Cookie: "+v.cookie().String(), "Transfer-Encoding: chunked")
		if r := s.one(t, chunked+"5\r\nhello\r\n0\r\n\r\n"); r.status != 200 || !strings.Contains(r.body, "with 5 bytes") {
			t.Errorf("in chunks: %d %s", r.status, r.body)
		}
		s.seen.take()
		if r := v.fetch("/admin"); r.status != 403 {
			t.Errorf("without the role: %d", r.status)
		}
		if r := v.post("/logout"); r.status != 303 {
			t.Errorf("logout: %d", r.status)
		}
		if r := v.fetch("/dashboard"); r.status != 401 {
			t.Errorf("after the logout: %d", r.status)
		}
	})
}

// forge returns a forged value for each header by which a visitor would be somebody else, in each spelling.
func forge(separators ...string) (headers []string) {
	for _, name := range forgedNames {
		for _, sep := range separators {
			headers = append(headers, strings.ReplaceAll(name, "-", sep)+": eve")
		}
	}
	return headers
}

// Nothing by which a visitor would be somebody else reaches the app, on a public path and on a protected one.
func TestNoForgeryPassesAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		v := s.visitor(t)
		v.signUp("ada@example.com")
		for _, cookie := range []string{"Accept: */*", "Cookie: " + v.cookie().String()} {
			raw := s.request("GET /public", append(forge("-"), cookie)...)
			if r := s.one(t, raw); r.status != 200 {
				t.Errorf("%s: %d %s", cookie, r.status, r.body)
				continue
			}
			s.hasNoForgery(t, s.got(t, raw))
			for _, odd := range forge("_", ".") {
				r := s.one(t, s.request("GET /public", odd, cookie))
				for _, got := range s.seen.take() {
					s.hasNoForgery(t, got)
				}
				if r.status != 200 && r.status != 400 {
					t.Errorf("%s: %d", odd, r.status)
				}
			}
		}
	})
}

func (s *askedSite) hasNoForgery(t *testing.T, r *http.Request) {
	t.Helper()
	for header, values := range r.Header {
		if slices.Contains(values, "eve") {
			t.Errorf("the app got %s: %q", header, values)
		}
	}
}

// A Connection that names a header of the gate's takes nothing from what the app gets of the visitor.
func TestNoConnectionHeaderTakesTheIdentity(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		v := s.visitor(t)
		v.signUp("ada@example.com")
		for _, names := range []string{"X-Auth-User, X-Auth-Roles", "close, x-auth-user", "Cookie",
			"keep-alive, Authorization"} {
			raw := s.open("GET /dashboard", "Cookie: a=b; "+v.cookie().String(), "Authorization: Basic eA==",
				"Connection: "+names)
			raw = strings.Replace(raw, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
			r := s.one(t, raw)
			if seen := s.seen.take(); len(seen) > 0 && (seen[0].Header.Get("X-Auth-User") == "" ||
				seen[0].Header.Get("X-Auth-Roles") != "user" || seen[0].Header.Get("Cookie") != "a=b") {
				t.Errorf("%s: the app got %v", names, seen[0].Header)
			} else if r.status != 200 && r.status != 400 && r.status != 401 {
				t.Errorf("%s: %d", names, r.status)
			}
		}
	})
}

// What a visitor says of the request in the headers of proxies decides nothing.
func TestAVisitorCannotSayWhichRequestIsJudged(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		headers := []string{"X-Forwarded-Host: " + s.host, "X-Original-Host: " + s.host}
		for _, n := range []string{"X-Forwarded-Uri", "X-Original-URI", "X-Original-URL", "X-Rewrite-URL",
			"x-forwarded-uri", "X-Envoy-Original-Path"} {
			headers = append(headers, n+": /public")
		}
		for _, n := range []string{"X-Forwarded-Method", "X-Original-Method", "X-HTTP-Method-Override"} {
			headers = append(headers, n+": OPTIONS")
		}
		for _, target := range []string{"/dashboard", "/dashboard?X-Forwarded-Uri=/public&uri=/public", "/admin"} {
			if r := s.one(t, s.request("GET "+target, headers...)); r.status != 401 {
				t.Errorf("%s: %d %s", target, r.status, r.body)
			}
		}
		if seen := s.seen.take(); len(seen) != 0 {
			t.Errorf("the app got %v", seen)
		}
		// A page of the gate's is none that passes.
		for _, target := range []string{"/authz/nginx", "/_gatepost", "/.gatepost/../dashboard", "/login/../dashboard",
			"/login%2f..%2fdashboard", "/.gatepost/x", "/account/..;/dashboard"} {
			r := s.one(t, s.request("GET "+target, "X-Original-URI: /public", "X-Original-Method: GET",
				"X-Original-Host: "+s.host))
			for _, got := range s.seen.take() {
				if !strings.HasPrefix(got.RequestURI, "/authz/") && !strings.HasPrefix(got.RequestURI, "/_gatepost") {
					t.Errorf("%s: %d, and the app got %s", target, r.status, got.RequestURI)
				}
			}
		}
	})
}

// A WebSocket opens as through the gate itself.
func TestAWebSocketThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		v := s.visitor(t)
		v.signUp("ada@example.com")
		cookie := "Cookie: " + v.cookie().String()
		for origin, want := range map[string]int{s.url: 101, "http://evil.example": 403, "null": 403} {
			o := s.opensSocket(t, cookie, "Origin: "+origin)
			if o.status != want {
				t.Errorf("%s: %d", origin, o.status)
			}
			if o.status != 101 {
				continue
			}
			_, _ = io.WriteString(o, "hello")
			if b := make([]byte, 5); true {
				if _, err := io.ReadFull(o.in, b); err != nil || string(b) != "hello" {
					t.Errorf("the socket: %q %v", b, err)
				}
			}
			if got := s.got(t, "the handshake"); got.Header.Get("X-Auth-Email") != "ada@example.com" {
				t.Errorf("the app got %v", got.Header)
			}
		}
		if o := s.opensSocket(t, "Origin: "+s.url); o.status != 401 {
			t.Errorf("signed out: %d", o.status)
		}
		if seen := s.seen.take(); len(seen) != 0 {
			t.Errorf("the app got %v", seen)
		}
	})
}

func (s *askedSite) opensSocket(t *testing.T, headers ...string) *opened {
	t.Helper()
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, s.open("GET /dashboard/ws", append(headers, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")...))
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &opened{conn, in, res.StatusCode}
}

// The page of another origin opens no WebSocket over HTTP/2, which HAProxy offers browsers (RFC 8441): such a handshake
// has no key.
func TestAWebSocketOverHTTP2ThroughHAProxy(t *testing.T) {
	t.Parallel()
	a := askers["haproxy"]
	a.replace = slices.Clone(a.replace)
	a.replace[1] += " proto h2"
	s := a.ask(t, "")
	v := (&running{url: "http://" + s.pages}).visitor(t)
	v.signUp("ada@example.com")
	for origin, want := range map[string]string{s.url: "200", "http://evil.example": "403", "null": "403"} {
		if got := socketOverHTTP2(t, s.host, v.cookie().String(), origin); got != want {
			t.Errorf("%s: %s, want %s", origin, got, want)
		}
		if seen := s.seen.take(); len(seen) != map[bool]int{true: 1}[want == "200"] {
			t.Errorf("%s: the app got %v", origin, seen)
		}
	}
}

// socketOverHTTP2 asks for a WebSocket over HTTP/2, and returns the status.
func socketOverHTTP2(t *testing.T, host, cookie, origin string) (status string) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, h := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"},
		{":path", "/dashboard/ws"}, {":authority", host}, {"origin", origin}, {"sec-websocket-version", "13"},
		{"cookie", cookie}} {
		_ = e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = f.WriteSettings()
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := frame.(*http2.MetaHeadersFrame); ok {
			return h.PseudoValue("status")
		}
	}
}

// tunnels are requests for another protocol on the connection. With an app that agrees, what comes behind them would be
// judged by nobody.
var tunnels = map[string][]string{
	"h2c":               {"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"},
	"h2c, settings cut": {"Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"},
	"h2c alone":         {"Connection: Upgrade", "Upgrade: H2C"},
	"another":           {"Connection: upgrade", "Upgrade: TLS/1.0"},
	"one of a list":     {"Connection: Upgrade", "Upgrade: websocket, h2c"},
	"the first of two":  {"Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"},
	"the second of two": {"Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"},
	"like a WebSocket's": {"Connection: Upgrade", "Upgrade: h2c", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="},
}

// No connection becomes a tunnel of another protocol than WebSocket.
func TestNoTunnelThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		for what, headers := range tunnels {
			raw := "GET /public HTTP/1.1\r\nHost: " + s.host + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
			conn, err := net.Dial("tcp", s.host)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			_, _ = io.WriteString(conn, raw)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			_ = conn.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range s.seen.take() {
				if values := got.Header["Upgrade"]; len(values) > 1 ||
					len(values) == 1 && !strings.EqualFold(values[0], "websocket") {
					t.Errorf("%s: %d, and the app got %q", what, res.StatusCode, values)
				}
			}
		}
	})
}

// While the gate does not answer, nothing passes, not even what is public.
func TestWithoutTheGateNothingPasses(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		v := s.visitor(t)
		v.signUp("ada@example.com")
		_ = s.cmd.Process.Kill()
		<-s.done
		s.done <- nil
		for _, target := range []string{"/public", "/dashboard"} {
			if r := s.one(t, s.request("GET "+target, "Cookie: "+v.cookie().String())); r.status < 400 {
				t.Errorf("%s: %d", target, r.status)
			}
		}
		if seen := s.seen.take(); len(seen) != 0 {
			t.Errorf("the app got %v", seen)
		}
	})
}

// Spellings that open nothing at the gate open nothing through a proxy that asks it, which may read them otherwise.
func TestNoDisguisePassesAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "", siteRules...)
		for _, row := range disguises {
			for _, target := range row.targets {
				for _, method := range []string{"GET", "HEAD", "POST"} {
					s.keepsOut(t, s.request(method+" "+target, "Content-Length: 0"))
				}
			}
		}
		s.signIn(t)
		for _, row := range disguises { // whoever is signed in may not open what is for administrators
			for _, target := range row.targets {
				if strings.Contains(strings.ToLower(target), "admin") || strings.Contains(target, "%61dmin") {
					s.keepsOut(t, s.request("GET "+target, s.cookie))
				}
			}
		}
	})
}

// keepsOut sends a request, of which the app may get nothing.
func (s *askedSite) keepsOut(t *testing.T, raw string) {
	t.Helper()
	rawGet(t, s.host, raw)
	if seen := s.seen.take(); len(seen) > 0 {
		t.Errorf("%.100q: the app got %s %s", raw, seen[0].Method, seen[0].RequestURI)
	}
}

// A public prefix does not lead out of itself, and what acts on connections goes nowhere.
func TestAPublicPrefixThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "", "GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/foo, /assets, GET /hook, /favicon.ico")
		for _, row := range climbs {
			for _, target := range row.targets {
				s.keepsOut(t, s.request("GET "+target))
			}
		}
		for _, line := range []string{"TRACE /foo", "TRACK /foo", "trace /foo", "CONNECT /foo", "POST /hook", "get /hook",
			"OPTIONS /hook", "GET /foo\\..\\x", "GET /foo/%zz", "GET /foo/%", "GET *", "OPTIONS *", "GET /foo#/../x\x00"} {
			s.keepsOut(t, s.request(line, "Content-Length: 0"))
		}
		if r := s.one(t, s.request("GET /foo/child")); r.status != 200 {
			t.Errorf("what is public: %d", r.status)
		}
	})
}

// The same with an app that serves its dashboard under many spellings.
func TestNoSpellingOpensADashboardThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, realApps[0].start(t))
		refused := 0
		for _, target := range spellings() {
			got := rawGet(t, s.host, "GET "+target+" HTTP/1.1\r\nHost: "+s.host+"\r\nConnection: close\r\n\r\n")
			if strings.Contains(got, "the dashboard") {
				t.Errorf("%s opens it: %.300q", target, got)
			}
			if strings.Contains(got, "UNAUTHORIZED") {
				refused++
			}
		}
		if refused < 1000 {
			t.Errorf("only %d spellings were refused by the gate", refused)
		}
	})
}
