package main

import (
	"context"
	"os"
	"os/exec"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
)

const hashWorkerName = "hash-worker"

// newHashWorker starts this program again. Linux knows it even when the file has been replaced by another version.
func newHashWorker() *exec.Cmd {
	program := "/proc/self/exe"
	if _, err := os.Stat(program); err != nil {
		program, _ = os.Executable() // empty when unknown: then no process starts, which the Store can live with
	}
	return &exec.Cmd{Path: program, Args: []string{"gatepost", hashWorkerName}}
}

// hashWorker is what runs there. SIGTERM is for the gate, which ends it by closing its input.
func (p *process) hashWorker(context.Context, *cli.Command) error {
	return auth.ServeHashes(p.stdin, p.stdout)
}
