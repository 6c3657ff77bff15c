package session

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// slides gathers the sessions whose use has to be written down, so that no request waits for the write.
type slides struct {
	write   func([]string)
	watch   upkeep.Watch
	delay   time.Duration
	mu      sync.Mutex
	pending map[string]struct{} // session ids
}

const (
	// slideDelay is how long uses are gathered. A crash loses less than one interval of slideEvery.
	slideDelay = time.Second
	// slideBatch bounds one statement. It takes a fraction of database.Timeout even on a busy PostgreSQL.
	slideBatch = 5000
)

// add notes a use. The first pending use schedules the write.
func (sl *slides) add(id string) {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if sl.pending == nil {
		sl.pending = map[string]struct{}{}
		time.AfterFunc(sl.delay, sl.watch.Guard("write down the use of sessions", sl.flush))
	}
	sl.pending[id] = struct{}{}
}

// flush writes the pending uses.
func (sl *slides) flush() {
	sl.mu.Lock()
	pending := sl.pending
	sl.pending = nil
	sl.mu.Unlock()
	for ids := range slices.Chunk(slices.Collect(maps.Keys(pending)), slideBatch) {
		sl.write(ids)
	}
}

// slideEvery is how often the use of a session is written down: once a minute, or often enough that a short idle
// limit is off by less than 2 %.
func (r *Reader) slideEvery() time.Duration { return min(time.Minute, r.o.Idle/50) }

// slide moves the expiry of sessions in use. It leaves an expiry that an operator brought forward by hand: an
// expiry that Gatepost wrote is never earlier than last use plus idle limit, or the end of the lifetime. The row
// keeps the idle limit that its expiry was computed with, so that an expiry under a lowered setting is not taken
// for the operator's. A failure costs a user at most one interval, so it is only logged.
func (r *Reader) slide(ids []string) {
	ctx, cancel := context.WithTimeout(context.Background(), database.Timeout)
	defer cancel()
	_, err := r.db.Work.Exec(ctx, `
		UPDATE gatepost.session s
		SET last_used_at = now(), updated_at = now(), idle_seconds = least(idle_seconds, ceil(extract(epoch
		    FROM $2::interval))),
		    expires_at = CASE
		        WHEN expires_at < least(`+lastUsedAt+` + idle_seconds * interval '1 second',
		            `+createdAt+` + $3::interval) - interval '1 second'
		        THEN expires_at
		        ELSE least(now() + least($2::interval, idle_seconds * interval '1 second'),
		            `+createdAt+` + $3::interval)
		    END
		WHERE id IN (
		    SELECT id FROM gatepost.session WHERE id = ANY ($1) AND last_used_at < now() - $4::interval
		        AND expires_at > now()
		    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)`,
		ids, r.o.Idle, r.o.Lifetime, r.slideEvery())
	if err != nil {
		r.o.Log.WarnContext(ctx, "the use of sessions was not written down", "sessions", len(ids), "err", err)
	}
}
