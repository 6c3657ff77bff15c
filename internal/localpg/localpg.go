// Package localpg runs a private PostgreSQL from the server programs installed on this machine: the database behind
// `gatepost demo`, behind `gatepost serve` when no DATABASE_URL is set, and under the tests.
//
// The server listens on a Unix socket inside a directory only its own user may enter, never on TCP, and ends with the
// process that started it, even when that process is killed. A data directory that exists is used or refused; nothing
// here deletes or re-initialises one.
package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser is the role the cluster is created with and the one URL signs in as.
const Superuser = "gatepost"

// ErrInUse says that another process runs the PostgreSQL of this directory.
var ErrInUse = errors.New("another gatepost process is using this data directory")

// Config says which cluster to run.
type Config struct {
	// Dir holds everything of the cluster: the data in Dir/postgres and a lock file. It is made when missing.
	Dir string
	// Bin is the directory with the programs postgres and initdb. Empty: PATH and the usual places are searched.
	Bin string
	// Throwaway trades durability for speed (fsync off). Only for data nobody will miss: a power cut loses it.
	Throwaway bool
	// Log receives the server's own log. Nil: it is dropped, except that its last lines become part of errors.
	Log io.Writer
}

// Server is a PostgreSQL that runs.
type Server struct {
	socketDir string
	tempDir   string // removed by Stop; empty when the socket lives in the data directory
	lock      *os.File
	cmd       *exec.Cmd
	log       *tail
	done      chan struct{}
	stop      sync.Once
}

// Start creates the cluster if it does not exist, starts it and waits until it answers. It fails with ErrInUse when
// another process runs it. Call Stop when done.
func Start(ctx context.Context, c Config) (*Server, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	c.Dir = dir
	who, err := runAs(c)
	if err != nil {
		return nil, err
	}
	if err := who.makeDir(c.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{lock: lock, log: &tail{to: c.Log}}
	if err := s.start(ctx, c, who); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

// Open is Start for a short visit: when another process runs the cluster already, it joins that one, and Stop leaves
// it running.
func Open(ctx context.Context, c Config) (*Server, error) {
	s, err := Start(ctx, c)
	if !errors.Is(err, ErrInUse) {
		return s, err
	}
	pid, err := readPIDFile(dataDir(c.Dir))
	if err != nil {
		return nil, fmt.Errorf("%w, and it cannot be joined: %v", ErrInUse, err)
	}
	return &Server{socketDir: pid.socketDir}, nil
}

func (s *Server) start(ctx context.Context, c Config, who identity) error {
	data := dataDir(c.Dir)
	bin, err := findPrograms(c.Bin, data)
	if err != nil {
		return err
	}
	if err := initialise(ctx, c, bin, who, s.log); err != nil {
		return err
	}
	if err := s.chooseSocket(data, who); err != nil {
		return err
	}
	if err := endOrphan(ctx, data); err != nil {
		return err
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), s.arguments(c, data)...)
	if err := s.spawn(who); err != nil {
		return err
	}
	return s.waitReady(ctx)
}

func (s *Server) arguments(c Config, data string) []string {
	args := []string{
		"-D", data, "-k", s.socketDir,
		"-c", "listen_addresses=", "-c", "port=5432", "-c", "unix_socket_permissions=0700",
		"-c", "logging_collector=off", "-c", "log_destination=stderr", "-c", "max_connections=200",
	}
	if c.Throwaway {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	return args
}

// maxSocketPath is the longest Unix socket path the operating systems we run on accept (Linux: 108 bytes with the
// final NUL, macOS: 104).
const maxSocketPath = 103

func (s *Server) chooseSocket(data string, who identity) error {
	s.socketDir = data
	if len(filepath.Join(data, ".s.PGSQL.5432.lock")) <= maxSocketPath {
		return nil
	}
	dir, err := os.MkdirTemp("", "gatepost-")
	if err != nil {
		return fmt.Errorf("make a directory for the PostgreSQL socket: %w", err)
	}
	s.tempDir, s.socketDir = dir, dir
	return who.own(dir)
}

// waitReady returns once the server answers and its database exists.
func (s *Server) waitReady(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := s.createDatabase(ctx); err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("the built-in PostgreSQL did not start: %s", s.log.last())
		case <-ctx.Done():
			return fmt.Errorf("the built-in PostgreSQL does not answer: %w: %s", ctx.Err(), s.log.last())
		case <-tick.C:
		}
	}
}

func (s *Server) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", Superuser).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+Superuser)
	return err
}

// URL is the connection string of one database of the cluster. Start has made the database "gatepost".
func (s *Server) URL(database string) string {
	q := url.Values{"host": {s.socketDir}, "port": {"5432"}, "user": {Superuser}, "sslmode": {"disable"}}
	return "postgres:///" + url.PathEscape(database) + "?" + q.Encode()
}

// Done is closed when the server has ended. It is nil, and so never ready, for a server that Open joined.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop shuts the server down in order, disconnecting whoever is still connected, and waits for it. It may be called
// more than once.
func (s *Server) Stop() error {
	var err error
	s.stop.Do(func() {
		if s.done != nil {
			err = s.end()
		}
		if s.tempDir != "" {
			err = errors.Join(err, os.RemoveAll(s.tempDir))
		}
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
	})
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// end asks the server to stop, each time less politely: fast shutdown, immediate shutdown (recovery at the next start),
// and a kill for one that hangs.
func (s *Server) end() error {
	for _, ask := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{syscall.SIGINT, 10 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := s.cmd.Process.Signal(ask.signal); err != nil {
			return err
		}
		select {
		case <-s.done:
			return nil
		case <-time.After(ask.patience):
		}
	}
	return errors.New("the built-in PostgreSQL does not end")
}

func dataDir(dir string) string { return filepath.Join(dir, "postgres") }
