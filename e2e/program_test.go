package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute // the first start creates a PostgreSQL cluster
	stopTimeout  = 30 * time.Second
)

// program is a running process of the gate, or of an example.
type program struct {
	name  string
	cmd   *exec.Cmd
	out   *output
	ended chan struct{} // closed when the process has ended; err is then set
	err   error
}

func startProgram(name string, cmd *exec.Cmd) (*program, error) {
	p := &program{name: name, cmd: cmd, out: &output{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// wait waits until up returns true.
func (p *program) wait(up func() bool) error {
	tick, timeout := time.NewTicker(20*time.Millisecond), time.After(startTimeout)
	defer tick.Stop()
	for !up() {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was up:\n%s", p.name, p.out)
		case <-timeout:
			return fmt.Errorf("%s is not up after %v:\n%s", p.name, startTimeout, p.out)
		case <-tick.C:
		}
	}
	return nil
}

// stop ends the process as an operator would, and waits for it. A failing exit is an error.
func (p *program) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails if the process has ended already; err then holds the result
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s had to be killed: it did not end within %v of SIGTERM:\n%s", p.name, stopTimeout, p.out)
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", p.name, p.err, p.out)
	}
	return nil
}

// output collects what the process writes. It can be read at the same time.
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
