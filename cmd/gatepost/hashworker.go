package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"

	"github.com/urfave/cli/v3"

	hashes "github.com/gatepost/gatepost/auth/password"
)

// hashWorkerName is the name of the command.
const hashWorkerName = "hash-worker"

// shedMark is the argument of a hash worker that has given up its rights.
const shedMark = "shed"

// newHashWorker starts this program again. On Linux it is the same version even when the file has been replaced.
func newHashWorker() *exec.Cmd {
	program := "/proc/self/exe"
	if _, err := os.Stat(program); err != nil {
		// Empty when unknown; then the process does not start, and the Store hashes itself.
		program, _ = os.Executable()
	}
	return &exec.Cmd{Path: program, Args: []string{"gatepost", hashWorkerName}, Dir: "/"}
}

// hashWorker runs the hash worker with the fewest rights possible. It ignores SIGTERM, as the gate ends it by
// closing its input.
func (p *process) hashWorker(_ context.Context, c *cli.Command) error {
	runtime.LockOSThread()
	shed(c.Args().Slice())
	return hashes.Serve(p.stdin, p.stdout)
}
