package session

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// Lasting is something that goes on after its session was looked up: a socket, an event stream, a long download or
// upload.
type Lasting interface {
	// Still says whether it may go on, now that the session and its user are like this.
	Still(Session) bool
	// End ends it, from another goroutine. It is called once at most, and never after Release has returned.
	End()
}

const (
	// holdsEvery is how often what lasts is looked at: for sessions that have expired, and while nobody tells of
	// revocations.
	holdsEvery = 250 * time.Millisecond
	// holdsUnsure is how long something may go on while PostgreSQL cannot be asked about its session.
	holdsUnsure = database.Timeout
	// holdsBatch bounds one query.
	holdsBatch = 1000
)

// Hold keeps a Lasting together with its session.
type Hold struct {
	of      *holds
	lasting Lasting
	session string // id
	user    string
	until   time.Time // the session is valid at least as long
	suspect time.Time // since when that is in doubt; zero: it is not
}

// holds are all of them. What ends them runs on one goroutine, whatever their number.
type holds struct {
	mu   sync.Mutex
	all  map[*Hold]struct{}
	wake chan struct{} // somebody is suspect
}

func newHolds() *holds { return &holds{all: map[*Hold]struct{}{}, wake: make(chan struct{}, 1)} }

// len is how many there are.
func (hs *holds) len() int {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return len(hs.all)
}

// Hold has something ended when the session is: within a second of a logout, a revocation, a disabled user or the
// expiry, whichever gate it happens at. v comes from Lookup. Release it when it is over. It needs Run.
func (r *Reader) Hold(v Session, l Lasting) *Hold {
	h := &Hold{of: r.holds, lasting: l, session: v.ID, user: v.User.ID, until: v.until}
	r.holds.mu.Lock()
	defer r.holds.mu.Unlock()
	r.holds.all[h] = struct{}{}
	// Under the lock: what changes from here on finds h.
	if r.cache.generation.Load() != v.generation {
		h.suspect = time.Now() // something changed while the app was thinking
		r.holds.poke()
	}
	return h
}

// Release says that it is over by itself. A nil Hold is none.
func (h *Hold) Release() {
	if h == nil {
		return
	}
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	delete(h.of.all, h)
}

func (hs *holds) poke() {
	select {
	case hs.wake <- struct{}{}:
	default:
	}
}

// suspectUser has the sessions of a user, or of everybody, looked up again.
func (hs *holds) suspectUser(id string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for h := range hs.all {
		if (id == everybody || h.user == id) && h.suspect.IsZero() {
			h.suspect = time.Now()
			hs.poke()
		}
	}
}

// suspects are the holds whose sessions are to be looked up. sure says that revocations are heard of; else all are.
func (hs *holds) suspects(sure bool) []*Hold {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	now := time.Now()
	var list []*Hold
	for h := range hs.all {
		if h.suspect.IsZero() && (!sure || !now.Before(h.until)) {
			h.suspect = now
		}
		if !h.suspect.IsZero() {
			list = append(list, h)
		}
	}
	return list
}

// watchHolds ends what has outlived its session, until the context ends.
func (r *Reader) watchHolds(ctx context.Context) {
	tick := time.NewTicker(holdsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.holds.wake:
		}
		// Until after the next look, so that what is revoked while nothing is heard ends within the second all the
		// same.
		list := r.holds.suspects(r.listener.sureFor(2 * holdsEvery))
		for len(list) > 0 {
			n := min(len(list), holdsBatch)
			if !r.recheckHolds(ctx, list[:n]) {
				break
			}
			list = list[n:]
		}
		r.holds.settle(list, func(h *Hold) bool { return time.Since(h.suspect) < holdsUnsure }) // nobody could be asked
	}
}

// recheckHolds asks PostgreSQL about the sessions of some holds, and ends those that are over. It returns false without
// an answer.
func (r *Reader) recheckHolds(ctx context.Context, list []*Hold) bool {
	asked, generation := time.Now(), r.cache.generation.Load()
	valid, err := r.findByID(ctx, list)
	if err != nil {
		return false
	}
	r.answerHolds(list, valid, asked, generation)
	return true
}

// answerHolds acts on what PostgreSQL said of the sessions when it was asked, in a generation.
func (r *Reader) answerHolds(list []*Hold, valid map[string]*found, asked time.Time, generation uint64) {
	r.holds.settle(list, func(h *Hold) bool {
		f := valid[h.session]
		if f == nil || !h.lasting.Still(f.session) {
			return false
		}
		h.until, h.suspect = asked.Add(f.left), time.Time{}
		// What was told since may not be in the answer. What is told from now on waits until settle is done.
		if r.cache.generation.Load() != generation {
			h.suspect = asked
		}
		return true
	})
}

// settle ends the holds that may not go on.
func (hs *holds) settle(list []*Hold, goesOn func(*Hold) bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, h := range list {
		if _, held := hs.all[h]; held && !goesOn(h) {
			delete(hs.all, h)
			h.lasting.End()
		}
	}
}

func (r *Reader) findByID(ctx context.Context, list []*Hold) (map[string]*found, error) {
	ctx, cancel := context.WithTimeout(ctx, vouchFor)
	defer cancel()
	ids := make([]string, 0, len(list))
	for _, h := range list {
		ids = append(ids, h.session)
	}
	rows, err := r.db.Path.Query(ctx, selectSessions+`WHERE s.id = ANY ($1) AND `+r.alive, ids, r.o.Idle,
		r.o.Lifetime, r.slideEvery())
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, scanFound)
	valid := make(map[string]*found, len(all))
	for i := range all {
		valid[all[i].session.ID] = &all[i]
	}
	return valid, err
}
