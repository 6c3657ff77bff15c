package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// slice is how long a subject is loaded before the next one takes over. What disturbs a machine mostly lasts longer,
// and so meets all of them.
const slice = 500 * time.Millisecond

// usage is CPU time.
type usage struct {
	own      time.Duration // of the subject's process
	postgres time.Duration
}

// sample is what a subject did in one round.
type sample struct {
	requests int
	usage
}

func (s *sample) add(requests int, from, to usage) {
	s.requests += requests
	s.own += to.own - from.own
	s.postgres += to.postgres - from.postgres
}

// perRequest is a part of the CPU time, in microseconds a request.
func (s sample) perRequest(d time.Duration) float64 {
	return float64(d) / float64(time.Microsecond) / float64(s.requests)
}

// round loads each subject for the time of its turn, slice by slice, in an order that reverses.
func (s *site) round(ctx context.Context, subjects [subjectCount]subject, turn time.Duration, res *results) error {
	var samples [subjectCount]sample
	order := measured(subjects)
	for range turn / slice {
		for _, i := range order {
			l, err := s.slice(ctx, subjects[i], &samples[i])
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			res.loads[i] = append(res.loads[i], l)
		}
		slices.Reverse(order)
	}
	for _, i := range order {
		res.samples[i] = append(res.samples[i], samples[i])
	}
	return nil
}

func (s *site) slice(ctx context.Context, sub subject, sam *sample) (load, error) {
	before, err := s.usage(sub.pid)
	if err != nil {
		return load{}, err
	}
	l, err := runLoad(ctx, sub.job)
	if err != nil {
		return load{}, fmt.Errorf("%w\n%s", err, tail(s.gateLog))
	}
	after, err := s.usage(sub.pid)
	if err != nil {
		return load{}, err
	}
	// The log of a long measurement would fill the disk.
	if err := s.gateLog.Truncate(0); err != nil {
		return load{}, fmt.Errorf("empty the gate's log: %w", err)
	}
	sam.add(l.Requests, before, after)
	return l, nil
}

// usage is the CPU time used so far.
func (s *site) usage(pid int) (usage, error) {
	st, err := readStat(pid)
	if err != nil {
		return usage{}, err
	}
	postgres, err := treeCPU(s.postgres)
	if err != nil {
		return usage{}, fmt.Errorf("of PostgreSQL: %w", err)
	}
	return usage{st.own, postgres}, nil
}
