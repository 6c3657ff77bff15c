package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/proxy"
)

// TestMain makes rapid try more cases than by default, unless the command line says how many.
func TestMain(m *testing.M) {
	checks := flag.Lookup("rapid.checks")
	flag.Parse()
	if checks.Value.String() == checks.DefValue {
		_ = flag.Set("rapid.checks", "1000")
	}
	authtest.Main(m)
}

// recorder is an app that records the exact bytes of each request and answers as the test says.
type recorder struct {
	listener net.Listener
	mu       sync.Mutex
	heads    []string
	answer   string
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	rec := &recorder{listener: l, answer: okAnswer}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go rec.serve(conn)
		}
	}()
	return rec
}

func (rec *recorder) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var head strings.Builder
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if line == "\r\n" {
				break
			}
		}
		rec.mu.Lock()
		rec.heads = append(rec.heads, head.String())
		answer := rec.answer
		rec.mu.Unlock()
		if _, err := io.WriteString(conn, answer); err != nil || !strings.HasPrefix(head.String(), "GET ") {
			return // bodies are not read; closes, as a careless app might
		}
	}
}

func (rec *recorder) answerWith(s string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.answer = s
}

// take returns the requests since the last call.
func (rec *recorder) take() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	heads := rec.heads
	rec.heads = nil
	return heads
}

// door is a gate in front of a recorder, with a signed-in user.
type door struct {
	*recorder
	address string
	token   secret.Token
	store   *auth.Store
	user    session.User
}

const cookieName = "gatepost_8080"

func newDoor(t *testing.T, change ...func(*proxy.Config)) *door {
	t.Helper()
	rec := newRecorder(t)
	store, _ := authtest.NewStore(t)
	issued, err := store.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Name: "Ada",
		Password: "correct horse battery"}, true, "", secret.Client{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := store.Lookup(t.Context(), issued.Session)
	if err != nil {
		t.Fatal(err)
	}
	c := config(t, "http://"+rec.listener.Addr().String())
	for _, f := range change {
		f(&c)
	}
	p := proxy.New(c, store.Reader)
	t.Cleanup(p.Close)
	gate := httptest.NewUnstartedServer(p)
	gate.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	gate.Start()
	t.Cleanup(gate.Close)
	return &door{rec, gate.Listener.Addr().String(), issued.Session, store, session.User}
}

func config(t *testing.T, upstream string) proxy.Config {
	t.Helper()
	rules, err1 := proxy.ParseRules("/dashboard, /admin=admin", "")
	identity, err2 := proxy.ParseIdentity("X-Auth-User=id, X-Auth-Email=email, X-Auth-Roles=roles", "")
	app, err3 := proxy.ParseUpstream(upstream)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return proxy.Config{
		Upstream: app, UpstreamTimeout: 10 * time.Second, PublicURL: &url.URL{Scheme: "http", Host: "gate.example"},
		Rules: rules, Identity: identity,
		Cookie: session.Cookie{Name: cookieName},
		Page: ownLogin(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "own page for %s", r.RemoteAddr)
		}),
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			http.Error(w, "refused", status)
		},
		Navigating: func(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") },
		Log:        slog.New(slog.DiscardHandler),
	}
}

// send writes raw bytes to the gate, and reads until the connection closes or the answer to the request is
// complete.
func (d *door) send(t *testing.T, raw string) (status int, h http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", raw, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%.60q: %v", raw, err)
	}
	return res.StatusCode, res.Header, string(b)
}

// get is a request line and headers, each ended by a newline in the source.
func get(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: gate.example\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

func (d *door) cookie() string { return "Cookie: " + cookieName + "=" + string(d.token) }

func TestTheAppReceivesExactlyTheBytesThatWereJudged(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, target := range []string{
		"/", "/?", "/x?a=%zz&b;c", "/api/projects/a%2Fb", "/@scope%2fname", "/x;y=z", "/a//b", "//x/y", "/a/../b",
		"/%41?b=//c/../d", "/a|b", "/a\"b<c>",
		"/\xc3\xbc", "/%E2%82%AC", "/" + strings.Repeat("long/", 5000), "/x?" + strings.Repeat("p=1&", 10_001), "/x?#y",
		`/x?\`,
	} {
		status, _, _ := d.send(t, get("GET "+target))
		seen := d.take()
		if status != 200 || len(seen) != 1 || !strings.HasPrefix(seen[0], "GET "+target+" HTTP/1.1\r\n") {
			t.Errorf("%.60q: status %d, the app saw %.80q", target, status, seen)
		}
	}
}

func TestWhatNoBrowserSendsReachesNoApp(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for raw, want := range map[string]int{
		get("GET /a\\b"):                             400,
		get("GET /dashboard#/public"):                400,
		get("GET /%zz"):                              400,
		get("GET /%"):                                400,
		get("GET http://evil.example/"):              400,
		get("GET http:dashboard"):                    400,
		get("GET *"):                                 400,
		get("TRACE /"):                               405,
		get("TRACK /"):                               405,
		get("trace /"):                               405,
		get("CONNECT /x/../dashboard"):               405,
		get("CONNECT evil.example:443"):              405,
		"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n":      400,
		get("POST /", "Transfer-Encoding: xchunked"): 501,
		get("POST /", "Content-Length: +5"):          400,
		get("POST /", "Content-Length: 5", "Content-Length: 6"): 400,
		get("GET /", "X-Auth-User : a"):                         400,
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":          400,
		get("GET /", "X: "+strings.Repeat("x", 2<<20)):          431,
	} {
		if status, _, _ := d.send(t, raw); status != want {
			t.Errorf("%.60q: got %d, want %d", raw, status, want)
		}
	}
	if seen := d.take(); len(seen) != 0 {
		t.Errorf("the app saw %q", seen)
	}
}

func TestABodyTheClientBreaksIsItsOwnFault(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	defer app.Close()
	d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream(app.URL) })
	for _, body := range []string{"0x5\r\nhello\r\n0\r\n\r\n", "zz\r\n", "5\r\nhelloX\r\n"} {
		if status, _, _ := d.send(t, get("POST /public", "Transfer-Encoding: chunked", "", body)); status != 400 {
			t.Errorf("%q: got %d, want 400", body, status)
		}
	}
}

func TestSignedOutVisitorsGetNothingOfAProtectedPage(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	bad := []string{"", "Cookie: " + cookieName + "=nonsense", "Cookie: " + cookieName + "=",
		"Cookie: " + cookieName + "=" + strings.Repeat("A", 43),
		"Cookie: " + cookieName + "=" + strings.Repeat("A", 8000), d.cookie() + "; " + cookieName + "=x",
		"Authorization: Bearer " + string(d.token)}
	for _, cookie := range bad {
		for _, line := range []string{"GET /dashboard", "HEAD /dashboard/x", "OPTIONS /dashboard",
			"DELETE /dashboard/1", "GET /dashboard?access_token=" + string(d.token),
			"GET //dashboard", "GET /x/..%2fdashboard", "GET /Dashboard", "GET /admin"} {
			headers := []string{"Range: bytes=0-1", `If-None-Match: "x"`, "Accept: */*"}
			if cookie != "" {
				headers = append(headers, cookie)
			}
			raw := get(line, headers...)
			if strings.HasPrefix(line, "HEAD") {
				raw = get(strings.Replace(line, "HEAD", "GET", 1), headers...)
			}
			if status, _, body := d.send(t, raw); status != 401 || body != "refused\n" {
				t.Errorf("%s, %.40q: got %d %q", line, cookie, status, body)
			}
		}
	}
	if seen := d.take(); len(seen) != 0 {
		t.Errorf("the app saw %q", seen)
	}
}

func TestASignedInRequestCarriesTheIdentityAndNotTheCookie(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	status, h, _ := d.send(t, get("GET /dashboard", "cookie: a=1; "+cookieName+"="+string(d.token)+"; b=\"2;3\"",
		"X-Auth-User: admin", "x_auth_user: admin", "X-Auth-Roles: admin",
		"Connection: close, X-Auth-User, x-auth-roles", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil",
		"X-Forwarded-Prefix: /x", "X-Real-IP: 6.6.6.6",
		"Expect: 100-continue", "Trailer: X-Auth-User", "X-Custom: kept"))
	seen := d.take()
	if status != 200 || len(seen) != 1 {
		t.Fatalf("status %d, the app saw %q", status, seen)
	}
	got := headers(t, seen[0])
	for name, want := range map[string]string{
		"Host": "gate.example", "Cookie": `a=1; b="2;3"`, "X-Auth-User": d.user.ID,
		"X-Auth-Email": "ada@example.com", "X-Auth-Roles": "user",
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "gate.example",
		"X-Forwarded-Proto": "http", "X-Custom": "kept",
	} {
		if v := got[name]; len(v) != 1 || v[0] != want {
			t.Errorf("%s: got %q, want %q", name, v, want)
		}
	}
	for name := range got {
		switch strings.ToLower(name) {
		case "x_auth_user", "x-forwarded-prefix", "x-real-ip", "expect", "trailer":
			t.Errorf("%s got through", name)
		}
	}
	if strings.Contains(seen[0], string(d.token)) {
		t.Error("the app saw the token")
	}
	if got := h.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("Cache-Control: got %q", got)
	}
}

func headers(t *testing.T, head string) http.Header {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Host", r.Host)
	return r.Header
}

func TestSignedOutOnAPublicPathNoIdentityGetsThrough(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	status, h, _ := d.send(t, get("GET /public", "X-Auth-User: admin", "Remote_User: admin", "X.Auth.Email: a@b.c",
		"Cookie: "+cookieName+"=dead; a=1"))
	seen := d.take()
	if status != 200 || len(seen) != 1 {
		t.Fatalf("status %d, the app saw %q", status, seen)
	}
	if lower := strings.ToLower(seen[0]); strings.Contains(lower, "admin") || strings.Contains(lower, "auth") ||
		strings.Contains(lower, cookieName) {
		t.Errorf("the app saw %q", seen[0])
	}
	if h.Get("Cache-Control") != "" || h.Get("Set-Cookie") != "" || h.Get("Content-Security-Policy") != "" {
		t.Errorf("the app's answer was changed: %v", h)
	}
}

func TestASessionAddsIdentityOnPublicPathsToo(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.answerWith("HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nContent-Length: 0\r\n\r\n")
	_, h, _ := d.send(t, get("GET /public", d.cookie()))
	if seen := d.take(); len(seen) != 1 || headers(t, seen[0]).Get("X-Auth-User") != d.user.ID {
		t.Errorf("the app saw %q", seen)
	}
	if got := h.Get("Cache-Control"); got != "public, max-age=60" {
		t.Errorf("the app's own policy became %q", got)
	}
}

func TestARoleThatIsMissingIs403AndCountsFromTheNextRequest(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if status, _, _ := d.send(t, get("GET /admin", d.cookie())); status != 403 {
		t.Errorf("without the role: %d", status)
	}
	if err := d.store.SetRoles(t.Context(), d.user.ID, []string{"user", "admin"}); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := d.send(t, get("GET /admin", d.cookie())); status != 200 {
		t.Errorf("with the role: %d", status)
	}
	if seen := d.take(); len(seen) != 1 || headers(t, seen[0]).Get("X-Auth-Roles") != "user,admin" {
		t.Errorf("the app saw %q", seen)
	}
}

func TestTheAppCannotSpeakForUs(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.answerWith("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nSet-Cookie: " + cookieName + "=evil\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: " + cookieName +
		"=evil; Path=/\r\nContent-Length: 0\r\n\r\n")
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, get("GET /public", "Connection: close"))
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(all); strings.Contains(s, "evil") || !strings.Contains(s, "Set-Cookie: a=1") ||
		!strings.Contains(s, "103 Early Hints") {
		t.Errorf("got %q", s)
	}
}

func TestTrailersOfTheAppSetNoCookie(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, announced := range []string{"Trailer: Set-Cookie, X-Sum\r\n", ""} {
		d.answerWith("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\n" + announced +
			"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: " + cookieName + "=evil\r\nX-Sum: 1\r\n\r\n")
		conn, err := net.Dial("tcp", d.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, get("GET /public", "Connection: close", "TE: trailers"))
		all, err := io.ReadAll(conn)
		if s := string(all); err != nil || strings.Contains(s, "evil") || strings.Count(s, "Set-Cookie: a=1") != 1 ||
			!strings.Contains(s, "X-Sum: 1") {
			t.Errorf("%q: got %q, %v", announced, s, err)
		}
	}
}

func TestUpgrades(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	ws := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	with := func(more ...string) []string { return append(append([]string{}, ws...), more...) }
	if status, _, _ := d.send(t, get("GET /dashboard/ws", ws...)); status != 401 {
		t.Errorf("signed out: %d, want 401", status)
	}
	for _, origin := range []string{"https://evil.example", "null", "https://gate.example", "http://gate.example.evil",
		"http://gate.example:81", "http://evil@gate.example.x"} {
		for _, path := range []string{"/dashboard/ws", "/public/ws"} {
			if status, _, _ := d.send(t, get("GET "+path, with(d.cookie(), "Origin: "+origin)...)); status != 403 {
				t.Errorf("%s from %s: %d, want 403", path, origin, status)
			}
		}
	}
	if seen := d.take(); len(seen) != 0 {
		t.Errorf("the app saw %q", seen)
	}
	for _, upgrade := range []string{"h2c", "TLS/1.0", "websocket, h2c", "web\x80socket"} {
		_, _, _ = d.send(t, get("GET /public", "Connection: Upgrade, HTTP2-Settings",
			"HTTP2-Settings: AAMAAABkAAQAAP__", "Upgrade: "+upgrade))
		if seen := d.take(); len(seen) != 1 || strings.Contains(strings.ToLower(seen[0]), "upgrade") {
			t.Errorf("%s: the app saw %q", upgrade, seen)
		}
	}
}

// A WebSocket works in both directions for as long as both sides want.
func TestAWebSocketStreamsBothWays(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || r.Header.Get("X-Auth-User") == "" {
			http.Error(w, "no", 400)
			return
		}
		conn, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(conn, in)
	}))
	defer app.Close()
	d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream(app.URL) })
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, get("GET /dashboard/ws", "Connection: Upgrade", "Upgrade: websocket",
		"Origin: http://gate.example", d.cookie()))
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v", res, err)
	}
	for i := range 3 {
		want := fmt.Sprintf("frame %d", i)
		_, _ = io.WriteString(conn, want)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

func TestEventsArriveWhenTheyAreSent(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for event := range next {
			fmt.Fprintf(w, "data: %s\n\n", event)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	defer app.Close()
	d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream(app.URL) })
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+d.address+"/dashboard/events", nil)
	req.Header.Set("Cookie", cookieName+"="+string(d.token))
	go func() { next <- "one" }()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for _, want := range []string{"one", "two"} { // two is sent only after one was read
		line, err := in.ReadString('\n')
		if err != nil || line != "data: "+want+"\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		_, _ = in.ReadString('\n')
		if want == "one" {
			next <- "two"
		}
	}
	close(next)
}

// Request and answer flow at the same time: the app answers each piece before the next is sent.
func TestBodiesStreamBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		buf := make([]byte, 16)
		for {
			n, err := r.Body.Read(buf)
			_, _ = w.Write(bytes.ToUpper(buf[:n]))
			_ = http.NewResponseController(w).Flush()
			if err != nil {
				return
			}
		}
	}))
	defer app.Close()
	d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream(app.URL) })
	body, feed := io.Pipe()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://"+d.address+"/public", body)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, piece := range []string{"hello", "world"} {
		_, _ = io.WriteString(feed, piece)
		got := make([]byte, len(piece))
		if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != strings.ToUpper(piece) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	_ = feed.Close()
}

func TestAnAppThatIsGoneOrSilent(t *testing.T) {
	t.Parallel()
	silent := newRecorder(t)
	silent.answerWith("")
	gone, _ := net.Listen("tcp", "127.0.0.1:0")
	_ = gone.Close()
	for address, want := range map[string]int{gone.Addr().String(): 502, silent.listener.Addr().String(): 504} {
		d := newDoor(t, func(c *proxy.Config) {
			c.Upstream, _ = proxy.ParseUpstream("http://" + address)
			c.UpstreamTimeout = 50 * time.Millisecond
		})
		if status, _, body := d.send(t, get("GET /public")); status != want || strings.Contains(body, "127.0.0.1") {
			t.Errorf("got %d %q, want %d", status, body, want)
		}
	}
}

func TestUpstreamSchemes(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Proto, r.RequestURI)
	})
	socket := t.TempDir() + "/s"
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatalf("listen on a socket (is the temporary directory's path too long for one?): %v", err)
	}
	onSocket := &http.Server{Handler: handler}
	go func() { _ = onSocket.Serve(l) }()
	defer onSocket.Close()
	h2c := httptest.NewUnstartedServer(handler)
	h2c.Config.Protocols = new(http.Protocols)
	h2c.Config.Protocols.SetUnencryptedHTTP2(true)
	h2c.Start()
	defer h2c.Close()
	for address, want := range map[string]string{
		"unix://" + socket: "HTTP/1.1 /a%2Fb|c?x", "h2c://" + h2c.Listener.Addr().String(): "HTTP/2.0 /a%2Fb|c?x",
	} {
		d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream(address) })
		if _, _, body := d.send(t, get("GET /a%2Fb|c?x")); body != want {
			t.Errorf("%s: got %q, want %q", address, body, want)
		}
	}
}

func TestAnOtherLoopbackNameIsSentToThePublicURL(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(c *proxy.Config) { c.PublicURL = &url.URL{Scheme: "http", Host: "localhost:8080"} })
	for _, c := range []struct{ host, line, accept, location string }{
		{"127.0.0.1:8080", "GET /dashboard?a=b&c", "text/html", "http://localhost:8080/dashboard?a=b&c"},
		{"[::1]:9999", "GET /login", "text/html", "http://localhost:8080/login"},
		{"app.localhost:8080", "GET //evil.example/", "text/html", "http://localhost:8080//evil.example/"},
		{"127.0.0.1:8080", "GET /public", "*/*", ""},
		{"127.0.0.1:8080", "POST /public", "text/html", ""},
		{"localhost:9999", "GET /public", "text/html", ""}, // a mapped port has the same name
		{"evil.example", "GET /public", "text/html", ""},
	} {
		status, h, _ := d.send(t, c.line+" HTTP/1.1\r\nHost: "+c.host+"\r\nAccept: "+c.accept+"\r\n\r\n")
		if got := h.Get("Location"); got != c.location || (status == 303) != (c.location != "") {
			t.Errorf("%s at %s: got %d to %q, want %q", c.line, c.host, status, got, c.location)
		}
	}
}

// ownLogin makes /login the only page of the gate's.
func ownLogin(serve http.HandlerFunc) func(rawPath string) http.Handler {
	return func(rawPath string) http.Handler {
		if rawPath == "/login" {
			return serve
		}
		return nil
	}
}

func TestOwnPagesMatchByExactPathAndSeeTheClientsAddress(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(c *proxy.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	_, _, body := d.send(t, get("GET /login?x", "X-Forwarded-For: 198.51.100.7"))
	if body != "own page for 198.51.100.7:0" {
		t.Errorf("got %q", body)
	}
	for _, path := range []string{"/login/", "/Login", "//login", "/%6cogin", "/login;x", "/login%2f..%2fdashboard"} {
		if _, _, body := d.send(t, get("GET "+path)); strings.Contains(body, "own") {
			t.Errorf("%s is an own page", path)
		}
	}
}

func TestAPanicIsA500AndTheGateGoesOn(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(c *proxy.Config) {
		c.Page = ownLogin(func(http.ResponseWriter, *http.Request) { panic("a bug") })
	})
	if status, _, _ := d.send(t, get("GET /login")); status != 500 {
		t.Errorf("got %d", status)
	}
	if status, _, _ := d.send(t, get("GET /public")); status != 200 {
		t.Errorf("after the panic: %d", status)
	}
}

// When the app answers early, the rest of the body is never read as further requests.
func TestTheRestOfAnUnreadBodyIsNoRequest(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.RequestURI)
		mu.Unlock()
		w.WriteHeader(http.StatusNotFound) // without reading the body
	}))
	defer app.Close()
	d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream(app.URL) })
	inner := "GET /smuggled HTTP/1.1\r\nHost: gate.example\r\n\r\n"
	for range 10 {
		conn, err := net.Dial("tcp", d.address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		body := strings.Repeat(inner, 20_000)
		go func() {
			head := get("POST /public", fmt.Sprintf("Content-Length: %d", len(body)))
			_, _ = io.WriteString(conn, head)
			for len(body) > 0 { // piece by piece, so that the answer comes before the end
				n := min(len(body), 64<<10)
				if _, err := io.WriteString(conn, body[:n]); err != nil {
					return
				}
				body = body[n:]
			}
			_, _ = io.WriteString(conn, get("GET /last", "Connection: close")) // so that reading ends
		}()
		all, _ := io.ReadAll(conn) // the connection was cut or closed
		if n := strings.Count(string(all), "HTTP/1.1 "); n > 2 {
			t.Errorf("%d answers to two requests", n)
		}
		_ = conn.Close()
	}
	mu.Lock()
	defer mu.Unlock()
	for _, target := range seen {
		if target != "/public" && target != "/last" {
			t.Fatalf("the app was asked for %s", target)
		}
	}
}

// After an answer to half a body the connection ends, and what follows on it is not read as a request.
func TestAnAnswerToHalfABodyEndsTheConnection(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"10000\r\nx", "5\r\nhello\r\n", "5\r\nhello\r\nZZ\r\n"} {
		d := newDoor(t)
		d.answerWith("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
		conn, err := net.Dial("tcp", d.address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(conn, get("POST /public", "Transfer-Encoding: chunked", "", body))
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil || !res.Close || res.StatusCode != 413 && res.StatusCode != 400 {
			t.Fatalf("%q: got %v, %v", body, res, err)
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, max(res.ContentLength, 0)))
		_, _ = io.WriteString(conn, get("GET /login")+get("GET /smuggled"))
		if rest, _ := io.ReadAll(in); len(rest) > 0 {
			t.Errorf("%q: also answered %q", body, rest)
		}
		_ = conn.Close()
		for _, head := range d.take() {
			if !strings.HasPrefix(head, "POST /public ") {
				t.Errorf("%q: the app saw %q", body, head)
			}
		}
	}
}

// A client that announces a body and sends none still gets its refusal.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for raw, want := range map[string]int{
		get("POST /dashboard", "Content-Length: 100"):           401,
		get("POST /dashboard", "Transfer-Encoding: chunked"):    401,
		get("POST /a\\b", "Content-Length: 100"):                400,
		get("POST /login", "Content-Length: 100"):               200,
		get("POST /dashboard", "Content-Length: 100") + "a=b&c": 401,
	} {
		if status, _, _ := d.send(t, raw); status != want {
			t.Errorf("%.40q: got %d, want %d", raw, status, want)
		}
	}
}

// The timeout also applies while a body is sent to an app that does not read it.
func TestAnAppThatNeverReadsIs504(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := newDoor(t, func(c *proxy.Config) {
		// The kernel accepts, and no program reads.
		c.Upstream, _ = proxy.ParseUpstream("http://" + l.Addr().String())
		c.UpstreamTimeout = 300 * time.Millisecond
	})
	res, err := http.Post("http://"+d.address+"/public", "text/plain", io.LimitReader(zeros{}, 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 504 {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestInterimAnswersAreNotForOldClients(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.answerWith("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + okAnswer)
	if status, _, body := d.send(t, "GET /public HTTP/1.0\r\nHost: gate.example\r\n\r\n"); status != 200 ||
		body != "ok" {
		t.Errorf("got %d %q", status, body)
	}
}

func TestAHalfAnswerIsCutOffNotFinished(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.answerWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZZ\r\n")
	res, err := http.Get("http://" + d.address + "/public")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("read %q to a clean end", b)
	}
}

func TestAGreatUploadTakesNoMemory(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	}))
	defer app.Close()
	d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream(app.URL) })
	const size = 256 << 20
	req, _ := http.NewRequestWithContext(context.Background(), "POST", "http://"+d.address+"/public",
		io.LimitReader(zeros{}, size))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	before := heap()
	n, err := io.Copy(io.Discard, res.Body)
	if grown := int64(heap()) - int64(before); n != size || err != nil || grown > 32<<20 {
		t.Errorf("%d bytes came back (%v), and the heap grew by %d MiB", n, err, grown>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
