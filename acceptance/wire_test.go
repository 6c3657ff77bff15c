package acceptance_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// wire is an app that keeps the exact bytes of each request, including chunk framing and trailers, and answers
// as the test says.
type wire struct {
	url    string
	mu     sync.Mutex
	seen   []string
	answer func(*http.Request) string
}

const fine = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\napp"

func newWire(t *testing.T) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	a := &wire{url: "http://" + l.Addr().String()}
	a.answerWith(fine)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go a.serve(conn)
		}
	}()
	return a
}

// serve reads one request after the other from a connection. What Go cannot parse as a request is kept as it
// came.
func (a *wire) serve(conn net.Conn) {
	defer conn.Close()
	var log bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &log))
	for switched := false; ; {
		r, err := http.ReadRequest(in)
		if err != nil {
			if rest := log.String(); rest != "" {
				a.keep("unreadable: " + rest)
			}
			return
		}
		note := ""
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			note = " broken body: " + err.Error()
		}
		raw := string(log.Next(log.Len() - in.Buffered()))
		answer := a.keep(raw + note)(r)
		if r.Method == "HEAD" {
			head, _, _ := strings.Cut(answer, "\r\n\r\n")
			answer = head + "\r\n\r\n"
		}
		if _, err := io.WriteString(conn, answer); err != nil || note != "" || switched {
			return
		}
		switched = strings.Contains(answer, "HTTP/1.1 101 ")
	}
}

// random matches the headers that differ from request to request, or from gate to gate.
var random = regexp.MustCompile(`(X-Request-Id|X-Gatepost-Via): (?:[A-Z2-7]{12}|[A-Z2-7]{26})\r\n`)

func (a *wire) keep(raw string) (answer func(*http.Request) string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, random.ReplaceAllString(raw, "$1: *\r\n"))
	return a.answer
}

func (a *wire) answerWith(s string) { a.answerBy(func(*http.Request) string { return s }) }

func (a *wire) answerBy(f func(*http.Request) string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

// take returns the requests seen since the last call.
func (a *wire) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// lane is a gate with a wire behind it. Tests send it raw bytes.
type lane struct {
	*running
	app      *wire
	database string
	host     string   // of the public URL
	cookie   string   // a Cookie header with the session of ada@example.com, after signIn
	identity []string // the headers that the app gets for ada
}

// newLane starts a gate that trusts X-Forwarded-For. Visitors choose their address in it, so that the rows of a
// table do not use up each other's attempts.
func newLane(t *testing.T, env ...string) *lane {
	t.Helper()
	l := &lane{app: newWire(t), database: authtest.NewDatabase(t)}
	l.running = startGate(t, append([]string{"DATABASE_URL=" + l.database, "GATEPOST_UPSTREAM=" + l.app.url,
		"GATEPOST_TRUSTED_PROXIES=127.0.0.0/8"}, env...)...)
	l.host = strings.TrimPrefix(l.url, "http://")
	return l
}

func (l *lane) cookieName() string {
	return "gatepost_" + l.host[strings.LastIndexByte(l.host, ':')+1:]
}

// signIn makes the user ada@example.com with the name Ada and only the role user, and keeps the session.
func (l *lane) signIn(t *testing.T) *visitor {
	t.Helper()
	v := l.visitor(t)
	v.signUp("ada@example.com")
	l.cookie = "Cookie: " + v.cookie().String()
	var id string
	err := authtest.Pool(t, l.database).QueryRow(t.Context(),
		`SELECT id FROM gatepost."user" WHERE email = 'ada@example.com'`).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	l.identity = []string{"X-Auth-User: " + id, "X-Auth-Email: ada@example.com", "X-Auth-Email-Verified: false",
		"X-Auth-Name: Ada", "X-Auth-Roles: user"}
	l.app.take()
	return v
}

// request returns a request line with its headers. It is the last request of its connection.
func (l *lane) request(line string, headers ...string) string {
	return l.open(line, append(headers, "Connection: close")...)
}

// open is request on a connection that may go on.
func (l *lane) open(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: " + l.host + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

// probe is what send writes once the gate has switched protocols. If a tunnel was opened, the app sees these
// bytes.
const probe = "GET /dashboard/tunnelled HTTP/1.1\r\nHost: tunnelled\r\n\r\n"

// send writes raw bytes to the gate and returns all answers until the gate closes the connection.
func (l *lane) send(t *testing.T, raw string) []reply {
	t.Helper()
	conn, err := net.Dial("tcp", l.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = io.WriteString(conn, raw) }() // the gate may close the connection before it has read all
	var all []reply
	method, _, _ := strings.Cut(raw, " ")
	in := bufio.NewReader(conn)
	for {
		if _, err := in.Peek(1); isTimeout(err) {
			t.Fatalf("%.80q: the connection stays open after %d answers", raw, len(all))
		} else if err != nil {
			return all
		}
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%.80q: answer %d: %v", raw, len(all), err)
		}
		body := io.Reader(res.Body)
		if res.StatusCode == http.StatusSwitchingProtocols {
			_, _ = io.WriteString(conn, probe)
			body = in
		}
		b, err := io.ReadAll(body)
		if isTimeout(err) || err != nil && len(b) == 0 && res.ContentLength > 0 {
			t.Fatalf("%.80q: answer %d: %v", raw, len(all), err)
		}
		if all = append(all, reply{res.StatusCode, res.Header, string(b)}); res.StatusCode >= 200 {
			method = "GET"
		}
	}
}

// raw sends raw bytes and returns the bytes of all answers, including trailers.
func (l *lane) raw(t *testing.T, raw string) string {
	t.Helper()
	conn, err := net.Dial("tcp", l.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%.80q: %v after %q", raw, err, all)
	}
	return string(all)
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// one sends the bytes of one request, and returns its one answer.
func (l *lane) one(t *testing.T, raw string) reply {
	t.Helper()
	all := l.send(t, raw)
	if len(all) != 1 {
		t.Fatalf("%.100q: got %d answers %v, want one", raw, len(all), statuses(all))
	}
	return all[0]
}

func statuses(all []reply) []int {
	var list []int
	for _, r := range all {
		list = append(list, r.status)
	}
	return list
}

// refuses checks that there is one answer with one of the statuses, and that the app got nothing.
func (l *lane) refuses(t *testing.T, raw string, want ...int) reply {
	t.Helper()
	r := l.one(t, raw)
	if !slices.Contains(want, r.status) {
		t.Errorf("%.100q: got %d to %q, want %v", raw, r.status, r.location(), want)
	}
	if seen := l.app.take(); len(seen) != 0 {
		t.Errorf("%.100q: the app saw %.200q", raw, seen)
	}
	return r
}

// passes checks that the answer is the app's, and that the app got exactly the bytes want.
func (l *lane) passes(t *testing.T, raw, want string) reply {
	t.Helper()
	r := l.one(t, raw)
	if r.status != 200 || r.body != "app" && !strings.HasPrefix(raw, "HEAD ") {
		t.Errorf("%.100q: got %d %.100q, want the app's answer", raw, r.status, r.body)
	}
	l.saw(t, raw, want)
	return r
}

// saw compares the requests that the app got with the expected ones.
func (l *lane) saw(t *testing.T, raw string, want ...string) {
	t.Helper()
	if seen := l.app.take(); !slices.Equal(seen, want) {
		t.Errorf("%.100q: the app saw\n%s\nwant\n%s", raw, quoted(seen), quoted(want))
	}
}

func quoted(list []string) string {
	var out strings.Builder
	for _, s := range list {
		fmt.Fprintf(&out, "%.2000q\n", s)
	}
	return out.String()
}

// forwarded returns a request as the app gets it: the line, these headers and the gate's own, and the body.
func (l *lane) forwarded(line, body string, headers ...string) string {
	return l.forwardedFrom("127.0.0.1", line, body, headers...)
}

// forwardedFrom is forwarded for a visitor at another address.
func (l *lane) forwardedFrom(address, line, body string, headers ...string) string {
	headers = append([]string{"X-Forwarded-For: " + address, "X-Forwarded-Host: " + l.host, "X-Forwarded-Proto: http",
		"X-Gatepost-Via: *", "X-Request-Id: *"}, headers...)
	slices.SortStableFunc(headers, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	return line + " HTTP/1.1\r\nHost: " + l.host + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n" + body
}

// rank orders headers as Go writes them: the client's name and the framing first, the others by name.
func rank(header string) string {
	name, _, _ := strings.Cut(header, ":")
	switch name {
	case "User-Agent":
		return "\x00"
	case "Content-Length", "Transfer-Encoding":
		return "\x01"
	}
	return name
}
