package acceptance_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The gate ends a connection that is very slow or stops. The log of the test says when, for the documentation.
func TestSlowConnectionsAreEnded(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	var wg sync.WaitGroup
	for id, start := range map[string]string{
		"bar_43_one_byte": "G", "bar_43_nothing": "", "bar_43_half_a_line": "GET /public HT",
		"J4_Go_CVE-2026-56853_headers_without_an_end": "GET /public HTTP/1.1\r\nHost: x\r\nX: y\r\n",
		"bar_43_HTTP2_preface":                        "PRI * HTTP/2.0\r\n",
	} {
		wg.Go(func() {
			conn, err := net.Dial("tcp", l.host)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			_, _ = io.WriteString(conn, start)
			if b, err := io.ReadAll(conn); isTimeout(err) || strings.Contains(string(b), " 200 ") {
				t.Errorf("%s: %q, %v", id, b, err)
			}
		})
	}
	l.passes(t, l.request("GET /public"), l.forwarded("GET /public", "")) // others are served meanwhile
	wg.Wait()
	l.passes(t, l.request("GET /public"), l.forwarded("GET /public", ""))
}

func TestGreatRequestsAreRefusedOrPassWhole(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	for id, headers := range map[string][]string{
		"bar_43_70_kB_header":                   {"X-Large: " + strings.Repeat("x", 70_000)},
		"bar_43_20000_cookies":                  {"Cookie: " + strings.Repeat("name=value; ", 20_000)},
		"J4_Go_CVE-2025-58186_10000_cookies":    {"Cookie: " + strings.Repeat("name=value; ", 10_000) + "x=y"},
		"bar_43_10000_headers":                  slices.Repeat([]string{"X-Many: 1234"}, 10_000),
		"bar_43_a_name_of_70_kB":                {strings.Repeat("X", 70_000) + ": 1"},
		"bar_43_10000_cookies_and_one_of_ours":  {"Cookie: " + strings.Repeat("name=value; ", 10_000), l.cookie},
		"bar_43_folded_again_and_again":         {"X-Folded: a" + strings.Repeat("\r\n b", 20_000)},
		"bar_43_many_lists_in_Connection":       {"Connection: " + strings.Repeat("x-auth-user, ", 10_000)},
		"bar_43_many_addresses_in_X-Forwarded-": {"X-Forwarded-For: " + strings.Repeat("127.0.0.1, ", 10_000)},
	} {
		t.Run(id, func(t *testing.T) {
			for _, line := range []string{"GET /public", "GET /dashboard", "GET /login"} {
				l.refuses(t, l.request(line, headers...), 431, 400)
			}
		})
	}
	t.Run("bar_43_long_targets", func(t *testing.T) {
		l.refuses(t, l.request("GET /public/"+strings.Repeat("x", 70_000)), 431, 414, 400)
		l.refuses(t, l.request("GET /public?"+strings.Repeat("%41", 30_000)), 431, 414, 400)
		l.refuses(t, l.request(strings.Repeat("G", 70_000)+" /public"), 431, 400)
	})
	t.Run("J4_Go_CVE-2025-58186_small_cookies", func(t *testing.T) {
		many := "Cookie: " + strings.Repeat("a;", 9_999) + "a"
		l.passes(t, l.request("GET /public", many), l.forwarded("GET /public", "", many))
		l.refuses(t, l.request("GET /dashboard", many), 401)
		l.passes(t, l.request("GET /dashboard", many, l.cookie),
			l.forwarded("GET /dashboard", "", append(l.identity, many)...))
		l.refuses(t, l.request("GET /login", many), 200)
	})
	t.Run("J5_Traefik_CVE-2026-26998", func(t *testing.T) {
		head := l.request("POST /login", "Content-Type: application/x-www-form-urlencoded",
			"Content-Length: 1073741824")
		l.refuses(t, head+strings.Repeat("x", 4<<20), 413)
		head = l.request("POST /signup", "Content-Type: application/x-www-form-urlencoded",
			"Transfer-Encoding: chunked")
		l.refuses(t, head+strings.Repeat(chunk(strings.Repeat("x", 1<<16)), 64), 413)
	})
}

// A client that leaves in the middle of a request has no effect on others.
func TestClientsThatLeaveInTheMiddle(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	release := make(chan struct{})
	l.app.answerBy(func(r *http.Request) string {
		if r.URL.Path == "/public/slow" {
			<-release
		}
		return fine
	})
	for _, raw := range []string{
		l.open("POST /public", "Content-Length: 100") + "half",
		l.open("POST /dashboard", "Content-Length: 100", l.cookie) + "half",
		l.open("POST /dashboard", "Content-Length: 100") + "half",
		l.open("POST /login", "Content-Length: 100", "Content-Type: application/x-www-form-urlencoded") + "email=",
		l.open("POST /login", "Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded") +
			"5\r\nem",
		l.open("POST /public", "Transfer-Encoding: chunked") + "5\r\nhel",
		l.open("POST /public", "Expect: 100-continue", "Content-Length: 100"),
		l.open("GET /public/slow"), l.open("GET /public/slow", "Connection: Upgrade", "Upgrade: websocket"),
		l.open("GET /dashboard", l.cookie) + "GET /da",
		l.form("/login", "email=ada%40example.com&password=not+it"),
		l.form("/signup", "email=eve%40example.com&password="+url.QueryEscape(password)),
	} {
		for range 5 {
			conn, err := net.Dial("tcp", l.host)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, raw)
			_ = conn.(*net.TCPConn).SetLinger(0) // leaves with a reset
			_ = conn.Close()
		}
	}
	close(release)
	eventually(t, "the gate serves on",
		func() bool { return l.one(t, l.request("GET /dashboard", l.cookie)).status == 200 })
	if log := l.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		t.Error("J4_Go_CVE-2020-15586: the gate panicked")
	}
	if r := l.one(t, l.request("GET /.gatepost/healthz")); r.body != "ok" {
		t.Errorf("health: %d %q", r.status, r.body)
	}
}

// Hashing has a queue of its own. Requests that need no hash are served while the queue is full.
func TestManyLoginsAtOnceLeaveTheAppReachable(t *testing.T) {
	t.Parallel()
	l := newLane(t, watched)
	var wg sync.WaitGroup
	for i := range 60 {
		v := l.visitor(t)
		form := url.Values{"email": {fmt.Sprintf("user%d@example.com", i)}, "password": {"not the password"}}.Encode()
		from := fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", i)
		wg.Go(func() {
			r := v.do("POST", "/login", strings.NewReader(form), from, navigate)
			if r.status != 401 && (r.status != 503 && r.status != 429 || r.header.Get("Retry-After") == "") {
				t.Errorf("bar_34: got %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for served := 0; ; served++ {
		select {
		case <-done:
			if served < 10 {
				t.Errorf("bar_34: %d public requests were served meanwhile", served)
			}
			return
		default:
			l.passes(t, l.request("GET /public"), l.forwarded("GET /public", ""))
		}
	}
}

// Behind TLS the cookie is bound to https and to this host, and a form sent over http is refused.
func TestTheCookieOverHTTPS(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PUBLIC_URL=https://gate.example")
	credentials := "email=ada%40example.com&remember=on&password=" + url.QueryEscape(password)
	r := l.one(t, l.form("/signup", credentials, "X-Forwarded-Proto: http", "Origin: https://gate.example"))
	set := r.header.Values("Set-Cookie")
	if r.status != 303 || len(set) != 2 {
		t.Fatalf("sign up: %d %q", r.status, set)
	}
	pair, attributes, _ := strings.Cut(set[0], "; ")
	name, token, _ := strings.Cut(pair, "=")
	if name != "__Host-gatepost" || len(token) != 43 ||
		attributes != "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=2592000" {
		t.Errorf("N5.1.1: got %q", set[0])
	}
	if !strings.HasPrefix(set[1], "__Host-gatepost_known=") ||
		!strings.HasSuffix(set[1], "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=15552000") {
		t.Errorf("N5.1.1: got %q", set[1])
	}
	for id, raw := range map[string]string{
		"A4.1.2_over_http": l.form("/login", credentials, "Origin: http://gate.example"),
		"bar_29_sibling":   l.form("/login", credentials, "Origin: https://other.gate.example"),
		"bar_29_port":      l.form("/login", credentials, "Origin: https://gate.example:8443"),
		"bar_29_dot":       l.form("/login", credentials, "Origin: https://gate.example."),
	} {
		if r := l.one(t, raw); r.status != 403 || r.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: got %d %v", id, r.status, r.header)
		}
	}
	cookie := "Cookie: " + pair
	forwarded := func(line string, headers ...string) string {
		return strings.NewReplacer("X-Forwarded-Host: "+l.host, "X-Forwarded-Host: gate.example",
			"X-Forwarded-Proto: http\r", "X-Forwarded-Proto: https\r").Replace(l.forwarded(line, "", headers...))
	}
	l.passes(t, l.request("GET /public", "Cookie: gatepost="+token, "X-Forwarded-Proto: http"),
		forwarded("GET /public", "Cookie: gatepost="+token))
	for id, headers := range map[string][]string{
		"C3_CVE-2026-33495":         {"X-Forwarded-Proto: http"},
		"bar_27_without_the_prefix": {"Cookie: gatepost=" + token},
		"bar_27_lower_case":         {"Cookie: __host-gatepost=" + token},
		"bar_27_secure_prefix":      {"Cookie: __Secure-gatepost=" + token},
		"bar_27_tossed":             {cookie, "Cookie: __Host-gatepost=x"},
		"bar_27_tossed_by_U+2000":   {"Cookie: \u2000" + pair},
	} {
		t.Run(id, func(t *testing.T) { l.refuses(t, l.request("GET /dashboard", headers...), 401) })
	}
	if r := l.one(t, l.request("GET /dashboard", cookie, "Host: x")); r.status != 400 { // two Host headers
		t.Errorf("two hosts: %d", r.status)
	}
	if r := l.one(t, l.request("GET /dashboard", cookie)); r.status != 200 {
		t.Errorf("signed in: %d", r.status)
	}
	r = l.one(t, l.form("/logout", "", cookie, "Origin: https://gate.example"))
	if got := strings.Join(r.header.Values("Set-Cookie"), "\n"); r.status != 303 ||
		got != "__Host-gatepost=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0\n__Host-gatepost_left=1; "+
			"Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60\n__Host-gatepost_done=out; "+
			"Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60" {
		t.Errorf("A3.3.1: log out: %d %q", r.status, got)
	}
}
