package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

const (
	// linesFree is how many times the same is said in a minute until it is only counted.
	linesFree = 10
	// linesEvery is for how long it is counted.
	linesEvery = time.Minute
)

// limited is a handler that says nothing over and over: of a warning or an error, which a stranger may be able to cause
// at will, so many lines are written in a minute, and then one that says how many more there were. Messages are few, as
// they stand in the code; what is written for each request and each decision about a person is bounded where it is
// written.
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

func (l limited) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || r.Message == "request" || l.lines.say(r, l.Handler) {
		return l.Handler.Handle(ctx, r)
	}
	return nil
}

// WithAttrs and WithGroup keep counting together.
func (l limited) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limited{l.Handler.WithAttrs(attrs), l.lines}
}
func (l limited) WithGroup(name string) slog.Handler {
	return limited{l.Handler.WithGroup(name), l.lines}
}

// say counts a line, and says whether it is written by itself.
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

// sum writes the last line once more, with how many were not.
func (l *lines) sum(key string) {
	l.mu.Lock()
	one := l.by[key]
	delete(l.by, key)
	l.mu.Unlock()
	if one == nil || one.n <= linesFree {
		return
	}
	one.last.AddAttrs(slog.Int64("repeats", one.n-linesFree))
	_ = one.To.Handle(context.Background(), one.last) // there is nowhere left to say that a log line failed
}
