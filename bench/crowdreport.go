package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// The generated part of performance.md about connections stands between these line and tableEnds.
const crowdBegins = "<!-- what go run ./bench connections prints -->"

// The limits of what connections cost.
const (
	longLimit = 1.05    // times bare
	flatLimit = 8 << 20 // bytes that a long transfer may add to the memory
)

var directions = [...]string{"download", "upload"} // as in crowdResults.long

func (c *crowd) print(to io.Writer) error {
	w, r := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0), &c.res
	fmt.Fprintf(w, "%d idle connections, kB each\tbare proxy\tgate\ttimes bare\n", c.connections)
	for i, k := range kinds {
		memory := r.idle[i].memory
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.name, scaled(memory.bare, 1e3).format(1), scaled(memory.gate, 1e3).format(1),
			memory.ratio().format(2))
	}
	fmt.Fprintln(w, "\na log-out closes all, ms\tat its gate\tat another gate")
	for i, k := range kinds {
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.name, scaled(r.idle[i].here, 1).format(0), scaled(r.idle[i].there, 1).format(0))
	}
	fmt.Fprintln(w, "\n\tbare proxy\tgate\ttimes bare\tat most")
	fmt.Fprintf(w, "a new TLS connection, CPU µs\t%s\t%s\t%s\n", scaled(r.tls.bare, 1).format(0),
		scaled(r.tls.gate, 1).format(0), r.tls.ratio().format(2))
	for i, name := range directions {
		t := r.long[i]
		fmt.Fprintf(w, "a long %s, CPU ms a GiB\t%s\t%s\t%s\t%.2f\n", name, scaled(t.bare, 1).format(0),
			scaled(t.gate, 1).format(0), t.ratio().format(2), longLimit)
	}
	for i, name := range directions {
		t := r.long[i]
		fmt.Fprintf(w, "memory added by the %s, MB\t%s\t%s\t\t%s\n", name, scaled(t.bareGrown, 1e6).format(1),
			scaled(t.gateGrown, 1e6).format(1), megabytes(flatLimit))
	}
	fmt.Fprintf(w, "\nin parentheses the least and the most, of %d rounds of idle connections and %d of others; "+
		"a transfer has %.2f GiB\n", c.idleRounds, c.rounds, float64(c.bytes)/(1<<30))
	if c.connections < idleWanted {
		fmt.Fprintf(w, "%d idle connections need %d open files in a process (ulimit -Hn), and it may have %d\n",
			idleWanted, 2*idleWanted+filesSpared, c.files)
	}
	return w.Flush()
}

// scaled is the spread of figures in another unit.
func scaled(figures []float64, unit float64) spread {
	s := newSpread(slices.Clone(figures))
	return spread{s.min / unit, s.median / unit, s.max / unit}
}

// check returns an error that names every figure beyond its limit.
func (r *crowdResults) check() error {
	var faults []error
	for i, name := range directions {
		if ratio := r.long[i].ratio().median; ratio > longLimit {
			faults = append(faults, fmt.Errorf("a long %s costs %.2f times the bare proxy's, and may %.2f", name, ratio,
				longLimit))
		}
		if grown := scaled(r.long[i].gateGrown, 1).median; grown > flatLimit {
			faults = append(faults, fmt.Errorf("a long %s takes %s of memory, and may %s", name, megabytes(int64(grown)),
				megabytes(flatLimit)))
		}
	}
	return errors.Join(faults...)
}
