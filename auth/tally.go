package auth

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
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
type tallyKey struct{ event, result, userID, network string }

func (e *auditEvent) key(c secret.Client) tallyKey {
	if e.result == "ok" {
		return tallyKey{e.event, e.result, e.userID, ""}
	}
	return tallyKey{e.event, e.result, e.userID, network(c.Addr)}
}

// others are the refusals beyond tallyKeys.
var others = tallyKey{event: "others", result: "refused"}

// tally is how often something happened. The last event that is told by itself has the count of those that are not.
type tally struct {
	told, repeats int64
	last          *auditEvent
}

// note counts an event, and says whether it is told by itself, and as what.
func (a *auditor) note(e *auditEvent, k tallyKey) (*auditEvent, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		a.since = e.at
	}
	t, free := a.tallies[k], int64(1)
	if e.actor != "" {
		free = math.MaxInt64 // what operators do is always told
	} else if k.result == "ok" {
		free = tallyFree
	} else if t == nil && a.refusals >= tallyKeys {
		k, e = others, &auditEvent{at: e.at, event: others.event, result: others.result}
		t = a.tallies[k]
	}
	if t == nil {
		t = &tally{}
		a.tallies[k] = t
		if k.result != "ok" && k != others {
			a.refusals++
		}
	}
	if t.told >= free {
		t.repeats++
		t.last.count++
		return nil, false
	}
	t.told++
	e.count, t.last = 1, e
	a.add(e)
	return e, true
}

// sum ends the time of the tallies when it is over, or when all does: what was counted gets a line of its own, and its
// rows are due.
func (a *auditor) sum(ctx context.Context, now time.Time, all bool) {
	a.mu.Lock()
	if !all && now.Sub(a.since) < tallyEvery {
		a.mu.Unlock()
		return
	}
	tallies := a.tallies
	a.tallies, a.refusals, a.since = map[tallyKey]*tally{}, 0, time.Time{}
	var lines [][]slog.Attr
	for _, t := range tallies {
		if t.repeats > 0 {
			lines = append(lines, append(t.last.attrs(), slog.Int64("repeats", t.repeats)))
			if !t.last.dropped && len(a.grown) < auditMost { // beyond that the log alone has the count
				a.grown = append(a.grown, t.last)
			}
		}
	}
	a.mu.Unlock()
	for _, attrs := range lines {
		a.s.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
	}
}

// grow writes down the counts that have grown since their rows were written.
func (a *auditor) grow(ctx context.Context) error {
	a.mu.Lock()
	var rows, waiting []*auditEvent
	var ids, counts []int64
	for _, e := range a.grown {
		switch {
		case e.id != 0 && e.count != e.written:
			rows, ids, counts = append(rows, e), append(ids, e.id), append(counts, e.count)
		case e.id == 0 && !e.dropped: // its row comes, with the whole count
			waiting = append(waiting, e)
		}
	}
	a.grown = append(waiting, rows[:min(len(rows), max(0, auditMost-len(waiting)))]...)
	a.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	_, err := a.s.db.Work.Exec(ctx, `
		UPDATE gatepost.audit_event e SET count = g.count FROM unnest($1::bigint[], $2::bigint[]) AS g (id, count) WHERE e.id = g.id`, ids, counts)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, e := range rows {
		e.written = counts[i]
	}
	return nil
}
