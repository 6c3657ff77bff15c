package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute // the first start creates a PostgreSQL cluster
	stopTimeout  = 30 * time.Second
)

// gateway is a `gatepost demo` that runs.
type gateway struct {
	url           string // what people type, without the final slash
	adminPassword string
	dir           string // of everything it owns
	cmd           *exec.Cmd
	out           *output
	ended         chan struct{} // closed when the process has ended, of which err then tells
	err           error
}

// startGateway builds the binary from the tree above and runs the demo with everything it owns inside dir.
func startGateway(dir string) (*gateway, error) {
	binary := filepath.Join(dir, "gatepost")
	build := exec.Command("go", "build", "-o", binary, "./cmd/gatepost")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build gatepost: %w\n%s", err, text)
	}
	g := &gateway{dir: dir, cmd: exec.Command(binary, "demo"), out: &output{}, ended: make(chan struct{})}
	g.cmd.Env = []string{
		"HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR"),
		"GATEPOST_DATA_DIR=" + dir, "GATEPOST_POSTGRES_BIN=" + os.Getenv("GATEPOST_POSTGRES_BIN"),
		"GATEPOST_LISTEN=localhost:0", "GATEPOST_OPS_LISTEN=off", // any free port; the demo says which
	}
	g.cmd.Stdout, g.cmd.Stderr = g.out, g.out
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start gatepost demo: %w", err)
	}
	go func() {
		g.err = g.cmd.Wait()
		close(g.ended)
	}()
	if err := g.waitUp(); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	return g, nil
}

// welcome is what the demo prints once it answers. People copy the login from there, and so do the tests.
var welcome = regexp.MustCompile(`(?s)Open +(http://localhost:\d+)/\n.*Admin login +admin@example\.com +password: (\S+)\n`)

func (g *gateway) waitUp() error {
	tick, timeout := time.NewTicker(20*time.Millisecond), time.After(startTimeout)
	defer tick.Stop()
	for {
		if found := welcome.FindStringSubmatch(g.out.String()); found != nil {
			g.url, g.adminPassword = found[1], found[2]
			return nil
		}
		select {
		case <-g.ended:
			return fmt.Errorf("gatepost demo ended before it was up:\n%s", g.out)
		case <-timeout:
			return fmt.Errorf("gatepost demo is not up after %v:\n%s", startTimeout, g.out)
		case <-tick.C:
		}
	}
}

// stop asks the process to end as an operator would, and waits until it has. Ending badly is an error.
func (g *gateway) stop() error {
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended already, which err tells better
	select {
	case <-g.ended:
	case <-time.After(stopTimeout):
		_ = g.cmd.Process.Kill()
		<-g.ended
		return fmt.Errorf("gatepost demo had to be killed: it did not end within %v of SIGTERM:\n%s", stopTimeout, g.out)
	}
	if g.err != nil {
		return fmt.Errorf("gatepost demo: %w\n%s", g.err, g.out)
	}
	return nil
}

// failures are the requests that the gate could not answer. Nothing that a test does may be among them.
func (g *gateway) failures() error {
	if lines := failed.FindAllString(g.out.String(), -1); lines != nil {
		return fmt.Errorf("gatepost failed:\n%s", strings.Join(lines, "\n"))
	}
	return nil
}

var failed = regexp.MustCompile(`(?m)^.* msg=request .*status=5\d\d .*$|^panic.*$`)

// output collects what the process writes while others read it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
