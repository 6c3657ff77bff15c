package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"

	"github.com/urfave/cli/v3"

	hashes "github.com/gatepost/gatepost/auth/password"
)

const hashWorkerName = "hash-worker"

// shedMark is the argument of a process that has given up its rights.
const shedMark = "shed"

// newHashWorker starts this program again. Linux knows it even when the file has been replaced by another version.
func newHashWorker() *exec.Cmd {
	program := "/proc/self/exe"
	if _, err := os.Stat(program); err != nil {
		program, _ = os.Executable() // empty when unknown: then no process starts, which the Store can live with
	}
	return &exec.Cmd{Path: program, Args: []string{"gatepost", hashWorkerName}, Dir: "/"}
}

// hashWorker is what runs there, with no more rights than it takes. SIGTERM is for the gate, which ends it by closing
// its input.
func (p *process) hashWorker(_ context.Context, c *cli.Command) error {
	runtime.LockOSThread()
	shed(c.Args().Slice())
	return hashes.Serve(p.stdin, p.stdout)
}
