package main

import (
	"bytes"
	"io"
	"os"

	"github.com/gatepost/gatepost/internal/config"
)

// colour is the number of a colour in ECMA-48 (SGR), which terminals know.
type colour string

const (
	red    colour = "31"
	yellow colour = "33"
)

// paint returns words in a colour where they go to a terminal, and as they are elsewhere. A variable NO_COLOR that is
// not empty (no-color.org), or TERM=dumb, switches colours off.
func (p *process) paint(to io.Writer, c colour, words string) string {
	if !isTerminal(to) || config.Lookup(p.env, "NO_COLOR") != "" || config.Lookup(p.env, "TERM") == "dumb" {
		return words
	}
	return "\x1b[1;" + string(c) + "m" + words + "\x1b[0m"
}

// isTerminal reports whether a writer is a terminal, and not a file or a pipe.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// answerFirst is where a command logs. On a terminal the lines wait until shown is called, so that the answer of the
// command stands before them; elsewhere they are written at once.
func (p *process) answerFirst() (log io.Writer, shown func()) {
	if !isTerminal(p.stderr) {
		return p.stderr, func() {}
	}
	var held bytes.Buffer
	return &held, func() { _, _ = held.WriteTo(p.stderr) } // a terminal that is gone shows nothing
}
