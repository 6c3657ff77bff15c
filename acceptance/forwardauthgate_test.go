package acceptance_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
)

// A closed site is closed through each proxy. Envoy is told of no fault, as it may let pass then.
func TestAClosedSiteThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "", "GATEPOST_MAINTENANCE=true")
		want := 503
		if name == "envoy" {
			want = 403
		}
		for _, target := range []string{"/public", "/dashboard"} {
			if r := s.visitor(t).open(target); r.status != want {
				t.Errorf("%s: %d %s", target, r.status, r.body)
			}
		}
		if r := s.visitor(t).open("/login"); r.status != 200 {
			t.Errorf("the login: %d", r.status)
		}
		if seen := s.seen.take(); len(seen) != 0 {
			t.Errorf("the app got %v", seen)
		}
	})
}

// Cookies as large as servers take pass, on one line or several, and the gate's own is cut out of each.
func TestLargeCookiesThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		v := s.visitor(t)
		v.signUp("ada@example.com")
		big := strings.Repeat("x", 6<<10)
		raw := s.request("GET /dashboard", "Cookie: a="+big, "Cookie: "+v.cookie().String()+"; b="+big)
		if r := s.one(t, raw); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		got := strings.Join(s.got(t, "large cookies").Header["Cookie"], "; ")
		if got != "a="+big+"; b="+big {
			t.Errorf("the app got %d bytes: %.100s", len(got), got)
		}
	})
}

// What ends a session, or changes what it may do, counts for the next request through each proxy.
func TestTheNextRequestThroughAProxyThatAsksIsJudgedAnew(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "")
		v := s.visitor(t)
		v.signUp("ada@example.com")
		db := authtest.Pool(t, s.database)
		do := func(set string) {
			t.Helper()
			if _, err := db.Exec(t.Context(), `UPDATE gatepost."user" SET `+set); err != nil {
				t.Fatal(err)
			}
		}
		if r := v.fetch("/dashboard"); r.status != 200 {
			t.Fatalf("signed in: %d", r.status)
		}
		do(`role = 'admin'`)
		v.becomes("/admin", 200)
		do(`role = 'user'`)
		v.becomes("/admin", 403)
		do(`disabled_at = now()`)
		v.becomes("/dashboard", 401)
	})
}

// Visitors of a gate without an app get its own pages, and nothing else.
func TestAGateWithoutAnApp(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	authz := "127.0.0.1:" + freePort(t)
	g := startGate(t, "DATABASE_URL="+database, "GATEPOST_FORWARD_AUTH_LISTEN="+authz)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	for target, want := range map[string]int{"/account": 200, "/.gatepost/healthz": 200, "/dashboard": 404, "/public": 404,
		"/admin": 404, "/authz/nginx": 404, "/authz/caddy": 404, "/login/../dashboard": 404} {
		if r := v.open(target); r.status != want {
			t.Errorf("%s: %d, want %d", target, r.status, want)
		}
	}
	if r := g.visitor(t).fetch("/dashboard"); r.status != 404 {
		t.Errorf("signed out: %d", r.status)
	}
	res, err := http.Get(g.ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 200 || strings.Contains(string(b), "upstream") {
		t.Errorf("readyz: %d %s", res.StatusCode, b)
	}
	var out, said bytes.Buffer
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "DATABASE_URL=" + database, "GATEPOST_LISTEN=localhost:0",
		"GATEPOST_FORWARD_AUTH_LISTEN=" + authz}
	if code := run(t.Context(), []string{"gatepost", "check"}, env, nil, &out, &said); code != 0 ||
		!strings.Contains(out.String(), "GATEPOST_UPSTREAM is not set") {
		t.Errorf("check: %d %s%s", code, &out, &said)
	}
	out.Reset()
	if code := run(t.Context(), []string{"gatepost", "explain", "/dashboard"}, env, nil, &out, &said); code != 0 ||
		!strings.Contains(out.String(), "/authz/") {
		t.Errorf("explain: %d %s%s", code, &out, &said)
	}
}

// questionOf is how a proxy asks in the dialect of Caddy.
func questionOf(target string, headers ...string) string {
	return "GET /authz/caddy HTTP/1.1\r\nHost: gate\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: " + target +
		"\r\nX-Forwarded-Host: localhost\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

// Whoever is none of the peers cannot have a request of their own making judged.
func TestAStrangerMayNotAskTheGate(t *testing.T) {
	t.Parallel()
	authz := "127.0.0.1:" + freePort(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_FORWARD_AUTH_LISTEN="+authz,
		"GATEPOST_FORWARD_AUTH_PEERS=10.0.0.5")
	for _, headers := range [][]string{nil, {"X-Forwarded-For: 10.0.0.5"},
		{"X-Real-IP: 10.0.0.5", "Forwarded: for=10.0.0.5"}} {
		got := rawGet(t, authz, questionOf("/public", headers...))
		if !strings.HasPrefix(got, "HTTP/1.1 403 ") || strings.Contains(got, "X-Auth-User") {
			t.Errorf("%v: %s", headers, got)
		}
	}
	eventually(t, "the log has a hint", func() bool {
		return strings.Contains(g.log.String(), "list its address in GATEPOST_FORWARD_AUTH_PEERS")
	})
	if !strings.Contains(g.metrics(t), "gatepost_forward_auth_turned_away_total 3\n") {
		t.Error("the metrics do not count it")
	}
}

// A proxy may ask on a Unix socket. What a killed gate leaves there does not keep the next one from starting.
func TestProxiesAskOnAUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "authz") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "authz.sock")
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t), "GATEPOST_FORWARD_AUTH_LISTEN=unix:" + path}
	ask := func(target string) (head string) {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, questionOf(target, "X-Forwarded-For: 192.0.2.7", "Connection: close"))
		b, _ := io.ReadAll(conn)
		head, _, _ = strings.Cut(string(b), "\r\n")
		return head
	}
	killed := startGate(t, env...)
	_ = killed.cmd.Process.Kill()
	<-killed.done
	killed.done <- nil
	g := startGate(t, env...)
	if at, err := os.Stat(path); err != nil || at.Mode().Perm() != 0o666 {
		t.Errorf("the socket: %v %v", at, err)
	}
	if head := ask("/public"); !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		t.Errorf("a public path: %s", head)
	}
	if head := ask("/dashboard"); !strings.HasPrefix(head, "HTTP/1.1 401 ") {
		t.Errorf("a protected path: %s", head)
	}
	eventually(t, "the log says who asked, and for whom", func() bool {
		return strings.Contains(g.log.String(), "forward_auth=caddy client=192.0.2.7")
	})
	other := launchGate(t, plainGate, env...)
	if err := <-other.done; err == nil || !strings.Contains(other.log.String(), "another program listens there") {
		t.Errorf("a second gate: %v %s", err, other.log)
	}
	other.done <- nil
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	<-g.done
	g.done <- nil
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is left")
	}
}

// A gate that stops answers the proxies that have asked, and does not wait for their idle connections.
func TestAGateThatStopsAnswersProxies(t *testing.T) {
	t.Parallel()
	authz := "127.0.0.1:" + freePort(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_FORWARD_AUTH_LISTEN="+authz)
	conn, err := net.Dial("tcp", authz)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func() (last bool) {
		_, _ = io.WriteString(conn, questionOf("/public"))
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%v %v", res, err)
		}
		return res.Close
	}
	if ask() {
		t.Error("the connection ends after one question")
	}
	idle, err := net.Dial("tcp", authz)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	fmt.Fprint(idle, questionOf("/public"))
	if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil {
		t.Fatal(err)
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	for !ask() { // each is answered, until one is the last
		time.Sleep(time.Millisecond)
	}
	if err := <-g.done; err != nil || strings.Contains(g.log.String(), "cut off") {
		t.Errorf("it ended with %v", err)
	}
	g.done <- nil
}

// The doctor examines a site whose proxy asks as any other, and finds nothing wrong.
func TestDoctorFindsNothingWrongThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/dashboard") {
				w.WriteHeader(http.StatusNotFound)
			}
			fmt.Fprint(w, "the app")
		}))
		t.Cleanup(app.Close)
		s := a.ask(t, app.Listener.Addr().String())
		s.visitor(t).signUp("ada@example.com")
		_, out, said := runDoctor(t, password+"\n", s.url, "--email", "ada@example.com", "--password-stdin")
		for line := range strings.Lines(out) {
			if strings.Contains(line, " FAILED ") {
				t.Errorf("%s\n%s%s", line, out, said)
			}
		}
		for _, want := range []string{"spellings of /dashboard were refused", "opened nothing", "the old cookie is dead"} {
			if !strings.Contains(out, want) {
				t.Errorf("no word of %q in\n%s", want, out)
			}
		}
	})
}

// An error in the script of HAProxy lets nothing pass, though HAProxy goes on after it.
func TestAnErrorInTheScriptOfHAProxyLetsNothingPass(t *testing.T) {
	t.Parallel()
	a := askers["haproxy"]
	a.spoil = [2]string{`		pass(txn, answer.headers)`, `		error("it is broken")`}
	s := a.ask(t, "")
	if r := s.visitor(t).fetch("/public"); r.status != 503 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if seen := s.seen.take(); len(seen) != 0 {
		t.Errorf("the app got %v", seen)
	}
}

// What is to be proved first is led to, or said in the header of RFC 9470.
func TestMoreToProveThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "", "GATEPOST_PROTECT=/dashboard, /vault=+aal2")
		v := s.visitor(t)
		v.signUp("ada@example.com")
		if r := v.open("/vault?x=1"); r.status != 303 || r.location() != s.url+"/account/confirm?next=%2Fvault%3Fx%3D1" {
			t.Errorf("a page: %d %q", r.status, r.location())
		}
		if r := v.fetch("/vault"); r.status != 401 ||
			!strings.Contains(r.header.Get("WWW-Authenticate"), "insufficient_user_authentication") {
			t.Errorf("data: %d %v", r.status, r.header)
		}
		if seen := s.seen.take(); len(seen) != 0 {
			t.Errorf("the app got %v", seen)
		}
	})
}

// API tokens and the assertion work through each proxy as at the gate, and no token reaches the app.
func TestTokensAndAssertionsThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		s := a.ask(t, "", "GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/open", "GATEPOST_TOKENS=/api",
			"GATEPOST_ASSERTION_HEADER=X-Auth-Assertion", "GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
		s.visitor(t).signUp("ada@example.com")
		m := s.makeToken(t, "ada@example.com", "all")
		for kind, headers := range map[string][]string{
			"Bearer": {"Authorization: Bearer " + m.Token}, "Basic": {basic("git", m.Token)},
			"beside the app's": {"X-Gatepost-Token: " + m.Token, "Authorization: Bearer of-the-app"}} {
			if r := s.one(t, s.request("GET /api/x", headers...)); r.status != 200 {
				t.Errorf("%s: %d %s", kind, r.status, r.body)
				continue
			}
			h := s.got(t, kind).Header
			want := map[bool]string{true: "Bearer of-the-app"}[len(headers) > 1]
			if h.Get("X-Auth-Token-Id") != m.ID || h.Get("X-Auth-Email") != "ada@example.com" ||
				h.Get("Authorization") != want || h.Get("X-Gatepost-Token") != "" ||
				strings.Count(h.Get("X-Auth-Assertion"), ".") != 2 {
				t.Errorf("%s: the app got %v", kind, h)
			}
		}
		for _, line := range []string{"GET /open", "GET /dashboard"} {
			if r := s.one(t, s.request(line, "Authorization: Bearer "+m.Token)); r.status != 401 {
				t.Errorf("%s: %d", line, r.status)
			}
		}
		r := s.one(t, s.request("GET /api/x")) // as Git asks first
		if challenge := strings.Join(r.header["Www-Authenticate"], ", "); r.status != 401 ||
			!strings.Contains(challenge, "Basic realm=") || !strings.Contains(challenge, "Bearer realm=") {
			t.Errorf("nothing sent: %d %q", r.status, challenge)
		}
		if seen := s.seen.take(); len(seen) != 0 {
			t.Errorf("the app got %v", seen)
		}
	})
}

// Git clones through each proxy.
func TestGitThroughAProxyThatAsks(t *testing.T) {
	forAskers(t, func(t *testing.T, name string, a asker) {
		home, saw := workplace{t, t.TempDir()}, &logBuffer{}
		home.must("git", "init", "--bare", "-q", "-b", "main", "repos/thing.git")
		app := strings.TrimPrefix(gitServer(t, filepath.Join(home.dir, "repos"), saw), "http://")
		s := a.ask(t, app, "GATEPOST_PROTECT=/", "GATEPOST_TOKENS=/git")
		s.visitor(t).signUp("ada@example.com")
		m := s.makeToken(t, "ada@example.com", "git")
		home.must("git", "clone", "-q", "http://ada:"+m.Token+"@"+s.host+"/git/thing.git", "here")
		if text := saw.String(); !strings.Contains(text, "ada@example.com") || strings.Contains(text, m.Token) {
			t.Errorf("the app got %s", text)
		}
	})
}
