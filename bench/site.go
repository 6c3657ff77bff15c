package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/internal/localpg"
)

// site is everything that runs for a measurement.
type site struct {
	bare        *child
	bareAddress string
	upstream    string
	program     string // the gate's binary
	gates
	gateLog  *os.File
	database *localpg.Server
	postgres int // process id of PostgreSQL's first process
	close    []func()
}

func (s *site) onClose(f func()) { s.close = append(s.close, f) }

// Close undoes open, in reverse order.
func (s *site) Close() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
}

func (s *site) open(ctx context.Context, o options) error {
	dir, err := s.prepare(ctx, o.gate)
	if err != nil {
		return err
	}
	o.gate = s.program
	if err := s.openPlain(ctx, "upstream"); err != nil {
		return err
	}
	if err := s.openDatabase(ctx, filepath.Join(dir, "database")); err != nil {
		return err
	}
	return s.openGates(ctx, o)
}

// prepare makes a directory and the gates' log, and builds the gate unless there is one.
func (s *site) prepare(ctx context.Context, program string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "gatepost-bench-"); err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	s.onClose(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // as root, PostgreSQL runs as another user, who needs access
		return "", fmt.Errorf("open the directory to PostgreSQL: %w", err)
	}
	// The log is opened for appending, so that it can be emptied while the gates write to it.
	s.gateLog, err = os.OpenFile(filepath.Join(dir, "gate.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return "", fmt.Errorf("open the gate's log: %w", err)
	}
	s.onClose(func() { _ = s.gateLog.Close() })
	if s.program = program; program != "" {
		return dir, nil
	}
	s.program = filepath.Join(dir, "gatepost")
	return dir, build(ctx, s.program)
}

func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", to,
		"github.com/gatepost/gatepost/cmd/gatepost")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the gate: %w\n%s", err, out)
	}
	return nil
}

// openPlain starts an app and the bare proxy.
func (s *site) openPlain(ctx context.Context, role string) error {
	app, upstream, err := startServer(ctx, role)
	if err != nil {
		return err
	}
	s.onClose(app.stop)
	s.upstream = upstream
	if s.bare, s.bareAddress, err = startServer(ctx, "bare", upstream); err != nil {
		return err
	}
	s.onClose(s.bare.stop)
	return nil
}

func (s *site) openDatabase(ctx context.Context, dir string) error {
	server, err := localpg.Start(ctx, localpg.Config{Dir: dir, Throwaway: true})
	if err != nil {
		return err
	}
	s.database = server
	s.onClose(func() { _ = server.Stop() })
	b, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	if s.postgres, err = strconv.Atoi(first); err != nil {
		return fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	return nil
}
