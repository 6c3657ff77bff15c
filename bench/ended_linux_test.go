package main

import (
	"errors"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// A process that has ended has no memory, and ends no measurement.
func TestAProcessThatEndedHasNoMemory(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It stays a zombie.
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := resident(cmd.Process.Pid); !errors.Is(err, errEnded) {
		t.Errorf("a zombie: %v", err)
	}
	_ = cmd.Wait()
	if _, err := resident(cmd.Process.Pid); !errors.Is(err, errEnded) {
		t.Errorf("gone: %v", err)
	}
}
