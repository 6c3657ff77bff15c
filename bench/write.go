package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The generated parts of performance.md stand between two lines each.
const (
	tableBegins = "<!-- what make bench prints -->"
	tableEnds   = "<!-- end -->"
)

// write puts the table into performance.md and draws performance.svg beside it.
func (r *results) write(folder string) error {
	var table bytes.Buffer
	if err := r.print(&table); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if err := writeTable(folder, tableBegins, table.String()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "performance.svg"), r.plot(), 0o644); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

// writeTable puts a table into performance.md, between the line that begins it and tableEnds.
func writeTable(folder, begins, table string) error {
	path := filepath.Join(folder, "performance.md")
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	before, rest, ok := strings.Cut(string(b), begins)
	_, after, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table", path)
	}
	text := before + begins + "\n```txt\n" + strings.TrimRight(trimmed(table), "\n") + "\n```\n" + tableEnds + after
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// trimmed removes the blanks at the ends of lines.
func trimmed(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
}

// Sizes in the plot, in pixels.
const (
	plotLeft, plotScale, plotRow = 210, 240, 40
)

// plotColor is that of the bars of the gate.
const plotColor = "#5b8def"

// plot draws the cost of each subject in times of the bare proxy: a bar to the median, a line from the least to
// the greatest value, and a mark at the limit.
func (r *results) plot() []byte {
	var b bytes.Buffer
	subjects := r.subjects()
	height := plotRow*len(subjects) + 40
	plotBegins(&b, "CPU time of a request, in times of the bare proxy", height)
	for row, i := range subjects {
		s := spread{1, 1, 1}
		if i != bare {
			s = r.ratio(i)
		}
		plotSpread(&b, row, names[i], plotLeft, plotScale, s, plotScale*max(s.max, limits[i]), plotColor)
		if limits[i] > 0 {
			x, y := plotLeft+plotScale*limits[i], plotRow*row+20
			fmt.Fprintf(&b, `<line x1="%.0f" y1="%d" x2="%.0f" y2="%d" `+
				`stroke="#c33" stroke-width="2" stroke-dasharray="4 3"/>`+"\n", x, y-4, x, y+26)
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#555">`+
		`CPU time of a request, in times of the bare proxy; dashed: the limit</text>`+"\n</svg>\n", plotLeft, height-12)
	return b.Bytes()
}

// plotBegins writes the head of a plot. Its ground is white, so that it can be read on a dark page too.
func plotBegins(b *bytes.Buffer, title string, height int) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 %d" `+
		`font-family="sans-serif" font-size="14" role="img">`+"\n", height)
	fmt.Fprintf(b, `<title>%s</title><rect width="720" height="100%%" fill="#fff"/>`+"\n", title)
}

// plotSpread draws one row. Bars begin at left, and scale is the length of one time; the median is written after the
// length of end. All are pixels.
func plotSpread(b *bytes.Buffer, row int, name string, left int, scale float64, s spread, end float64, color string) {
	y, x := plotRow*row+20, float64(left)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#222">%s</text>`+"\n", left-10, y+16, name)
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.0f" height="22" fill="%s"/>`+"\n", left, y, scale*s.median, color)
	fmt.Fprintf(b, `<line x1="%.0f" y1="%d" x2="%.0f" y2="%d" stroke="#222" stroke-width="2"/>`+"\n",
		x+scale*s.min, y+11, x+scale*s.max, y+11)
	fmt.Fprintf(b, `<text x="%.0f" y="%d" fill="#222">%.2f</text>`+"\n", x+end+10, y+16, s.median)
}
