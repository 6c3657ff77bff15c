package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// spread is where the figures of all rounds lie.
type spread struct{ min, median, max float64 }

func spreadOf[T any](samples []T, value func(T) float64) spread {
	var v []float64
	for _, s := range samples {
		v = append(v, value(s))
	}
	return newSpread(v)
}

func newSpread(v []float64) spread {
	slices.Sort(v)
	n := len(v)
	return spread{v[0], (v[(n-1)/2] + v[n/2]) / 2, v[n-1]}
}

func ownCPU(s sample) float64      { return s.perRequest(s.own) }
func postgresCPU(s sample) float64 { return s.perRequest(s.postgres) }

// ratio is what a subject costs in times of the bare proxy, each round by itself.
func (r *results) ratio(subject int) spread {
	var v []float64
	for round, s := range r.samples[subject] {
		v = append(v, ownCPU(s)/ownCPU(r.samples[bare][round]))
	}
	return newSpread(v)
}

func (r *results) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\tCPU a request, µs\ttimes bare\tp50\tp99\tmemory")
	r.line(w, bare)
	r.line(w, signedIn)
	r.line(w, public)
	fmt.Fprintf(w, "PostgreSQL, signed in\t%s\n", spreadOf(r.samples[signedIn], postgresCPU).format(1))
	fmt.Fprintln(w, "\nIn parentheses: the round with the least, and the one with the most.")
	ratio := r.ratio(signedIn)
	fmt.Fprintf(w, "\nsigned-in: %.2f times the bare proxy (%.2f – %.2f), %d rounds\n", ratio.median, ratio.min, ratio.max, len(r.samples[bare]))
	return w.Flush()
}

func (r *results) line(w io.Writer, subject int) {
	times, memory := "1", fmt.Sprintf("%.0f MB", float64(r.resident[subject])/1e6)
	if subject != bare {
		times = r.ratio(subject).format(2)
	}
	if subject == public {
		memory = "the same"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", names[subject], spreadOf(r.samples[subject], ownCPU).format(1), times,
		latency(r.loads[subject], func(l load) time.Duration { return l.P50 }),
		latency(r.loads[subject], func(l load) time.Duration { return l.P99 }), memory)
}

func (s spread) format(digits int) string {
	return fmt.Sprintf("%.*f (%.*f – %.*f)", digits, s.median, digits, s.min, digits, s.max)
}

// latency is the median over the slices.
func latency(loads []load, value func(load) time.Duration) string {
	return fmt.Sprintf("%.1f ms", spreadOf(loads, func(l load) float64 { return value(l).Seconds() * 1e3 }).median)
}

// check fails when a signed-in request costs more than it may.
func (r *results) check(maxRatio float64) error {
	if median := r.ratio(signedIn).median; maxRatio > 0 && median > maxRatio {
		return fmt.Errorf("a signed-in request costs %.2f times a bare one; -max-ratio allows %.2f", median, maxRatio)
	}
	return nil
}
