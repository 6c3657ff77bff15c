package main

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
)

func (p *process) serve(ctx context.Context, _ *cli.Command) error {
	defer runtime.KeepAlive(tune(p.env))
	c, err := config.Load(ctx, p.env)
	var list config.Faults
	list.Add(err)
	list.Add(c.NeedUpstream())
	if err := list.OrNil(); err != nil {
		return err
	}
	out := &batchWriter{to: p.stderr}
	defer out.Flush()
	log := newLogger(c, out)
	if c.Settings.DatabaseURL == "" {
		log.Warn("DATABASE_URL is not set: users are kept in the built-in PostgreSQL; back it up, or set DATABASE_URL", "directory", c.DataDir)
	}
	if doubts := c.Rules.Doubts(); len(doubts) > 0 {
		log.Warn("a public rule opens nothing, or everything; gatepost check lists what each rule covers", "rules", strings.Join(doubts, "; "))
	}
	return serve(ctx, c, p.running(log, out))
}

// running is what a gate of this program is given.
func (p *process) running(log *slog.Logger, lines io.Writer) serveOptions {
	return serveOptions{Log: log, Lines: lines, Version: version, Commit: commit(), HashWorker: newHashWorker}
}
