package password

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

const goodPassword, wrong = secret.Password("correct horse battery"), secret.Password("wrong password")

// workers remembers the processes that Processes were given.
type workers struct {
	*Processes
	log  bytes.Buffer
	mu   sync.Mutex
	list []*exec.Cmd
}

// newWorkers hashes in processes made by command.
func newWorkers(t *testing.T, command func() *exec.Cmd) *workers {
	t.Helper()
	ws := &workers{}
	ws.Processes = NewProcesses(func() *exec.Cmd {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		ws.list = append(ws.list, command())
		return ws.list[len(ws.list)-1]
	}, slog.New(slog.NewTextHandler(&ws.log, nil)))
	t.Cleanup(ws.Close)
	return ws
}

func thisBinary() *exec.Cmd { return exec.Command(os.Args[0], workerArg) }

// setPatience is for machines on which a process that hashes takes long, as those of the race detector are. One that
// was too slow is not asked again while the test runs.
func (ws *workers) setPatience(idle, sharing time.Duration) {
	ws.idle.patience, ws.sharing.patience, ws.refrainFor = idle, sharing, time.Hour
}

// verify wants the password that somebody chose to be right by the hash, and another one to be wrong.
func verify(t *testing.T, stored string, derive Crypt) {
	t.Helper()
	if !Verify(goodPassword, stored, derive) {
		t.Errorf("%s is not a hash of the password", stored)
	}
	if Verify(wrong, stored, derive) {
		t.Errorf("%s is a hash of another password", stored)
	}
}

// taking hashes in processes which take their share of a core: those that get only what nobody else wants can get
// nothing for a minute, where other tests want every core. One has nothing to do by now.
func taking(t *testing.T) (ws *workers, stored string) {
	t.Helper()
	ws = newWorkers(t, thisBinary)
	ws.setPatience(time.Minute, time.Minute)
	ws.onlySharing(time.Hour)
	return ws, Hash(goodPassword, ws.Derive)
}

func TestAProcessThatHashesMakesTheSameHashes(t *testing.T) {
	t.Parallel()
	ws, stored := taking(t)
	verify(t, stored, Derive)
	verify(t, Hash(goodPassword, Derive), ws.Derive)
	if len(ws.list) != 1 {
		t.Errorf("%d processes for one password after the other", len(ws.list))
	}
}

func TestAProcessThatHashesIsReplacedWhenItDies(t *testing.T) {
	t.Parallel()
	ws, stored := taking(t)
	if err := ws.list[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		<-ws.sharing.idle[0].done // nobody had to ask it for that
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", ws.list[0].Process.Pid)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it is a zombie: %v", err)
		}
	}
	verify(t, stored, ws.Derive)
	if len(ws.list) != 2 {
		t.Errorf("%d processes were started, want 2", len(ws.list))
	}
}

// Where the traffic leaves nothing of a core, another process takes its share; and where that hangs too, the password
// is hashed here.
func TestAProcessThatHangsHoldsNobodyUpForLong(t *testing.T) {
	t.Parallel()
	var ws *workers
	ws = newWorkers(t, func() *exec.Cmd {
		if len(ws.list) == 0 {
			return exec.Command("sleep", "600")
		}
		return thisBinary()
	})
	ws.setPatience(100*time.Millisecond, time.Minute)
	stored := Hash(goodPassword, ws.Derive)
	verify(t, stored, ws.Derive) // the first kind is left alone now
	if len(ws.list) != 2 || strings.Contains(ws.log.String(), "level=WARN") {
		t.Errorf("%d processes, want 2, and the log says %s", len(ws.list), ws.log.String())
	}
	if err := ws.list[1].Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ws.setPatience(time.Minute, 100*time.Millisecond)
	verify(t, stored, ws.Derive)
	if !strings.Contains(ws.log.String(), "it does not answer") {
		t.Errorf("the log does not say so: %s", ws.log.String())
	}
}

func TestWithoutProcessesThatHashPasswordsAreHashedHere(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]func() *exec.Cmd{
		"missing": func() *exec.Cmd { return exec.Command("/nonexistent") },
		"echoes":  func() *exec.Cmd { return exec.Command("cat") },
		"ends":    func() *exec.Cmd { return exec.Command("true") },
		"nonsense": func() *exec.Cmd {
			return exec.Command("sh", "-c", "yes nonsense | head -c 1000; cat > /dev/null")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := newWorkers(t, command)
			verify(t, Hash(goodPassword, ws.Derive), ws.Derive)
			if n := strings.Count(ws.log.String(), "level=WARN"); n != 1 {
				t.Errorf("%d warnings, want 1:\n%s", n, ws.log.String())
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
