package acceptance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// result is the outcome of a siege.
type result struct {
	kind            hostile
	quiet, besieged account
	before, after   looked
	tally           tallied
	took            time.Duration
	faults          []string
}

// row describes the result in one line.
func (r result) row() string {
	return fmt.Sprintf("%-45s %s; %s; %s; memory %d -> %d MiB; connections %d of %d; outages %d; refusals: %d rows, "+
		"%d lines; answers %s",
		r.kind.name, r.waits(keptSession), r.waits(health), r.waits(signingIn), r.before.memory>>20, r.after.memory>>20,
		r.after.connections, r.after.connectionsMax,
		r.after.outages, r.after.rows-r.before.rows, r.after.lines-r.before.lines, byStatus(r.tally.statuses))
}

// waits describes how long a neighbour waited, as ratios to the time without a siege: the median and the 99th
// percentile, and the least and greatest ratio of the median among five equal parts of the time. For a sign-in,
// the unit is one hash.
func (r result) waits(of string) string {
	quiet, besieged := r.quiet[of].waits, r.besieged[of].waits
	if len(quiet) == 0 || len(besieged) == 0 {
		return of + " -"
	}
	least, most := 0.0, 0.0
	for fifth := range slices.Chunk(besieged, max(1, (len(besieged)+4)/5)) {
		ratio := ratio(percentile(fifth, 50), percentile(quiet, 50))
		if least == 0 || ratio < least {
			least = ratio
		}
		most = max(most, ratio)
	}
	return fmt.Sprintf("%s ×%.1f (%.1f–%.1f), p99 ×%.1f, n=%d", of,
		ratio(percentile(besieged, 50), percentile(quiet, 50)), least, most,
		ratio(percentile(besieged, 99), percentile(quiet, 99)), len(besieged))
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

func percentile(list []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

func byStatus(statuses map[int]int) string {
	var list []string
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		list = append(list, fmt.Sprintf("%d×%d", statuses[status], status))
	}
	return strings.Join(list, " ")
}

// report returns the table of a soak.
func report(table []result) string {
	var b strings.Builder
	for _, r := range table {
		b.WriteString(r.row() + "\n")
		for _, f := range r.faults {
			b.WriteString("    " + f + "\n")
		}
	}
	return b.String()
}
