package localpg

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// initialise creates the cluster when there is none. It is created beside its final place and moved there when
// complete, so that an interrupted start leaves no half cluster under the final name.
func initialise(ctx context.Context, c Config, bin string, who identity, log *tail) error {
	data := dataDir(c.Dir)
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return nil
	}
	if err := removeUnfinished(c.Dir); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(c.Dir, unfinished)
	if err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := who.own(fresh); err != nil {
		return err
	}
	args := []string{"-D", fresh, "-U", Superuser, "--encoding=UTF8", "--locale=C",
		"--auth-local=trust", "--auth-host=reject"} // local: those who can enter the 0700 directory
	if c.Throwaway {
		args = append(args, "--no-sync")
	} else {
		args = append(args, "--data-checksums")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), args...)
	cmd.Env = cleanEnv()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: who.credential()}
	cmd.Dir = "/" // the server's user may have no access to the caller's directory
	cmd.Stdout, cmd.Stderr = io.Discard, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make the built-in PostgreSQL: %w: %s", explainExec(err, who), log.last())
	}
	if err := os.Rename(fresh, data); err != nil {
		return fmt.Errorf("move the new data directory to its place: %w", err)
	}
	return nil
}

// unfinished is the start of the names of directories that initdb is still working on.
const unfinished = ".gatepost-initdb-"

// removeUnfinished removes what interrupted runs of initdb left. Such a directory was never in use as a cluster.
func removeUnfinished(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	if err != nil {
		return fmt.Errorf("look for unfinished data directories: %w", err)
	}
	for _, d := range left {
		if err := os.RemoveAll(d); err != nil {
			return fmt.Errorf("remove an unfinished data directory: %w", err)
		}
	}
	return nil
}

// tail passes a log on and keeps its end for error messages.
type tail struct {
	to  io.Writer
	mu  sync.Mutex
	end []byte
}

// tailSize is in bytes.
const tailSize = 1 << 10

// Write writes to the log and keeps its end.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if over := len(t.end) - tailSize; over > 0 {
		t.end = append(t.end[:0], t.end[over:]...)
	}
	if t.to == nil {
		return len(p), nil
	}
	return t.to.Write(p)
}

func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.end))
}
