package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
)

// peersBegin is the line before the table of peers in performance.md.
const peersBegin = "<!-- what bench peers prints -->"

func (c *comparison) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "in front of the app\tCPU a request, µs\ttimes bare\tPostgreSQL, µs\tchecks")
	for row, p := range c.those(false) {
		times := "1"
		if row > 0 {
			times = c.ratio(p).format(2)
		}
		c.printRow(w, p, p.name, times)
	}
	if apps := c.those(true); len(apps) > 0 {
		fmt.Fprintln(w, "\nin the app\tCPU a request, µs\ttimes bare\tPostgreSQL, µs\tchecks")
		for _, p := range apps {
			name, times := p.name, ""
			if p.without > 0 {
				name, times = name+", adds", c.ratio(p).format(2)
			}
			c.printRow(w, p, name, times)
		}
	}
	fmt.Fprintln(w)
	for _, line := range c.missing {
		fmt.Fprintln(w, "left out:", line)
	}
	fmt.Fprintf(w, "medians, and in parentheses the least and the most, of %d rounds; %d connections;\n"+
		"Go's programs and nginx may use %d cores, Node has one thread that answers\n", len(c.peers[0].samples),
		c.o.connections, runtime.GOMAXPROCS(0))
	return w.Flush()
}

func (c *comparison) printRow(w io.Writer, p peer, name, times string) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, newSpread(c.costs(p)).format(1), times, postgresOf(p), p.checks)
}

// those returns the peers that are, or are not, an app.
func (c *comparison) those(inApp bool) (list []peer) {
	for _, p := range c.peers {
		if p.inApp == inApp {
			list = append(list, p)
		}
	}
	return list
}

func postgresOf(p peer) string {
	if !p.stored {
		return "none"
	}
	return spreadOf(p.samples, postgresCPU).format(1)
}

// write puts the table into performance.md and draws peers.svg beside it.
func (c *comparison) write(folder string) error {
	var table bytes.Buffer
	if err := c.print(&table); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if err := writeTable(folder, peersBegin, table.String()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "peers.svg"), c.plot(), 0o644); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

// plot draws what each peer costs in times of the bare proxy: a bar to the median, and a line from the least to the
// greatest value.
func (c *comparison) plot() []byte {
	const title = "CPU time of a request, in times of the bare proxy"
	const left, room = 260, 370 // pixels: the names; the longest bar with its line
	var names []string
	var costs []spread
	most := 1.0
	for _, p := range c.peers {
		if p.inApp && p.without == 0 {
			continue // an app that checks nothing is no peer
		}
		name := p.name
		if p.inApp {
			name += ", adds"
		}
		names, costs = append(names, name), append(costs, c.ratio(p))
		most = max(most, c.ratio(p).max)
	}
	var b bytes.Buffer
	plotBegins(&b, title, plotRow*len(names)+40)
	for row, s := range costs {
		color := "#9aa5b8"
		if row < gateRows {
			color = plotColor
		}
		plotSpread(&b, row, names[row], left, room/most, s, s.max*room/most, color)
	}
	fmt.Fprintf(&b, `<text x="20" y="%d" fill="#555">%s. Not all of them check the same.</text>`+"\n</svg>\n",
		plotRow*len(names)+28, title)
	return b.Bytes()
}

// gateRows is how many of the first bars are the bare proxy and the gate.
const gateRows = 3
