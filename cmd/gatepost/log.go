package main

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

// newLogger writes to w as the settings say.
func newLogger(c *config, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.logLevel}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// batchWriter collects log lines and writes them together a moment later: a system call for each line would be a
// noticeable part of what a request costs. A crash of the process loses the lines of the last flushEvery.
type batchWriter struct {
	to      io.Writer
	mu      sync.Mutex
	lines   []byte
	pending bool // a flush is scheduled
}

const (
	flushEvery = 50 * time.Millisecond
	flushSize  = 32 << 10
)

func (b *batchWriter) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line...)
	if len(b.lines) >= flushSize {
		return len(line), b.flush()
	}
	if !b.pending {
		b.pending = true
		time.AfterFunc(flushEvery, func() { _ = b.Flush() })
	}
	return len(line), nil
}

// Flush writes what has collected.
func (b *batchWriter) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = false
	return b.flush()
}

func (b *batchWriter) flush() error {
	if len(b.lines) == 0 {
		return nil
	}
	_, err := b.to.Write(b.lines)
	b.lines = b.lines[:0]
	return err
}
