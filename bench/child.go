package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long a child may take to end before it is killed.
const stopTimeout = 15 * time.Second

// child is a process started by this program. It ends with stop, with ctx, and with this program.
type child struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	done   chan struct{}
}

func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	cmd.Env = cleanEnv()
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = childAttr()
	return cmd
}

// cleanEnv leaves out the variables that would change the gate: settings of another gate, and the defaults of
// PostgreSQL's clients.
func cleanEnv() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if name == "PORT" || strings.HasPrefix(name, "DATABASE_URL") || strings.HasPrefix(name, "GATEPOST_") ||
			strings.HasPrefix(name, "PG") {
			continue
		}
		kept = append(kept, entry)
	}
	return kept
}

// start starts the command that prepare makes.
func start(ctx context.Context, prepare func(context.Context) *exec.Cmd) (*child, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &child{cmd: prepare(ctx), cancel: cancel, done: make(chan struct{})}
	if err := c.cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", c.cmd.Path, err)
	}
	go func() {
		_ = c.cmd.Wait() // it is ended by signal, so the error says nothing
		close(c.done)
	}()
	return c, nil
}

func (c *child) stop() {
	c.cancel()
	<-c.done
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// startRole starts this program in a role, and returns what it prints.
func startRole(ctx context.Context, in io.Reader, role string, args ...string) (c *child, out *os.File, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find this program: %w", err)
	}
	return startPrinting(ctx, func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, self, append([]string{role}, args...)...)
		cmd.Stdin = in
		return cmd
	})
}

// startPrinting starts the command that prepare makes, and returns what it prints.
func startPrinting(ctx context.Context, prepare func(context.Context) *exec.Cmd) (c *child, out *os.File, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	c, err = start(ctx, func(ctx context.Context) *exec.Cmd {
		cmd := prepare(ctx)
		cmd.Stdout = w
		return cmd
	})
	_ = w.Close() // the child has its own copy; this one would keep the pipe open after the child's end
	if err != nil {
		_ = r.Close()
		return nil, nil, err
	}
	return c, r, nil
}

// startServer starts this program in a role that serves, and reads the address where it listens.
func startServer(ctx context.Context, role string, args ...string) (c *child, address string, err error) {
	return listening(startRole(ctx, nil, role, args...))
}

// listening reads the address where a child listens, which is the first line that it prints.
func listening(c *child, out *os.File, err error) (*child, string, error) {
	if err != nil {
		return nil, "", err
	}
	defer out.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.stop()
		return nil, "", fmt.Errorf("read the address of %s: %w", strings.Join(c.cmd.Args, " "), err)
	}
	return c, strings.TrimSpace(line), nil
}

// runRole runs this program in a role that does a job and prints its result.
func runRole(ctx context.Context, role string, job, result any) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	in, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("write the job: %w", err)
	}
	var out bytes.Buffer
	cmd := command(ctx, self, role)
	cmd.Stdin, cmd.Stdout = bytes.NewReader(in), &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", role, err)
	}
	if err := json.NewDecoder(&out).Decode(result); err != nil {
		return fmt.Errorf("read the result of %s: %w", role, err)
	}
	return nil
}

// runLoad does a job in a separate process, so that its CPU time is counted apart.
func runLoad(ctx context.Context, j job) (l load, err error) {
	err = runRole(ctx, "load", j, &l)
	return l, err
}

// tail returns the end of a log, for an error message.
func tail(f *os.File) string {
	const most = 2 << 10
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	b := make([]byte, most)
	n, err := f.ReadAt(b, max(0, info.Size()-most))
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	return strings.TrimSpace(string(b[:n]))
}
