package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

const (
	// linesFree is how many times a message is written in linesEvery. Further ones are only counted.
	linesFree = 10
	// linesEvery is the period of linesFree.
	linesEvery = time.Minute
)

// limited is a slog.Handler that limits repeated warnings and errors, which a stranger may be able to cause at
// will. Within linesEvery it writes linesFree lines for a message, and then one line with the number of the others.
// Messages are constants in the code, so there are few. Request lines and audit lines are not limited here but
// where they are written.
type limited struct {
	slog.Handler
	lines *lines
}

type lines struct {
	mu sync.Mutex
	by map[string]*repeated
}

type repeated struct {
	n    int64
	last slog.Record
	To   slog.Handler
}

func newLimited(h slog.Handler) limited { return limited{h, &lines{by: map[string]*repeated{}}} }

// Handle writes the record, unless its message is over the limit.
func (l limited) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || r.Message == "request" || l.lines.say(r, l.Handler) {
		return l.Handler.Handle(ctx, r)
	}
	return nil
}

// WithAttrs returns a handler with more attributes and the same counts.
func (l limited) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limited{l.Handler.WithAttrs(attrs), l.lines}
}

// WithGroup returns a handler with a group and the same counts.
func (l limited) WithGroup(name string) slog.Handler {
	return limited{l.Handler.WithGroup(name), l.lines}
}

// say counts a line and reports whether it is within the limit.
func (l *lines) say(r slog.Record, to slog.Handler) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := r.Level.String() + r.Message
	one := l.by[key]
	if one == nil {
		one = &repeated{}
		l.by[key] = one
		time.AfterFunc(linesEvery, upkeep.Watch{}.Guard("sum up the log", func() { l.sum(key) }))
	}
	one.n++
	one.last, one.To = r.Clone(), to
	return one.n <= linesFree
}

// sum writes the last line again, with the number of lines that were only counted.
func (l *lines) sum(key string) {
	l.mu.Lock()
	one := l.by[key]
	delete(l.by, key)
	l.mu.Unlock()
	if one == nil || one.n <= linesFree {
		return
	}
	one.last.AddAttrs(slog.Int64("repeats", one.n-linesFree))
	_ = one.To.Handle(context.Background(), one.last) // a failure to log cannot be logged
}
