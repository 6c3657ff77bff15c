package auth_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	process "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/share"
)

// workers remembers the processes that a Store was given.
type workers struct {
	mu   sync.Mutex
	list []*process.Cmd
}

// with makes a Store hash in processes made by command.
func (ws *workers) with(command func() *process.Cmd) func(*auth.Options) {
	return func(o *auth.Options) {
		o.HashWorker = func() *process.Cmd {
			ws.mu.Lock()
			defer ws.mu.Unlock()
			ws.list = append(ws.list, command())
			return ws.list[len(ws.list)-1]
		}
	}
}

func thisBinary() *process.Cmd { return process.Command(os.Args[0], hashWorkerArg) }

// store is one that hashes in processes which take their share of a core. One has nothing to do by now.
func (ws *workers) store(t *testing.T) (*auth.Store, *pgxpool.Pool) {
	t.Helper()
	s, db := authtest.NewStore(t, ws.with(thisBinary))
	auth.SetWorkerPatience(s, time.Minute, time.Minute)
	auth.OnlySharing(s)
	signUp(t, s, "ada@example.com")
	return s, db
}

func TestAProcessThatHashesMakesTheSameHashes(t *testing.T) {
	t.Parallel()
	var ws workers
	s, db := ws.store(t)
	var stored string
	if err := db.QueryRow(t.Context(), `SELECT password FROM gatepost.account`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if !auth.VerifyPassword(goodPassword, stored) {
		t.Errorf("%s is not a hash of the password", stored)
	}
	exec(t, db, `UPDATE gatepost.account SET password = $1`, auth.Hash(goodPassword))
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Errorf("a password hashed in this process: %v", err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", "wrong password"); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a wrong one: got %v, want ErrBadCredentials", err)
	}
	if len(ws.list) != 1 {
		t.Errorf("%d processes for one password after the other", len(ws.list))
	}
}

func TestAProcessThatHashesIsReplacedWhenItDies(t *testing.T) {
	t.Parallel()
	var ws workers
	s, _ := ws.store(t)
	if err := ws.list[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		eventually(t, "it is no zombie", func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/%d", ws.list[0].Process.Pid))
			return errors.Is(err, os.ErrNotExist)
		})
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Error(err)
	}
	if len(ws.list) != 2 {
		t.Errorf("%d processes were started, want 2", len(ws.list))
	}
}

// Where the traffic leaves nothing of a core, another process takes its share; and where that hangs too, the password
// is hashed here.
func TestAProcessThatHangsHoldsNobodyUpForLong(t *testing.T) {
	t.Parallel()
	var ws workers
	var log bytes.Buffer
	command := func() *process.Cmd {
		if len(ws.list) == 0 {
			return process.Command("sleep", "600")
		}
		return thisBinary()
	}
	s, _ := authtest.NewStore(t, ws.with(command),
		func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	auth.SetWorkerPatience(s, 100*time.Millisecond, time.Minute)
	signUp(t, s, "ada@example.com")
	logIn := func() {
		t.Helper()
		if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
			t.Error(err)
		}
	}
	logIn() // the first kind is left alone now
	if len(ws.list) != 2 || strings.Contains(log.String(), "level=WARN") {
		t.Errorf("%d processes, want 2, and the log says %s", len(ws.list), log.String())
	}
	if err := ws.list[1].Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	auth.SetWorkerPatience(s, time.Minute, 100*time.Millisecond)
	logIn()
	if !strings.Contains(log.String(), "it does not answer") {
		t.Errorf("the log does not say so: %s", log.String())
	}
}

// It gets nothing that it need not know, stands back for the traffic, and does not outlive the Store.
func TestAProcessThatHashesIsKeptApart(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	var ws workers
	s, _ := authtest.NewStore(t, ws.with(thisBinary))
	auth.SetWorkerPatience(s, 5*time.Minute, time.Minute)
	signUp(t, s, "ada@example.com")
	pid := ws.list[0].Process.Pid
	if environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err != nil || len(environ) > 0 {
		t.Errorf("its environment: %q, %v", environ, err)
	}
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("its process group is %d, %v", group, err)
	}
	for thread, stat := range ofThreads(t, pid, "stat") {
		_, rest, _ := strings.Cut(stat, ") ")
		const idle = "5" // SCHED_IDLE, in field 41 of proc_pid_stat(5)
		if fields := strings.Fields(rest); fields[16] != "10" || fields[38] != idle {
			t.Errorf("thread %s of it has the niceness %s and the policy %s", thread, fields[16], fields[38])
		}
	}
	s.Close()
	if ws.list[0].ProcessState == nil {
		t.Error("it outlives the Store")
	}
}

// A thread that hashes for long lets the system ask who else wants the core.
func TestAHashIsMadeInParts(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	var ws workers
	s, _ := ws.store(t)
	pid := ws.list[len(ws.list)-1].Process.Pid
	before := switches(t, pid)
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	const parts = 8 // two passes of four slices each
	if n := switches(t, pid) - before; n < parts {
		t.Errorf("it left the core %d times in a hash, want at least %d", n, parts)
	}
}

// switches is how often the threads of a process have left a core because they had nothing to do.
func switches(t *testing.T, pid int) (sum int) {
	t.Helper()
	for thread, status := range ofThreads(t, pid, "status") {
		_, rest, _ := strings.Cut(status, "\nvoluntary_ctxt_switches:")
		var n int
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Fatalf("thread %s: %v in %s", thread, err, status)
		}
		sum += n
	}
	return sum
}

// ofThreads is a file of proc(5) for each thread of a process.
func ofThreads(t *testing.T, pid int, file string) map[string]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, thread := range threads {
		text, err := os.ReadFile(filepath.Join(dir, thread.Name(), file))
		if err != nil {
			t.Fatal(err)
		}
		texts[thread.Name()] = string(text)
	}
	return texts
}

func TestWithoutProcessesThatHashPasswordsAreHashedHere(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]func() *process.Cmd{
		"missing": func() *process.Cmd { return process.Command("/nonexistent") },
		"echoes":  func() *process.Cmd { return process.Command("cat") },
		"ends":    func() *process.Cmd { return process.Command("true") },
		"nonsense": func() *process.Cmd {
			return process.Command("sh", "-c", "yes nonsense | head -c 1000; cat > /dev/null")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ws workers
			var log bytes.Buffer
			s, _ := authtest.NewStore(t, ws.with(command),
				func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			signUp(t, s, "ada@example.com")
			if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
				t.Error(err)
			}
			if n := strings.Count(log.String(), "level=WARN"); n != 1 {
				t.Errorf("%d warnings, want 1:\n%s", n, log.String())
			}
		})
	}
}

func TestWhatIsNoHashJobEndsTheProcess(t *testing.T) {
	t.Parallel()
	cmd := thisBinary()
	cmd.Stdin = strings.NewReader("nonsense")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "read the terms") {
		t.Errorf("got %v: %s", err, out)
	}
	cmd = thisBinary()
	cmd.Stdin, cmd.Stdout = strings.NewReader(""), io.Discard
	if err := cmd.Run(); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

// Those who would wait in vain are told so after a while, and PostgreSQL is not asked about them.
func TestSignInsBeyondTheQueueDoNotReachTheDatabase(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	release := auth.FillHashQueue(s)
	db.Close()
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, share.ErrBusy) {
		t.Errorf("sign in: got %v, want ErrBusy", err)
	}
	_, err := s.SignUp(t.Context(), auth.NewUser{Email: "bea@example.com", Password: goodPassword}, true, "", here)
	if !errors.Is(err, share.ErrBusy) {
		t.Errorf("sign up: got %v, want ErrBusy", err)
	}
	release()
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("with room again: got %v, want ErrUnavailable", err)
	}
}
