package auth

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
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
// so nobody is let in by an answer older than his request.
type lookups struct {
	query   func(tokens []string) ([]found, error)
	mu      sync.Mutex
	waiting []*lookup
	flights int // queries under way
}

// lookup is one caller waiting. done is closed when found and err are set.
type lookup struct {
	token string
	done  chan struct{}
	found *found // nil: no valid session
	err   error
}

const (
	// maxFlights is how many queries may be under way: more would make them smaller, not the answers faster.
	maxFlights = 1
	// maxBatch bounds one query.
	maxBatch = 256
)

// find waits for the session of a token hash. The caller who finds no query under way makes it, for all who wait.
func (l *lookups) find(ctx context.Context, token string) (*found, error) {
	me := &lookup{token: token, done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, me)
	fly := l.flights < maxFlights
	if fly {
		l.flights++
	}
	l.mu.Unlock()
	if fly {
		l.fly()
	}
	select {
	case <-me.done:
		return me.found, me.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fly answers everybody who waits, and hands over to a goroutine when more have come meanwhile. Those who came during a
// query that failed get its error too: another wait as long would be too long.
func (l *lookups) fly() {
	runtime.Gosched() // whoever is about to ask, and could run now, joins this query
	if batch := l.take(); len(batch) > 0 {
		if err := l.answer(batch); err != nil {
			for batch := l.take(); len(batch) > 0; batch = l.take() {
				deliver(batch, nil, err)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) > 0 {
		go l.fly()
		return
	}
	l.flights--
}

func (l *lookups) take() []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), maxBatch)
	batch := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	return batch
}

func (l *lookups) answer(batch []*lookup) error {
	tokens := make([]string, 0, len(batch))
	for _, w := range batch {
		if !slices.Contains(tokens, w.token) { // a browser loads many things at once
			tokens = append(tokens, w.token)
		}
	}
	rows, err := l.query(tokens)
	deliver(batch, rows, err)
	return err
}

func deliver(batch []*lookup, rows []found, err error) {
	for _, w := range batch {
		w.err = err
		for i := range rows {
			if rows[i].token == w.token {
				w.found = &rows[i]
				break
			}
		}
		close(w.done)
	}
}

// selectSessions finds valid sessions; $2 to $4 are the idle limit, the lifetime and slideEvery.
const selectSessions = `
	SELECT s.token, s.id, s.expires_at, s.last_used_at < now() - $4::interval,
	       extract(epoch FROM least(s.expires_at, s.created_at + $3::interval,
	           s.last_used_at + least($2::interval, s.idle_seconds * interval '1 second')) - now())::float8,
	       u.id, u.name, u.email, u.email_verified, u.role
	FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
	`

// findSessions asks PostgreSQL for the valid ones among some sessions. It is not bound to any one caller, who may leave.
func (s *Store) findSessions(tokens []string) (list []found, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, lookupTimeout)
	defer cancel()
	err = s.again(ctx, func() error {
		rows, err := s.db.Query(ctx, s.lookupSQL, tokens, s.o.SessionIdle, s.o.SessionLifetime, s.slideEvery())
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanFound)
		return err
	})
	return list, err
}

func scanFound(row pgx.CollectableRow) (found, error) {
	var f found
	var roles string
	var left float64
	v := &f.session
	err := row.Scan(&f.token, &v.ID, &v.ExpiresAt, &f.due, &left, &v.User.ID, &v.User.Name, &v.User.Email, &v.User.EmailVerified, &roles)
	v.User.Roles = splitRoles(roles)
	f.left = time.Duration(left * float64(time.Second))
	return f, err
}
