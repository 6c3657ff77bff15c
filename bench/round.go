package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// slice is how long a subject is loaded before the next one takes over. Most disturbances of a machine last
// longer than a slice, and so affect all subjects.
const slice = 500 * time.Millisecond

// usage is the CPU time that was used.
type usage struct {
	own      time.Duration // of the subject's processes
	postgres time.Duration
}

// sample is the result of one subject in one round.
type sample struct {
	requests int
	usage
}

func (s *sample) add(more sample) {
	s.requests += more.requests
	s.own += more.own
	s.postgres += more.postgres
}

// perRequest returns a part of the CPU time in microseconds for each request.
func (s sample) perRequest(d time.Duration) float64 {
	return float64(d) / float64(time.Microsecond) / float64(s.requests)
}

// round loads each subject for turn, slice by slice, in an order that reverses each time.
func (s *site) round(ctx context.Context, subjects [subjectCount]subject, turn time.Duration, res *results) error {
	var samples [subjectCount]sample
	order := measured(subjects)
	err := interleave(turn, order, func(i int) error {
		sam, err := s.slice(ctx, subjects[i])
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		samples[i].add(sam)
		return nil
	})
	if err != nil {
		return err
	}
	for _, i := range order {
		res.samples[i] = append(res.samples[i], samples[i])
	}
	return nil
}

// interleave does one slice of each in the list after the other until each has had its turn. The order reverses each
// time.
func interleave(turn time.Duration, order []int, do func(i int) error) error {
	for range turn / slice {
		for _, i := range order {
			if err := do(i); err != nil {
				return err
			}
		}
		slices.Reverse(order)
	}
	return nil
}

// comparisons is large because the log is a small part of a request, and a single comparison is imprecise.
const comparisons = 60

// logged compares a gate that logs each request with one that does not, slice against slice.
func (s *site) logged(ctx context.Context, logs subject, o options, cookie string) (shares []float64, err error) {
	fmt.Fprintln(os.Stderr, "bench: with and without the log")
	silent := s.through(s.silent, o, cookie)
	for n := range comparisons {
		pair := []subject{logs, silent}
		if n%2 == 1 {
			slices.Reverse(pair)
		}
		cost := map[int]float64{}
		for _, sub := range pair {
			sam, err := s.slice(ctx, sub)
			if err != nil {
				return nil, fmt.Errorf("the log's part: %w", err)
			}
			cost[sub.pid] = ownCPU(sam)
		}
		shares = append(shares, 1-cost[silent.pid]/cost[logs.pid])
	}
	return shares, nil
}

func (s *site) slice(ctx context.Context, sub subject) (sample, error) {
	before, err := s.usage(sub)
	if err != nil {
		return sample{}, err
	}
	l, err := runLoad(ctx, sub.job)
	if err != nil {
		return sample{}, fmt.Errorf("%w\n%s", err, tail(s.gateLog))
	}
	after, err := s.usage(sub)
	if err != nil {
		return sample{}, err
	}
	// The log is emptied because that of a long measurement would fill the disk.
	if err := s.gateLog.Truncate(0); err != nil {
		return sample{}, fmt.Errorf("empty the gate's log: %w", err)
	}
	return sample{l.Requests, usage{after.own - before.own, after.postgres - before.postgres}}, nil
}

// usage returns the CPU time used so far.
func (s *site) usage(sub subject) (usage, error) {
	own, err := sub.cpuTime()
	if err != nil {
		return usage{}, err
	}
	postgres, err := treeCPU(s.postgres)
	if err != nil {
		return usage{}, fmt.Errorf("of PostgreSQL: %w", err)
	}
	return usage{own, postgres}, nil
}

// cpuTime returns what the processes of a subject have used so far.
func (sub subject) cpuTime() (total time.Duration, err error) {
	if sub.pid != 0 {
		if total, err = ownCPUTime(sub.pid); err != nil {
			return 0, err
		}
	}
	for _, pid := range sub.beside {
		more, err := treeCPU(pid)
		if err != nil {
			return 0, err
		}
		total += more
	}
	return total, nil
}
