package audit

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

const (
	// tallyEvery is for how long the same decision is counted before it is told anew.
	tallyEvery = time.Minute
	// tallyKeys is how many kinds of refusals are told apart in such a time. The others are one.
	tallyKeys = 1000
	// tallyFree is how many times a user may do the same in such a time until that is only counted. Of refusals each is
	// counted.
	tallyFree = 10
)

// tallyKey is what events have in common that are counted together. What strangers typed is no part of it, or they
// would choose how many there are. Successes are counted by user alone, who may have many networks.
type tallyKey struct {
	event, result, userID, network string
	written                        bool // events that have a row each are counted apart
}

func (e *record) key(c secret.Client) tallyKey {
	if e.result == "ok" {
		return tallyKey{e.event, e.result, e.userID, "", e.dropped}
	}
	return tallyKey{e.event, e.result, e.userID, share.Narrowest(c.Addr), e.dropped}
}

// others are the refusals beyond tallyKeys.
var others = tallyKey{event: "others", result: "refused"}

// tally is how often something happened. The last event that is told by itself has the count of those that are not.
type tally struct {
	told, repeats int64
	last          *record
}

// note counts an event, and says whether it is told by itself, and as what.
func (t *Trail) note(e *record, k tallyKey) (*record, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = e.at
	}
	n, free := t.tallies[k], int64(1)
	if e.actor != "" {
		free = math.MaxInt64 // what operators do is always told
	} else if k.result == "ok" {
		free = tallyFree
	} else if n == nil && t.refusals >= tallyKeys && !k.written {
		k, e = others, &record{at: e.at, event: others.event, result: others.result}
		n = t.tallies[k]
	}
	if n == nil {
		n = &tally{}
		t.tallies[k] = n
		if k.result != "ok" && k != others && !k.written {
			t.refusals++
		}
	}
	if n.told >= free {
		n.repeats++
		n.last.count++
		return nil, false
	}
	n.told++
	e.count, n.last = 1, e
	t.add(e)
	return e, true
}

// sum ends the time of the tallies when it is over, or when all does: what was counted gets a line of its own, and its
// rows are due.
func (t *Trail) sum(ctx context.Context, now time.Time, all bool) {
	t.mu.Lock()
	if !all && now.Sub(t.since) < tallyEvery {
		t.mu.Unlock()
		return
	}
	tallies := t.tallies
	t.tallies, t.refusals, t.since = map[tallyKey]*tally{}, 0, time.Time{}
	var lines [][]slog.Attr
	for _, n := range tallies {
		if n.repeats > 0 {
			lines = append(lines, append(n.last.attrs(), slog.Int64("repeats", n.repeats)))
			if !n.last.dropped && len(t.grown) < waitingMost { // beyond that the log alone has the count
				t.grown = append(t.grown, n.last)
			}
		}
	}
	t.mu.Unlock()
	for _, attrs := range lines {
		t.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
	}
}

// grow writes down the counts that have grown since their rows were written.
func (t *Trail) grow(ctx context.Context) error {
	t.mu.Lock()
	var rows, waiting []*record
	var ids, counts []int64
	for _, e := range t.grown {
		switch {
		case e.id != 0 && e.count != e.written:
			rows, ids, counts = append(rows, e), append(ids, e.id), append(counts, e.count)
		case e.id == 0 && !e.dropped: // its row comes, with the whole count
			waiting = append(waiting, e)
		}
	}
	t.grown = append(waiting, rows[:min(len(rows), max(0, waitingMost-len(waiting)))]...)
	t.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	_, err := t.db.Work.Exec(ctx, `
		UPDATE gatepost.audit_event e SET count = g.count FROM unnest($1::bigint[], $2::bigint[]) AS g (id, count)
		    WHERE e.id = g.id`, ids, counts)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, e := range rows {
		e.written = counts[i]
	}
	return nil
}
