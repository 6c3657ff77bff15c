package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// spawn starts the server as a child that ends with this process.
func (s *Server) spawn(who identity) error {
	s.cmd.Env = cleanEnv()
	s.cmd.Dir = "/" // the server's user may have no access to the caller's directory
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = childAttr(who)
	started := make(chan error)
	done := make(chan struct{})
	go func() {
		// The parent-death signal is sent when the thread that started the child ends, so this goroutine keeps its
		// thread until the child is gone.
		runtime.LockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // its log has the reason
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", explainExec(err, who))
	}
	s.done = done
	return nil
}

// cleanEnv keeps PG* variables of the operator's shell (PGDATA, PGPORT, …) from the server, and its messages in
// English, as errors quote them.
func cleanEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

func explainExec(err error, who identity) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w (the user %s must be able to enter every folder above the data directory; choose "+
			"another with GATEPOST_DATA_DIR)", err, who.name)
	}
	return err
}

// lockDir takes a lock that the operating system releases when this process ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "gatepost.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrInUse
	}
	return nil, fmt.Errorf("lock %s: %w", dir, err)
}

type pidFile struct {
	pid       int
	socketDir string
}

// readPIDFile reads postmaster.pid: process id, data directory, start time, port and socket directory, one a line.
func readPIDFile(data string) (pidFile, error) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return pidFile{}, err
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 5 {
		return pidFile{}, errors.New("postmaster.pid is incomplete")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return pidFile{}, fmt.Errorf("postmaster.pid: %w", err)
	}
	return pidFile{pid, lines[4]}, nil
}

// endOrphan ends a server that outlived its gatepost, which is possible without a parent-death signal, and waits
// for one that is stopping. No process owns such a server, as this one holds the lock of the directory. A stale
// file (after a crash of the machine) is left to PostgreSQL.
func endOrphan(ctx context.Context, data string) error {
	old, err := readPIDFile(data)
	if err != nil {
		return nil // no file, so nothing runs
	}
	if servesDirectory(ctx, old, data) {
		_ = syscall.Kill(old.pid, syscall.SIGINT)
	}
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) && processAlive(old.pid) {
		if _, err := readPIDFile(data); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// servesDirectory asks the server behind the socket for its data directory. The process id alone may belong to
// another program by now.
func servesDirectory(ctx context.Context, p pidFile, data string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, (&Server{socketDir: p.socketDir}).URL("postgres"))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	var dir string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return false
	}
	return dir == data
}

func processAlive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
