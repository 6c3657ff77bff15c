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
	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// found is a valid session as a query returned it.
type found struct {
	token   string // hash
	session Session
	left    time.Duration // how long the session stays valid without further use
	age     time.Duration // how long ago its user was last proved
}

// lookups gathers the look-ups that arrive while a query is under way into the next query. Under load one round
// trip answers many requests; without load each look-up has a query of its own at once. A query answers only
// look-ups that began before it, so no request is let in by an answer older than the request.
type lookups struct {
	query   func(tokens []string) ([]found, error)
	watch   upkeep.Watch
	mu      sync.Mutex
	waiting list.List // of *lookup, oldest first
	flying  bool      // a query is under way; queries at the same time would be smaller, not faster
}

// lookup is one waiting caller. done is closed when found and err are set.
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
	// maxWaiting bounds the memory of waiting look-ups while PostgreSQL is slow, and the wait of the last of them.
	maxWaiting = 1 << 14
	// lookupPatience is how long a look-up waits for its turn and its answer. It is less than the 5 s within which
	// a visitor has an answer.
	lookupPatience = 4500 * time.Millisecond
)

// errSlow means that lookupPatience is over. It says nothing about the connection.
var errSlow = fmt.Errorf("too many look-ups wait for PostgreSQL: %w", context.DeadlineExceeded)

// find returns the session of a token hash. A caller that finds no query under way makes one, for all waiting
// look-ups.
func (l *lookups) find(ctx context.Context, token string) (*found, error) {
	share.Pause(ctx)
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

// join adds a look-up to the waiting ones. leads reports whether the caller has to make the next query.
func (l *lookups) join(me *lookup) (leads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	me.place = l.waiting.PushBack(me)
	leads, l.flying = !l.flying, true
	return leads
}

// leave removes a look-up whose caller has stopped waiting, so that no query includes it.
func (l *lookups) leave(me *lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting.Remove(me.place)
}

// fly answers the waiting look-ups, and hands over to a goroutine if more have arrived meanwhile. Look-ups that
// arrived during a failed query get its error too: a second wait of that length would be too long.
func (l *lookups) fly() {
	runtime.Gosched() // lets runnable goroutines that are about to look up join this query
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

// take removes the look-ups that the next query answers, maxBatch at most.
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
	wanted := make(map[string]*found, len(batch)) // without duplicates: a browser loads many things at once
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

// ask runs the query. It turns a panic into an error, so that later look-ups do not wait for ever.
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
