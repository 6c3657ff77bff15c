// Package localpg runs a private PostgreSQL from the server programs on this machine. It is the database of
// `gatepost demo`, of `gatepost serve` without DATABASE_URL, and of the tests.
//
// The server listens on a Unix socket in a directory that only its own user can enter, never on TCP. It ends with
// the process that started it, even when that process is killed. An existing data directory is used or refused. It
// is never deleted or initialised again.
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

// Superuser is the role that owns the cluster and that URL signs in as.
const Superuser = "gatepost"

// ErrInUse means that another process runs the PostgreSQL of this directory.
var ErrInUse = errors.New("another gatepost process is using this data directory")

// Config is which cluster to run, and how.
type Config struct {
	// Dir holds everything of the cluster: the data in Dir/postgres and a lock file. It is made when missing.
	Dir string
	// Bin is the directory with the programs postgres and initdb. When empty, PATH and the usual places are
	// searched.
	Bin string
	// Throwaway trades durability for speed (fsync off). A power cut may lose the data.
	Throwaway bool
	// Log gets the server's own log. When nil, only the last lines are kept, for errors.
	Log io.Writer
}

// Server is a running PostgreSQL.
type Server struct {
	socketDir string
	tempDir   string // removed by Stop; empty when the socket is in the data directory
	lock      *os.File
	cmd       *exec.Cmd
	log       *tail
	done      chan struct{}
	stop      sync.Once
}

// Start creates the cluster if it does not exist, starts it and waits until it answers. It fails with ErrInUse when
// another process runs it. Stop must be called in the end.
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

// Open is Start for short use. When another process runs the cluster already, Open joins it, and Stop leaves it
// running.
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

// maxSocketPath is the longest path of a Unix socket that the supported operating systems accept (Linux: 108 bytes
// with the final NUL, macOS: 104).
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

// URL is the connection string of a database of the cluster. Start has created the database "gatepost".
func (s *Server) URL(database string) string {
	q := url.Values{"host": {s.socketDir}, "port": {"5432"}, "user": {Superuser}, "sslmode": {"disable"}}
	return "postgres:///" + url.PathEscape(database) + "?" + q.Encode()
}

// Done is closed when the server has ended. It is nil for a server that Open joined.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop shuts the server down, disconnects its clients, and waits for its end. It may be called more than once.
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

// end asks the server to stop with fast shutdown, then immediate shutdown (recovery at the next start), and then
// kills it.
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
