package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// measure loads all peers by turns.
func (c *comparison) measure(ctx context.Context) error {
	fmt.Fprintln(os.Stderr, "bench: warming up")
	for _, p := range c.peers {
		if err := c.warmUp(ctx, p); err != nil {
			return err
		}
	}
	for n := range c.o.rounds {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", n+1, c.o.rounds)
		samples, err := c.round(ctx, c.o.turn)
		if err != nil {
			return err
		}
		for i, sam := range samples {
			c.peers[i].samples = append(c.peers[i].samples, sam)
		}
	}
	return nil
}

// warmUp sends requests that do not count: heaps, pools and connections grow to their usual size, and Node compiles
// what runs often.
func (c *comparison) warmUp(ctx context.Context, p peer) error {
	for sent := 0; sent < c.o.warm; {
		sam, err := c.slice(ctx, p.subject)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		sent += sam.requests
	}
	return nil
}

func (c *comparison) round(ctx context.Context, turn time.Duration) ([]sample, error) {
	samples, order := make([]sample, len(c.peers)), make([]int, len(c.peers))
	for i := range order {
		order[i] = i
	}
	return samples, interleave(turn, order, func(i int) error {
		sam, err := c.slice(ctx, c.peers[i].subject)
		if err != nil {
			return fmt.Errorf("%s: %w", c.peers[i].name, err)
		}
		samples[i].add(sam)
		return nil
	})
}

// costs returns the CPU time of a request in each round, in microseconds. For a check in an app it is what the
// check adds to the same app.
func (c *comparison) costs(p peer) (costs []float64) {
	for round, sam := range p.samples {
		cost := ownCPU(sam)
		if p.without > 0 {
			cost -= ownCPU(c.peers[p.without].samples[round])
		}
		costs = append(costs, cost)
	}
	return costs
}

// ratio returns the cost in times of the bare proxy, computed for each round.
func (c *comparison) ratio(p peer) spread {
	v := c.costs(p)
	for round := range v {
		v[round] /= ownCPU(c.peers[0].samples[round])
	}
	return newSpread(v)
}
