package server

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// NewLogger returns a logger that writes to w in the format and at the level of the settings.
func NewLogger(c *config.Config, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogJSON {
		return slog.New(newLimited(slog.NewJSONHandler(w, o)))
	}
	return slog.New(newLimited(slog.NewTextHandler(w, o)))
}

// BatchWriter collects log lines and writes them together flushEvery later, without blocking those who log
// meanwhile. A system call for each line, with every request waiting for it, would be a noticeable part of a
// request's cost. A crash of the process loses the lines of the last flushEvery.
type BatchWriter struct {
	To      io.Writer // To is the writer that gets the lines.
	mu      sync.Mutex
	lines   []byte
	pending bool       // a flush is scheduled
	writing sync.Mutex // taken before mu, and keeps batches in order
	spare   []byte
}

const (
	// flushEvery is how long lines are collected before they are written.
	flushEvery = 50 * time.Millisecond
	// flushSize is how many bytes are collected before the caller of Write has to wait for a flush.
	flushSize = 1 << 20
)

// Write adds lines to the batch.
func (b *BatchWriter) Write(line []byte) (int, error) {
	b.mu.Lock()
	b.lines = append(b.lines, line...)
	full, first := len(b.lines) >= flushSize, !b.pending
	b.pending = true
	b.mu.Unlock()
	if full {
		return len(line), b.Flush()
	}
	if first {
		time.AfterFunc(flushEvery, upkeep.Watch{}.Guard("write the log", func() { _ = b.Flush() }))
	}
	return len(line), nil
}

// Flush writes the collected lines.
func (b *BatchWriter) Flush() error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	lines := b.lines
	b.lines, b.pending = b.spare[:0], false
	b.mu.Unlock()
	b.spare = lines
	if len(lines) == 0 {
		return nil
	}
	_, err := b.To.Write(lines)
	return err
}
