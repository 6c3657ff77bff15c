package session

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// Lasting is an activity that goes on after its session was looked up: a socket, an event stream, a long download
// or upload, a request that waits.
type Lasting interface {
	// Still reports whether the activity may go on, given the present state of the session and its user.
	Still(Session) bool
	// End ends the activity, from another goroutine. It is called at most once, and never after Release has
	// returned.
	End()
	// Moved reports whether the user has made use of the activity since the last call, so that the session does not
	// end for want of use.
	Moved() bool
}

const (
	// holdsEvery is how often the holds are checked: for sessions that have expired, and while revocations are not
	// heard.
	holdsEvery = 250 * time.Millisecond
	// holdsUnsure is how long an activity may go on while PostgreSQL cannot be asked about its session.
	holdsUnsure = database.Timeout
	// holdsBatch bounds one query, in sessions.
	holdsBatch = 1000
)

// Hold ties a Lasting to its session.
type Hold struct {
	of      *holds
	lasting Lasting
	session string // id
	token   bool   // it is that of an API token
	user    string
	until   time.Time // the session is valid at least until then
	suspect time.Time // since when that is in doubt; zero: it is not
}

// holds are all holds of a Reader. One goroutine ends them, however many there are.
type holds struct {
	mu   sync.Mutex
	all  map[*Hold]struct{}
	wake chan struct{} // signals that a hold is suspect
}

func newHolds() *holds { return &holds{all: map[*Hold]struct{}{}, wake: make(chan struct{}, 1)} }

// len returns the number of holds.
func (hs *holds) len() int {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return len(hs.all)
}

// Hold has l ended when the session ends: within a second of a logout, a revocation, the disabling of the user or
// the expiry, at whichever gate that happens. v comes from Lookup. The caller calls Release when the activity is
// over. Hold needs Run.
func (r *Reader) Hold(v Session, l Lasting) *Hold {
	h := &Hold{of: r.holds, lasting: l, session: v.ID, token: v.Grant != nil, user: v.User.ID, until: v.until}
	r.holds.mu.Lock()
	defer r.holds.mu.Unlock()
	r.holds.all[h] = struct{}{}
	// Under the lock, so that every later change finds h.
	if r.Outdated(v) {
		h.suspect = time.Now() // something changed between the look-up and now
		r.holds.poke()
	}
	return h
}

// Outdated reports whether something that could end a session has changed since v was looked up.
func (r *Reader) Outdated(v Session) bool { return r.cache.generation.Load() != v.generation }

// Release ends the hold when the activity is over by itself. It does nothing for a nil Hold.
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

// suspects returns the holds whose sessions have to be looked up. Without sure, revocations are not heard, and that
// is all.
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

// watchHolds ends the activities that have outlived their session, until the context ends.
func (r *Reader) watchHolds(ctx context.Context) {
	tick, uses := time.NewTicker(holdsEvery), time.NewTicker(r.slideEvery())
	defer tick.Stop()
	defer uses.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-uses.C:
			r.useHolds()
		case <-tick.C:
		case <-r.holds.wake:
		}
		// sureFor reaches until after the next check, so that an activity whose revocation is not heard still ends
		// within a second.
		list := r.holds.suspects(r.listener.sureFor(2 * holdsEvery))
		for len(list) > 0 {
			n := batchOf(list)
			if !r.recheckHolds(ctx, list[:n]) {
				break
			}
			list = list[n:]
		}
		// PostgreSQL did not answer.
		r.holds.settle(list, func(h *Hold) bool { return time.Since(h.suspect) < holdsUnsure })
	}
}

// batchOf is how many holds one query is for. A session is asked about once, however much goes on in it.
func batchOf(list []*Hold) int {
	asked := map[heldBy]struct{}{}
	for i, h := range list {
		if asked[h.by()] = struct{}{}; len(asked) > holdsBatch {
			return i
		}
	}
	return len(list)
}

// useHolds notes a use of the sessions whose activities have moved.
func (r *Reader) useHolds() {
	r.holds.mu.Lock()
	defer r.holds.mu.Unlock()
	for h := range r.holds.all {
		if h.lasting.Moved() && !h.token {
			r.slides.add(h.session)
		}
	}
}

// recheckHolds asks PostgreSQL about the sessions of the holds in list, and ends those that are over. It returns
// false if there was no answer.
func (r *Reader) recheckHolds(ctx context.Context, list []*Hold) bool {
	asked, generation := time.Now(), r.cache.generation.Load()
	valid, err := r.findByID(ctx, list)
	if err != nil {
		return false
	}
	r.answerHolds(list, valid, asked, generation)
	return true
}

// answerHolds applies PostgreSQL's answer, which was asked for at the given time and generation.
func (r *Reader) answerHolds(list []*Hold, valid map[heldBy]*found, asked time.Time, generation uint64) {
	r.holds.settle(list, func(h *Hold) bool {
		f := valid[h.by()]
		if f == nil {
			return false
		}
		if !h.token {
			f.session.ActiveAt = asked.Add(-f.age)
		}
		if !h.lasting.Still(f.session) {
			return false
		}
		h.until, h.suspect = asked.Add(f.left), time.Time{}
		// Changes since the question may be missing in the answer. Changes from now on wait until settle is done.
		if r.cache.generation.Load() != generation {
			h.suspect = asked
		}
		return true
	})
}

// settle ends the holds for which goesOn returns false.
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

// heldBy is the session that something lasts by, or the API token.
type heldBy struct {
	id    string
	token bool
}

func (h *Hold) by() heldBy { return heldBy{h.session, h.token} }

func (r *Reader) findByID(ctx context.Context, list []*Hold) (map[heldBy]*found, error) {
	ctx, cancel := context.WithTimeout(ctx, vouchFor)
	defer cancel()
	var ids, tokens []string
	asked := map[heldBy]bool{}
	for _, h := range list {
		if asked[h.by()] {
			continue
		}
		if asked[h.by()] = true; h.token {
			tokens = append(tokens, h.session)
		} else {
			ids = append(ids, h.session)
		}
	}
	all, err := r.findSessionsByID(ctx, ids)
	if err == nil {
		var more []found
		more, err = r.findTokensByID(ctx, tokens)
		all = append(all, more...)
	}
	valid := make(map[heldBy]*found, len(all))
	for i := range all {
		valid[heldBy{all[i].session.ID, all[i].session.Grant != nil}] = &all[i]
	}
	return valid, err
}

func (r *Reader) findSessionsByID(ctx context.Context, ids []string) ([]found, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := r.db.Path.Query(ctx, r.withClaims(selectSessions)+`WHERE s.id = ANY ($1) AND `+r.alive, ids, r.o.Idle,
		r.o.Lifetime, r.slideEvery())
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, scanFound)
	if err != nil {
		return nil, err
	}
	more, err := r.findImportedByID(ctx, ids)
	return append(all, more...), err
}
