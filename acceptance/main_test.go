package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// TestMain builds the gates that the tests run.
func TestMain(m *testing.M) {
	code, err := testGates(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testGates(m *testing.M) (code int, err error) {
	defer authtest.Close()
	dir, err := os.MkdirTemp("", "gatepost-acceptance-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if plainGate, err = buildGate(filepath.Join(dir, "plain", "gatepost")); err != nil {
		return 1, err
	}
	if watchedGate = plainGate; raceEnabled || os.Getenv("WATCHED") != "" {
		flags, err := raceFlags()
		if err != nil {
			return 1, err
		}
		if watchedGate, err = buildGate(filepath.Join(dir, "watched", "gatepost"), flags...); err != nil {
			return 1, err
		}
	}
	// Some tests call the program by its name.
	if err := os.Setenv("PATH", filepath.Dir(watchedGate)+":"+os.Getenv("PATH")); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// plainGate is a gate without the race detector, which would make it three times slower. Most tests check what
// one request does. Tests with concurrent traffic ask for watchedGate.
var plainGate, watchedGate string

// raceFlags are those with which `make race` compiles the tests: with others, Go would compile all of the gate again.
func raceFlags() ([]string, error) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		return nil, err
	}
	slow := regexp.MustCompile(`(?m)^SLOW = (.+)$`).FindSubmatch(makefile)
	if slow == nil {
		return nil, errors.New("the Makefile has no line SLOW: what the race detector leaves out")
	}
	flags := []string{"-race"}
	for _, packages := range strings.Fields(string(slow[1])) {
		flags = append(flags, "-gcflags="+packages+"=-race=false")
	}
	return flags, nil
}

func buildGate(program string, flags ...string) (string, error) {
	args := slices.Concat([]string{"build", "-ldflags=-s -w"}, flags,
		[]string{"-o", program, "github.com/gatepost/gatepost/cmd/gatepost"})
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build a gate: %w\n%s", err, out)
	}
	return program, nil
}

// watched in the settings of a gate makes it run with the race detector, if the tests do, or WATCHED is set.
const watched = "watched"

// program returns the program that runs a gate with these settings.
func program(t *testing.T, env []string) string {
	t.Helper()
	if slices.Contains(env, watched) {
		return watchedGate
	}
	return plainGate
}

// run runs a command of the gate's program, and returns its exit code.
func run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cmd := exec.CommandContext(ctx, plainGate, args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, stdin, stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	_ = cmd.Run() // the exit code says the same
	return cmd.ProcessState.ExitCode()
}

// app is a real upstream. It records its requests, repeats what it was sent, and has a page for each thing to
// test.
type app struct {
	url  string
	mu   sync.Mutex
	seen []string // method and target of each request
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{}
	mux := http.NewServeMux()
	mux.HandleFunc("/", a.page)
	mux.HandleFunc("/dashboard/ws", echoSocket)
	mux.HandleFunc("/dashboard/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: mux}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	a.url = "http://" + l.Addr().String()
	return a
}

func (a *app) page(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r.Method+" "+r.RequestURI)
	a.mu.Unlock()
	fmt.Fprintf(w, "app page %s for %q roles %q cookie %q", r.URL.Path, r.Header.Get("X-Auth-Email"),
		r.Header.Get("X-Auth-Roles"), r.Header.Get("Cookie"))
}

func echoSocket(w http.ResponseWriter, _ *http.Request) {
	conn, in, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	_, _ = io.Copy(conn, in)
}

// take returns the requests that the app has seen since the last call.
func (a *app) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// running is a gate as a process of its own.
type running struct {
	url, ops string
	cmd      *exec.Cmd
	log      *logBuffer
	done     chan error
	browsers http.Transport // of its visitors over plain HTTP
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startGate runs `gatepost serve` with these additional settings and waits until it answers.
func startGate(t *testing.T, env ...string) *running {
	t.Helper()
	g := launchGate(t, program(t, env), env...)
	g.untilUp(t)
	return g
}

// launchGate runs `gatepost serve` of the given program until the test ends, and does not wait for it.
func launchGate(t *testing.T, program string, env ...string) *running {
	t.Helper()
	port, ops := freePort(t), freePort(t)
	g := &running{url: "http://localhost:" + port, ops: "http://localhost:" + ops, log: &logBuffer{},
		done: make(chan error, 1)}
	g.cmd = exec.Command(program, "serve")
	g.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "GATEPOST_LISTEN=localhost:" + port,
		"GATEPOST_OPS_LISTEN=localhost:" + ops,
		"GATEPOST_PROTECT=/dashboard, /admin=admin", "GATEPOST_LOG_LEVEL=debug"}, env...)
	g.cmd.Stderr, g.cmd.Stdout = g.log, g.log
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.endsWithTest(t)
	return g
}

// untilItEnds waits until a gate that was started answers, and ends it with the test.
func (g *running) untilItEnds(t *testing.T) {
	t.Helper()
	g.endsWithTest(t)
	g.untilUp(t)
}

func (g *running) endsWithTest(t *testing.T) {
	t.Helper()
	go func() { g.done <- g.cmd.Wait() }()
	t.Cleanup(func() {
		g.browsers.CloseIdleConnections() // for each of which a gate that stops waits a second
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-g.done:
		case <-time.After(30 * time.Second):
			_ = g.cmd.Process.Kill()
		}
		if strings.Contains(g.log.String(), "DATA RACE") {
			t.Error("the race detector found something in the gate")
		}
		if t.Failed() {
			t.Logf("the gate's log:\n%s", g.log)
		}
	})
}

func (g *running) untilUp(t *testing.T) {
	t.Helper()
	eventually(t, "the gate answers", func() bool {
		res, err := http.Get(g.ops + isUp)
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == 200
	})
}

// isUp answers 200 when the gate is up, even if what it depends on is down.
const isUp = "/readyz?exclude=process&exclude=database&exclude=migrations&exclude=upstream"

// launch runs another program until the test ends, and then shows its output if the test failed.
func launch(t *testing.T, cmd *exec.Cmd) *logBuffer {
	t.Helper()
	log := &logBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails, like the next call, if the test has ended it
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%.20000s", cmd.Path, log)
		}
	})
	return log
}

func untilListening(t *testing.T, address string) {
	t.Helper()
	eventually(t, "something listens on "+address, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// freePort returns a port that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	for range portsMost {
		port := strconv.FormatInt(firstPort+(int64(os.Getpid())*97+portsGiven.Add(1))%portsMost, 10)
		if l, err := net.Listen("tcp", "localhost:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// firstPort and portsMost keep freePort below the ports that systems choose for outgoing connections (from
// 32768 on Linux, from 49152 elsewhere). Otherwise a connection of another test could take the port before the
// gate does.
const firstPort, portsMost = 11_000, 20_000

var portsGiven atomic.Int64

// eventually polls until f returns true. Its deadline is far beyond what that should take.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// visitor is a browser: it keeps cookies, and shows redirects unless told to follow them.
type visitor struct {
	t      *testing.T
	gate   *running
	client *http.Client
}

func (g *running) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, g, &http.Client{Transport: &g.browsers, Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) location() string { return r.header.Get("Location") }

func (v *visitor) do(method, path string, body io.Reader, headers ...string) reply {
	v.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, v.gate.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{res.StatusCode, res.Header, strings.ReplaceAll(string(b), "<wbr>", "")} // as people read it
}

const navigate = "Sec-Fetch-Mode: navigate"

// open loads a page as a browser does.
func (v *visitor) open(path string) reply { v.t.Helper(); return v.do("GET", path, nil, navigate) }

// fetch requests data as a script does.
func (v *visitor) fetch(path string) reply { v.t.Helper(); return v.do("GET", path, nil) }

// becomes checks the status of every request that begins a second or more after something was changed.
func (v *visitor) becomes(path string, want int) {
	v.t.Helper()
	for changed := time.Now(); ; {
		began := time.Now()
		r := v.fetch(path)
		if r.status == want {
			return
		}
		if began.Sub(changed) > time.Second {
			v.t.Errorf("%s is %d, want %d", path, r.status, want)
			return
		}
	}
}

func (v *visitor) post(path string, pairs ...string) reply {
	v.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return v.do("POST", path, strings.NewReader(values.Encode()), navigate)
}

const password = "correct horse battery"

// signUp makes a user and leaves the visitor signed in.
func (v *visitor) signUp(email string) {
	v.t.Helper()
	if r := v.post("/signup", "email", email, "password", password, "name", "Ada", "remember", "on"); r.status != 303 {
		v.t.Fatalf("sign up: %d %s", r.status, r.body)
	}
}

// cookie returns the visitor's session cookie.
func (v *visitor) cookie() *http.Cookie {
	v.t.Helper()
	u, _ := url.Parse(v.gate.url)
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == "__Host-gatepost" || regexp.MustCompile(`^gatepost_\d+$`).MatchString(c.Name) {
			return c
		}
	}
	return &http.Cookie{}
}
