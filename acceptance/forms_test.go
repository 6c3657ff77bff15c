package acceptance_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

const formType = "Content-Type: application/x-www-form-urlencoded"

// everyForm are the paths that take a form, and the logout, which takes none.
var everyForm = []string{"/login", "/signup", "/logout", "/account/name", "/account/password",
	"/account/delete", "/account/export",
	"/account/sessions/end", "/account/sessions/end-others", "/login/reset", "/signup/invitation"}

// dial opens a connection to the gate and writes to it. Its deadline is one minute.
func (l *lane) dial(t *testing.T, raw string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	return conn
}

// answers reads one answer.
func answers(t *testing.T, conn net.Conn) reply {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("no answer: %v", err)
		return reply{}
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("half an answer: %v", err)
	}
	if res.Close {
		res.Header.Set("Connection", "close") // Go removes this header
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

// A form with too large a Content-Length is refused before its body is sent or asked for.
func TestAFormThatSaysItIsTooLargeIsRefusedUnread(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	for _, path := range everyForm {
		for _, length := range []string{"65537", "100000000", "9223372036854775807"} {
			for _, more := range []string{"X-More: nothing", "Expect: 100-continue"} {
				r := answers(t, l.dial(t, l.open("POST "+path, formType, "Content-Length: "+length, more)))
				if r.status != 413 || r.header.Get("Connection") != "close" {
					t.Errorf("%s of %s, %s: %d %v", path, length, more, r.status, r.header)
				}
			}
		}
	}
}

// A browser sends its whole request before it reads the answer.
func TestAClientThatSendsTooMuchSeesWhy(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	const size = 8 << 20
	for name, send := range map[string]string{
		"length known": fmt.Sprintf("Content-Length: %d", size),
		"chunked":      "Transfer-Encoding: chunked",
	} {
		conn := l.dial(t, l.open("POST /login", formType, navigate, send))
		piece := strings.Repeat("x", 64<<10)
		if name == "chunked" {
			piece = chunk(piece)
		}
		for range size / (64 << 10) {
			if _, err := io.WriteString(conn, piece); err != nil {
				t.Fatalf("%s: the connection was closed on who is still sending: %v", name, err)
			}
		}
		if r := answers(t, conn); r.status != 413 || !strings.Contains(r.body, "<h1>") {
			t.Errorf("%s: %d %.200s", name, r.status, r.body)
		}
	}
}

// halfSent opens many connections from an address, and sends most of a large form on each.
func (l *lane) halfSent(t *testing.T, address string, n int) (conns []net.Conn) {
	t.Helper()
	body := "email=ada%40example.com&next=" + strings.Repeat("x", 62<<10)
	head := l.open("POST /login", formType, "Content-Length: 65000", "X-Forwarded-For: "+address)
	for range n {
		conn, err := net.Dial("tcp", l.host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.WriteString(conn, head+body); err == nil { // an earlier one may have given way already
			conns = append(conns, conn)
		}
	}
	return conns
}

// peak returns the peak memory of the gate in bytes.
func (g *running) peak(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		return gauge(t, g, "process_resident_memory_bytes") // a system other than Linux
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib * 1024
}

// One network sends half of very many forms. They take little memory, and nothing from other networks.
func TestHalfSentFormsTakeLittleAndNothingFromOthers(t *testing.T) {
	// Not in parallel: the slow visitor has a time limit, which other tests would use up.
	l := newLane(t, "GATEPOST_LOG_LEVEL=info")
	l.signIn(t)
	body := "email=ada%40example.com&password=" + url.QueryEscape(password)
	slow := l.dial(t, l.open("POST /login", formType, fmt.Sprintf("Content-Length: %d", len(body)),
		"X-Forwarded-For: 203.0.113.4")+body[:20])
	before := l.peak(t)
	const forms = 3000
	conns := l.halfSent(t, "198.51.100.7", forms)
	eventually(t, "the gate is quiet", func() bool { return gauge(t, l.running, "gatepost_forms_bytes") > 8<<20 })
	after := l.peak(t)
	t.Logf("%d half-sent forms: %.0f → %.0f MiB", forms, before/(1<<20), after/(1<<20))
	if after > before+120<<20 || gauge(t, l.running, "gatepost_forms_bytes") > 16<<20 {
		t.Errorf("half-sent forms take %.0f MiB, and count as %.0f", (after-before)/(1<<20),
			gauge(t, l.running, "gatepost_forms_bytes")/(1<<20))
	}
	if _, err := io.WriteString(slow, body[20:]); err != nil {
		t.Error(err)
	}
	if r := answers(t, slow); r.status != 303 {
		t.Errorf("who came before them, and is slow: %d %.200s", r.status, r.body)
	}
	// Complete forms get through from another network and from the same one.
	for _, from := range []string{"203.0.113.5", "198.51.100.7"} {
		r := l.one(t, l.form("/login", body, "X-Forwarded-For: "+from))
		if r.status != 303 {
			t.Errorf("a form from %s: %d", from, r.status)
		}
	}
	if r := answers(t, conns[0]); r.status != 429 || r.header.Get("Retry-After") == "" {
		t.Errorf("who fills it: %d %v", r.status, r.header)
	}
	if strings.Contains(l.log.String(), "level=ERROR") {
		t.Error("they are no fault of ours")
	}
}

// The same with many HTTP/2 streams on one connection.
func TestHalfSentFormsOnStreamsTakeNothingFromOthers(t *testing.T) {
	t.Parallel()
	cert, key, roots := writePair(t, t.TempDir(), nil)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_PUBLIC_URL=https://localhost:0",
		"GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key)
	g.url = strings.Replace(g.url, "http://", "https://", 1)
	v := g.secure(t, roots)
	v.signUp("ada@example.com")
	var all sync.WaitGroup
	hostile := g.secure(t, roots)
	hostile.client.Timeout = 0
	enough, stop := context.WithCancel(t.Context())
	defer stop()
	hostile.client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	answered := make(chan int, 4000)
	for range 1500 {
		all.Go(func() {
			in, out := io.Pipe()
			defer out.Close()
			req, _ := http.NewRequestWithContext(enough, "POST", g.url+"/login", in) // the URL is valid
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			go func() { _, _ = io.WriteString(out, "next="+strings.Repeat("x", 62<<10)) }()
			if res, err := hostile.client.Do(req); err == nil {
				answered <- res.StatusCode
				_ = res.Body.Close()
			}
		})
	}
	eventually(t, "there is no more room", func() bool { return gauge(t, g, "gatepost_forms_bytes") > 5<<20 })
	if got := gauge(t, g, "gatepost_forms_bytes"); got > 16<<20 {
		t.Errorf("they count as %.0f bytes", got)
	}
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("who is signed in: %d", r.status)
	}
	if r := g.secure(t, roots).post("/login", "email", "ada@example.com", "password", password); r.status != 303 {
		t.Errorf("who signs in meanwhile: %d", r.status)
	}
	stop()
	all.Wait()
	close(answered)
	statuses := map[int]int{}
	for status := range answered {
		statuses[status]++
	}
	delete(statuses, 503) // for clients on this machine, which may be behind a proxy
	delete(statuses, 408)
	if len(statuses) > 0 {
		t.Errorf("half a form, by status: %v", statuses)
	}
}
