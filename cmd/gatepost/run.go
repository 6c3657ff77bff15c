package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/demo"
	"github.com/gatepost/gatepost/internal/server"
)

func (p *process) serve(ctx context.Context, _ *cli.Command) error {
	c, err := config.Load(ctx, p.env)
	var list config.Faults
	list.Add(err)
	c.NeedUpstream(&list)
	if err := list.OrNil(); err != nil {
		return err
	}
	defer server.Tune(p.env)()
	out := &server.BatchWriter{To: p.stderr}
	defer out.Flush()
	log := server.NewLogger(c, out)
	if c.Settings.DatabaseURL == "" {
		log.Warn("DATABASE_URL is not set: users are kept in the built-in PostgreSQL; back it up, or set DATABASE_URL",
			"directory", c.DataDir)
	}
	if doubts := c.Rules.Doubts(); len(doubts) > 0 {
		log.Warn("a public rule opens nothing, or everything; gatepost check lists what each rule covers", "rules",
			strings.Join(doubts, "; "))
	}
	o := thisProgram()
	o.Log, o.Lines = log, out
	o.Up = func(context.Context, *auth.Store, string) error {
		p.greet(c)
		return nil
	}
	return server.Serve(ctx, c, o)
}

// greet tells whoever started the gate on a terminal what to open. Elsewhere stderr is a log with lines of its own.
func (p *process) greet(c *config.Config) {
	if isTerminal(p.stderr) {
		fmt.Fprint(p.stderr, greeting(c)) // a terminal that is gone is no reason to stop the gate
	}
}

func greeting(c *config.Config) string {
	return fmt.Sprintf("\n  Open %s - protected: %s - Ctrl-C stops\n\n", c.PublicURL, printable(c.Settings.Protect))
}

// thisProgram are the options of a gate in this program.
func thisProgram() server.Options {
	return server.Options{Version: version, Commit: commit(), HashWorker: newHashWorker}
}

func (p *process) demo(ctx context.Context, _ *cli.Command) error {
	return demo.Run(ctx, p.env, p.stdout, p.stderr, thisProgram())
}
