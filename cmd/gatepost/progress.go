package main

import (
	"fmt"
	"io"
	"time"
)

// progress shows on a terminal how far an import is.
type progress struct {
	of      string    // what is counted
	to      io.Writer // nil: it is no terminal
	began   time.Time
	printed time.Time
}

func (p *process) newProgress(of string) *progress {
	now := time.Now()
	if isTerminal(p.stderr) {
		return &progress{of, p.stderr, now, now}
	}
	return &progress{of, nil, now, now}
}

func (p *progress) at(read, total int64) {
	if p.to == nil || time.Since(p.printed) < time.Second/5 {
		return
	}
	p.printed = time.Now()
	left := ""
	if total > read && read > 0 {
		left = fmt.Sprintf(" of %d, %s left", total, (time.Since(p.began) *
			time.Duration(total-read) / time.Duration(read)).Round(time.Second))
	}
	fmt.Fprintf(p.to, "\r%d %s%s\x1b[K", read, p.of, left)
}

func (p *progress) end() {
	if p.to != nil {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
