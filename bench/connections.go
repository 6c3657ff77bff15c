package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"time"
)

// crowd measures connections that cost by being there, by coming, and by what they carry.
type crowd struct {
	*site
	token                           string // of the user's session
	secureBare                      *child
	secureBareAddress               string
	secure                          gate
	rounds, idleRounds, connections int
	files                           int // that a process may open
	turn                            time.Duration
	bytes                           int64
	res                             crowdResults
}

// crowdResults holds the figures of each round.
type crowdResults struct {
	idle [2]idle      // for each of kinds
	tls  costs        // of a new connection
	long [2]transfers // down and up
}

// costs are CPU time in each round: microseconds for a connection, milliseconds for a GiB.
type costs struct{ bare, gate []float64 }

// ratio is the cost at the gate in times of the bare proxy, computed for each round.
func (c costs) ratio() spread {
	var v []float64
	for i := range c.gate {
		v = append(v, c.gate[i]/c.bare[i])
	}
	return newSpread(v)
}

// runConnections measures many connections, new ones and long ones: go run ./bench connections.
func runConnections(args []string) error {
	c := &crowd{site: &site{}}
	f := flag.NewFlagSet("connections", flag.ContinueOnError)
	f.IntVar(&c.rounds, "rounds", 6, "measured rounds of new connections and of transfers")
	f.IntVar(&c.idleRounds, "idle-rounds", 3, "measured rounds of idle connections")
	f.IntVar(&c.connections, "connections", idleWanted, "idle connections, or as many as files may be open")
	f.DurationVar(&c.turn, "turn", 2*time.Second,
		"how long new connections are made in a round, in slices of half a second")
	f.Int64Var(&c.bytes, "bytes", 1<<30, "bytes of a transfer")
	f.StringVar(&c.program, "gate", "", "measure this gatepost `program` instead of building one")
	check := f.Bool("check", false, "fail when a figure is beyond its limit")
	write := f.String("write", "", "write the table into performance.md in this `folder`")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case !supported:
		return errNotHere
	case c.rounds < 1 || c.idleRounds < 1 || c.connections < 1 || c.bytes < 1 || c.turn < slice || f.NArg() > 0:
		return errors.New("connections takes no argument, and its numbers start at 1 (see -help)")
	}
	ctx, stop := untilInterrupted()
	defer stop()
	err := c.measure(ctx)
	if c.Close(); err != nil {
		return err
	}
	var table bytes.Buffer
	if err := c.print(&table); err != nil {
		return err
	}
	fmt.Print(table.String())
	if *write != "" {
		err = writeTable(*write, crowdBegins, table.String())
	}
	if *check {
		err = errors.Join(err, c.res.check())
	}
	return err
}

func (c *crowd) measure(ctx context.Context) (err error) {
	if c.connections, c.files, err = affordable(c.connections); err != nil {
		return err
	}
	if err := c.open(ctx); err != nil {
		return err
	}
	for round := range c.idleRounds {
		for i, k := range kinds {
			say("%d connections, each a %s, round %d of %d", c.connections, k.name, round+1, c.idleRounds)
			if err := c.idle(ctx, k, &c.res.idle[i]); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	if err := c.welcome(ctx); err != nil {
		return fmt.Errorf("new connections: %w", err)
	}
	return c.transfer(ctx)
}

// open builds the gate, starts PostgreSQL, and makes the user.
func (c *crowd) open(ctx context.Context) error {
	say("building and starting")
	dir, err := c.prepare(ctx, c.program)
	if err != nil {
		return err
	}
	if err := c.openDatabase(ctx, filepath.Join(dir, "database")); err != nil {
		return err
	}
	if err := c.openPlain(ctx, "crowdapp"); err != nil {
		return err
	}
	if c.keeping, err = c.startGate(ctx, c.program); err != nil {
		return err
	}
	c.onClose(c.keeping.child.stop)
	if c.token, err = c.signUp(ctx); err != nil {
		return err
	}
	return c.openSecure(ctx, dir)
}
