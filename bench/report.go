package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// spread holds the least, the median and the greatest figure of all rounds.
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

// ratio returns the cost of a subject in times of the bare proxy, computed for each round.
func (r *results) ratio(subject int) spread {
	var v []float64
	for round, s := range r.samples[subject] {
		v = append(v, ownCPU(s)/ownCPU(r.samples[bare][round]))
	}
	return newSpread(v)
}

// subjects returns the subjects that were measured.
func (r *results) subjects() (list []int) {
	for i, samples := range r.samples {
		if len(samples) > 0 {
			list = append(list, i)
		}
	}
	return list
}

func (r *results) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\tCPU a request, µs\ttimes bare\tat most\tPostgreSQL, µs")
	for _, i := range r.subjects() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", names[i], spreadOf(r.samples[i], ownCPU).format(1), r.times(i),
			atMost(limits[i]), r.postgres(i))
	}
	fmt.Fprintf(w, "\n\tp50\tp99\tp99.9\tp99, times bare\tat most\tmemory at %d connections\n", manyConnections)
	for _, i := range r.subjects() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", names[i], r.latency(i, p50), r.latency(i, p99),
			r.latency(i, p999), r.slower(i), atMost(slowLimits[i]), megabytes(r.resident[i]))
	}
	log := newSpread(r.logging) // sorts r.logging
	fmt.Fprintf(w, "\nthe log takes %.1f %% of a signed-in request: the median of %d comparisons; the middle half "+
		"lies between %.1f and %.1f %%\n",
		100*log.median, len(r.logging), 100*r.logging[len(r.logging)/4], 100*r.logging[len(r.logging)*3/4])
	fmt.Fprintf(w, "while %d sign-ins wait, 99 of 100 signed-in requests take at most %s; before, %s;\nthe "+
		"processes that hash take %s, and the gate itself %s more\n",
		floodSignIns, ms(r.flood.p99), ms(r.flood.quiet), megabytes(r.flood.hashing), megabytes(r.flood.gate))
	fmt.Fprintf(w, "from its start to its first answer the gate takes %s ms\n", newSpread(r.starts).format(0))
	fmt.Fprintf(w, "in parentheses the least and the most, of %d rounds and %d starts\n",
		len(r.samples[bare]), len(r.starts))
	return w.Flush()
}

func (r *results) times(subject int) string {
	if subject == bare {
		return "1"
	}
	return r.ratio(subject).format(2)
}

func p50(l load) float64  { return float64(l.P50) }
func p99(l load) float64  { return float64(l.P99) }
func p999(l load) float64 { return float64(l.P999) }

// latency is a part of the latencies of a subject, the median of all rounds.
func (r *results) latency(subject int, part func(load) float64) string {
	return ms(time.Duration(spreadOf(r.steady[subject], part).median))
}

// slow returns the p99 of a subject in times of the bare proxy's, computed for each round.
func (r *results) slow(subject int) spread {
	var v []float64
	for round, l := range r.steady[subject] {
		v = append(v, p99(l)/p99(r.steady[bare][round]))
	}
	return newSpread(v)
}

func (r *results) slower(subject int) string {
	if subject == bare {
		return "1"
	}
	return r.slow(subject).format(2)
}

func (r *results) postgres(subject int) string {
	if subject == bare || subject == public {
		return "none"
	}
	return spreadOf(r.samples[subject], postgresCPU).format(1)
}

func atMost(limit float64) string {
	if limit == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", limit)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1e3) }

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

func (s spread) format(digits int) string {
	return fmt.Sprintf("%.*f (%.*f – %.*f)", digits, s.median, digits, s.min, digits, s.max)
}

// The other limits: memory, as a factor of the bare proxy's and on top of it, PostgreSQL's CPU time, and the
// start.
const (
	memoryTimes   = 1.2
	memoryMore    = 20 << 20 // bytes
	postgresLimit = 60       // µs a request
	startLimit    = 150      // milliseconds
	logLimit      = 0.03     // the share of a signed-in request
	floodTimes    = 2        // times the p99 without a flood
	floodMemory   = 3        // times hashMemory, for each hash that runs at once
)

// slowLimits are the most that the p99 of a subject may be, in times of the bare proxy's.
var slowLimits = [subjectCount]float64{public: 1.1, signedIn: 1.1}

// check returns an error that names every figure beyond its limit.
func (r *results) check() error {
	var faults []error
	beyond := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	for i, limit := range limits {
		if limit > 0 {
			median := r.ratio(i).median
			beyond(median <= limit, "%s costs %.2f times a bare request, and may %.2f", names[i], median, limit)
		}
	}
	for i, limit := range slowLimits {
		if limit > 0 {
			median := r.slow(i).median
			beyond(median <= limit, "the p99 of %s is %.2f times a bare one, and may be %.2f", names[i], median, limit)
		}
	}
	log := newSpread(r.logging).median
	beyond(log <= logLimit, "the log takes %.1f %% of a request, and may %.0f", 100*log, 100*logLimit)
	memory, most := r.resident[signedIn], int64(memoryTimes*float64(r.resident[bare]))+memoryMore
	beyond(memory <= most, "the gate takes %s at %d connections, and may %s", megabytes(memory),
		manyConnections, megabytes(most))
	postgres := spreadOf(r.samples[asking], postgresCPU).median
	beyond(postgres <= postgresLimit, "PostgreSQL spends %.0f µs on a look-up, and may %d", postgres, postgresLimit)
	beyond(r.flood.p99 <= floodTimes*r.flood.quiet, "a flood of sign-ins makes the p99 %s, and it may be %d times %s",
		ms(r.flood.p99), floodTimes, ms(r.flood.quiet))
	room := floodMemory * hashMemory * hashSlots()
	beyond(r.flood.hashing <= room, "hashing takes %s, and may %s", megabytes(r.flood.hashing), megabytes(room))
	if len(r.starts) > 0 {
		start := newSpread(r.starts).median
		beyond(start <= startLimit, "the gate takes %.0f ms to start, and may %d", start, startLimit)
	}
	return errors.Join(faults...)
}
