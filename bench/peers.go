package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

// peerOptions are the flags of bench peers.
type peerOptions struct {
	options
	warm      int // requests
	installed bool
}

func parsePeerFlags(args []string) (peerOptions, error) {
	o := peerOptions{options: options{path: "/dashboard/items/42"}}
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 7, "measured rounds")
	f.DurationVar(&o.turn, "turn", 3*time.Second, "how long each peer is loaded in a round, in slices of half a second")
	f.IntVar(&o.warm, "warm", 8000, "requests to each before the first round; Node needs them most")
	f.IntVar(&o.connections, "connections", 32, "keep-alive connections of the load generator")
	f.BoolVar(&o.installed, "installed", false, "compare with what is here, and install nothing")
	f.StringVar(&o.write, "write", "", "write the table and the plot into performance.md and peers.svg in this `folder`")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("peers takes no argument %q", f.Arg(0))
	case o.rounds < 1 || o.connections < 1 || o.warm < 1:
		return o, errors.New("-rounds, -connections and -warm start at 1")
	case o.turn < slice:
		return o, fmt.Errorf("-turn is at least %v", slice)
	}
	return o, nil
}

// runPeers compares the gate with what people would pick instead: go run ./bench peers.
func runPeers(args []string) error {
	o, err := parsePeerFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil // the flags are printed
	}
	if err != nil {
		return err
	}
	if !supported {
		return errNotHere
	}
	ctx, stop := untilInterrupted()
	defer stop()
	c, err := compare(ctx, o)
	if ctx.Err() != nil {
		return fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	if err := c.print(os.Stdout); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if o.write != "" {
		return c.write(o.write)
	}
	return nil
}

// compare measures all peers that are there. All their processes have ended when it returns.
func compare(ctx context.Context, o peerOptions) (*comparison, error) {
	c := &comparison{site: &site{}, o: o}
	defer c.Close()
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	return c, c.measure(ctx)
}

// comparison is the gate and its peers, all running.
type comparison struct {
	*site
	o     peerOptions
	root  string // the folder of the repository
	dir   string // a folder for what peers write
	peers []peer // the first one is the bare proxy
	// missing has a line for each program that is not there, with the reason.
	missing []string
}

// peer is one of the things that are compared.
type peer struct {
	name   string
	checks string // of each request
	subject
	// without is the index of the same app without the check, whose cost is taken off. 0: nothing is.
	without int
	inApp   bool // it is an app, and nothing stands in front of it
	stored  bool // what it checks is in PostgreSQL
	samples []sample
}
