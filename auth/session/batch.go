package session

import (
	"container/list"
	"context"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// found is a valid session as one query saw it.
type found struct {
	token   string // hash
	session Session
	due     bool          // its use is to be written down
	left    time.Duration // it stays valid so long without further use
}

// lookups gathers the look-ups that arrive while a query is under way into the next one. Under load one round trip
// answers many requests; without, each has its own at once. A query only ever answers look-ups that began before it,
// so that nobody is let in by an answer older than their request.
type lookups struct {
	query   func(tokens []string) ([]found, error)
	watch   upkeep.Watch
	mu      sync.Mutex
	waiting list.List // of *lookup, who came first is first
	flying  bool      // a query is under way: more at a time would make them smaller, not the answers faster
}

// lookup is one caller waiting. done is closed when found and err are set.
type lookup struct {
	token string
	place *list.Element
	done  chan struct{}
	found *found // nil: no valid session
	err   error
}

const (
	// maxBatch bounds one query.
	maxBatch = 256
	// maxWaiting bounds the memory of those who wait while PostgreSQL is slow, and how long the last one waits.
	maxWaiting = 1 << 14
	// lookupPatience is how long one waits for its turn and its answer: less than the 5 s after which a visitor has an
	// answer.
	lookupPatience = 4500 * time.Millisecond
)

// errSlow is a deadline of ours that is over, and says nothing about the connection.
var errSlow = fmt.Errorf("too many look-ups wait for PostgreSQL: %w", context.DeadlineExceeded)

// find waits for the session of a token hash. The caller who finds no query under way makes it, for all who wait.
func (l *lookups) find(ctx context.Context, token string) (*found, error) {
	me := &lookup{token: token, done: make(chan struct{})}
	if l.join(me) {
		l.fly() // which answers this caller first
		return me.found, me.err
	}
	patience := time.NewTimer(lookupPatience)
	defer patience.Stop()
	select {
	case <-me.done:
		return me.found, me.err
	case <-ctx.Done():
		l.leave(me)
		return nil, ctx.Err()
	case <-patience.C:
		l.leave(me)
		return nil, errSlow
	}
}

// join has a caller wait. leads says that the next query is this caller's to make.
func (l *lookups) join(me *lookup) (leads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	me.place = l.waiting.PushBack(me)
	leads, l.flying = !l.flying, true
	return leads
}

// leave is for a caller who waits no more. Nothing is asked for them.
func (l *lookups) leave(me *lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting.Remove(me.place)
}

// fly answers those who wait, and hands over to a goroutine when more have come meanwhile. Those who came during a
// query that failed get its error too: another wait as long would be too long.
func (l *lookups) fly() {
	runtime.Gosched() // whoever is about to ask, and could run now, joins this query
	if err := l.answer(l.take()); err != nil {
		for batch := l.take(); len(batch) > 0; batch = l.take() {
			deliver(batch, nil, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flying = l.waiting.Len() > 0; l.flying {
		go l.watch.Run(context.Background(), "look up sessions", func(context.Context) { l.fly() })
	}
}

// take removes those who are to be answered by one query.
func (l *lookups) take() (batch []*lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(batch) < maxBatch && l.waiting.Len() > 0 {
		batch = append(batch, l.waiting.Remove(l.waiting.Front()).(*lookup))
	}
	return batch
}

func (l *lookups) answer(batch []*lookup) error {
	if len(batch) == 0 { // all have left
		return nil
	}
	wanted := make(map[string]*found, len(batch)) // a browser loads many things at once
	for _, w := range batch {
		wanted[w.token] = nil
	}
	rows, err := l.ask(slices.Collect(maps.Keys(wanted)))
	for i := range rows {
		wanted[rows[i].token] = &rows[i]
	}
	deliver(batch, wanted, err)
	return err
}

// ask is the query. A panic in it must not leave everybody waiting who comes later.
func (l *lookups) ask(tokens []string) (rows []found, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			rows, err = nil, fmt.Errorf("%w: %v\n%s", database.ErrFault, fault, debug.Stack())
		}
	}()
	return l.query(tokens)
}

func deliver(batch []*lookup, sessions map[string]*found, err error) {
	for _, w := range batch {
		w.found, w.err = sessions[w.token], err
		close(w.done)
	}
}
