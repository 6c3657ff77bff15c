package acceptance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// stop sends the gate SIGTERM and returns its exit code.
func (g *running) stop(t *testing.T) int {
	t.Helper()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return g.ended()
}

// ended waits for a gate that was told to stop. A second signal would end it at once.
func (g *running) ended() int {
	err := <-g.done
	g.done <- err
	return g.cmd.ProcessState.ExitCode()
}

// A gate that stops answers the requests under way, ends endless ones, and accepts no new ones.
func TestAGateThatStopsAnswersWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	arrived, answer := make(chan struct{}), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			close(arrived)
			<-answer
			_, _ = io.WriteString(w, "done")
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	defer app.Close()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.URL,
		"GATEPOST_DRAIN_TIMEOUT=1m", "GATEPOST_DRAIN_DELAY=1ms")
	v := g.visitor(t)
	events := v.opens("/events")
	slow := make(chan reply, 1)
	go func() { slow <- v.fetch("/slow") }()
	<-arrived
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	events.ends(t, "the event stream") // the stream would never end by itself
	eventually(t, "nothing new is taken", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(answer)
	if r := <-slow; r.status != 200 || r.body != "done" {
		t.Errorf("what was under way: %d %s", r.status, r.body)
	}
	if code := g.ended(); code != 0 || strings.Contains(g.log.String(), "were cut off") {
		t.Errorf("exit code %d", code)
	}
}

// Load balancers get time to notice.
func TestAGateThatStopsGoesOnForAWhile(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_DRAIN_DELAY=1h")
	v := g.visitor(t)
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it says that it stops", func() bool {
		res, err := http.Get(g.ops + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode == 503 && strings.Contains(string(b), `"process":"stopping"`)
	})
	if r := v.fetch("/public"); r.status != 200 {
		t.Errorf("meanwhile: %d", r.status)
	}
	_ = g.cmd.Process.Kill()
}

// inherit starts a gate on a socket that was opened before, as systemd passes it on.
func inherit(t *testing.T, socket *os.File, env ...string) *running {
	t.Helper()
	g := inheriting(t, socket, env...)
	g.untilUp(t)
	return g
}

// inheriting is inherit without waiting for the gate.
func inheriting(t *testing.T, socket *os.File, env ...string) *running {
	t.Helper()
	ops := freePort(t)
	g := &running{ops: "http://localhost:" + ops, log: &logBuffer{}, done: make(chan error, 1)}
	g.cmd = exec.Command("sh", "-c", "LISTEN_PID=$$ exec "+program(t, env)+" serve")
	g.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "LISTEN_FDS=1",
		"GATEPOST_OPS_LISTEN=localhost:" + ops, "GATEPOST_PROTECT=/dashboard"}, env...)
	g.cmd.ExtraFiles = []*os.File{socket}
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { g.done <- g.cmd.Wait() }()
	t.Cleanup(func() {
		_ = g.cmd.Process.Kill()
		if strings.Contains(g.log.String(), "DATA RACE") {
			t.Error("the race detector found something in the gate")
		}
		if t.Failed() {
			t.Logf("the log of a gate:\n%s", g.log)
		}
	})
	return g
}

// keptAlive is a client that uses its connection until an answer ends it, and repeats no request, like a server
// in front.
type keptAlive struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
}

func (c *keptAlive) post(path string, cookie *http.Cookie) (status int, err error) {
	if c.conn == nil {
		if c.conn, err = net.Dial("tcp", c.address); err != nil {
			return 0, err
		}
		c.in = bufio.NewReader(c.conn)
	}
	fmt.Fprintf(c.conn, "POST %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Length: 3\r\n\r\na=b",
		path, c.address, cookie)
	res, err := http.ReadResponse(c.in, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if err != nil || res.Close {
		_ = c.conn.Close()
		c.conn = nil
	}
	if err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// Visitors do not notice when gates take turns on one socket.
func TestARollingRestartLosesNoRequest(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	url := "http://" + l.Addr().String()
	_ = l.Close() // the file keeps the socket open
	env := []string{watched, "DATABASE_URL=" + authtest.NewDatabase(t), "GATEPOST_UPSTREAM=" + newApp(t).url,
		"GATEPOST_PUBLIC_URL=" + url}
	g := inherit(t, socket, env...)
	g.url = url
	first := g.visitor(t)
	first.signUp("ada@example.com")
	cookie := first.cookie()
	var failed atomic.Pointer[string]
	var asked atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for c := (keptAlive{address: l.Addr().String()}); ; {
				select {
				case <-stop:
					return
				default:
				}
				if status, err := c.post("/dashboard", cookie); err != nil || status != 200 {
					said := fmt.Sprintf("%d, %v", status, err)
					failed.Store(&said)
				}
				asked.Add(1)
			}
		})
	}
	for range 3 {
		before := asked.Load()
		eventually(t, "there is traffic", func() bool { return asked.Load() > before+50 })
		next := inherit(t, socket, env...)
		if code := g.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		g = next
	}
	before := asked.Load()
	eventually(t, "there is traffic", func() bool { return asked.Load() > before+50 })
	close(stop)
	load.Wait()
	if said := failed.Load(); said != nil {
		t.Errorf("of %d requests at least one failed: %s", asked.Load(), *said)
	}
}

// The gate reads changed files again. A faulty file is not taken over, and the log says why.
func TestAReloadTakesOverFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "messages"), 0o700); err != nil {
		t.Fatal(err)
	}
	messages, database := filepath.Join(dir, "messages", "en.json"), filepath.Join(t.TempDir(), "database")
	write := func(file, content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url := authtest.NewDatabase(t)
	write(messages, `{"login.title": "Come in"}`)
	write(database, url)
	g := startGate(t, "DATABASE_URL_FILE="+database, "GATEPOST_UPSTREAM="+newApp(t).url, "GATEPOST_OVERRIDES="+dir)
	v := g.visitor(t)
	reload := func(says string) {
		t.Helper()
		said := strings.Count(g.log.String(), says)
		if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, says, func() bool { return strings.Count(g.log.String(), says) > said })
	}
	shows := func(words string) {
		t.Helper()
		if r := v.open("/login"); r.status != 200 || !strings.Contains(r.body, words) {
			t.Errorf("the login page does not say %q: %d", words, r.status)
		}
	}
	shows("Come in")
	write(messages, `{"login.title": "Enter"}`)
	reload("were read again")
	shows("Enter")
	write(messages, `{"login.title": `)
	reload("the settings were not taken over")
	shows("Enter")
	if !strings.Contains(g.log.String(), "messages/en.json:1") {
		t.Error("the log does not say what is wrong")
	}
	write(messages, `{}`)
	write(database, url+"&application_name=other")
	reload("this setting has changed and is taken over by a restart only")
	if !strings.Contains(g.log.String(), "setting=DATABASE_URL") || strings.Contains(g.log.String(), url) {
		t.Error("the log does not name the setting, or quotes it")
	}
	eventually(t, "the rest was taken over", func() bool { return strings.Contains(v.open("/login").body, "Log in") })
}

func TestSystemdIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	next := func(want string) {
		t.Helper()
		_ = l.SetReadDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 1<<10)
		n, err := l.Read(b)
		if said := string(b[:n]); err != nil || !strings.HasPrefix(said, want) {
			t.Errorf("systemd was told %q, %v; want %q", said, err, want)
		}
	}
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"NOTIFY_SOCKET="+path)
	next("READY=1")
	if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	next("RELOADING=1\nMONOTONIC_USEC=")
	next("READY=1")
	if code := g.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	next("STOPPING=1")
}

// A gate that waits for PostgreSQL handles signals too.
func TestSignalsBeforeTheGateIsUp(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	cmd := exec.Command(plainGate, "serve")
	cmd.Env = []string{"DATABASE_URL=postgres://gatepost@127.0.0.1:1/gatepost", "GATEPOST_LISTEN=localhost:0",
		"GATEPOST_OPS_LISTEN=off", "GATEPOST_UPSTREAM=http://localhost:1", "HOME=/"}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it waits", func() bool { return strings.Contains(log.String(), "waiting for PostgreSQL") })
	for _, signal := range []os.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "msg=stopping") {
		t.Errorf("got %v: %s", err, log)
	}
}

// A second signal means not to wait for the requests under way.
func TestASecondSignalEndsTheGateAtOnce(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_DRAIN_DELAY=1h")
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, "it stops", func() bool { return strings.Contains(g.log.String(), "msg=stopping") })
	eventually(t, "it ends", func() bool {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-g.done:
			g.done <- err
			return true
		default:
			return false
		}
	})
}
