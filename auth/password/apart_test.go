package password

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// It gets nothing that it need not know, stands back for the traffic, and does not outlive who started it.
func TestAProcessThatHashesIsKeptApart(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	ws := newWorkers(t, thisBinary)
	ws.setPatience(5*time.Minute, time.Minute)
	Hash(goodPassword, ws.Derive)
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
	ws.Close()
	if ws.list[0].ProcessState == nil {
		t.Error("it outlives who started it")
	}
}

// A thread that hashes for long lets the system ask who else wants the core.
func TestAHashIsMadeInParts(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	ws, stored := taking(t)
	pid := ws.list[len(ws.list)-1].Process.Pid
	before := switches(t, pid)
	if !Verify(goodPassword, stored, ws.Derive) {
		t.Fatal("the password is wrong")
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
