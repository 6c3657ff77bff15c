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
	// tallyEvery is the interval in which repetitions of an event are counted. The next one is logged again.
	tallyEvery = time.Minute
	// tallyKeys is how many kinds of refusals are counted apart in one interval. Further kinds count as one (others).
	tallyKeys = 1000
	// tallyCauses is how many causes of one kind are counted apart in one interval. Further ones count as one (various).
	tallyCauses = 10
	// tallyFree is how many times in one interval a deed of a user is logged. Further ones are counted. Of a refusal
	// only the first is logged.
	tallyFree = 10
)

// tallyKey is a kind of event. Events of the same kind are counted together. Nothing in it but cause is chosen by
// visitors, who could otherwise fill the memory with kinds. Deeds have no network, as one user may have many, and no
// cause.
type tallyKey struct {
	event, result, userID, network string
	cause                          string // the details of a refusal
	written                        bool   // each event has a row already, from Write
}

func (e *record) key(c secret.Client) tallyKey {
	if e.result == "ok" {
		return tallyKey{event: e.event, result: e.result, userID: e.userID, written: e.dropped}
	}
	return tallyKey{e.event, e.result, e.userID, share.Narrowest(c.Addr), e.details.String(), e.dropped}
}

// others is the kind of all refusals that are of none of the first tallyKeys kinds of an interval.
var others = tallyKey{event: "others", result: "refused"}

// various are the details of a refusal whose kind has had tallyCauses causes.
var various = Details{{Name: "cause", Value: "various"}}

// bounded returns the kind that an event is counted as. One whose kind has had too many causes gets another cause. The
// caller holds the lock.
func (t *Trail) bounded(e *record, k tallyKey) tallyKey {
	kind := k
	if kind.cause = ""; k.cause == "" || t.tallies[k] != nil || e.actor != "" {
		return k
	}
	if t.causes[kind] >= tallyCauses {
		k.cause, e.details = various.String(), various
	}
	return k
}

// tally counts the events of a kind in one interval.
type tally struct {
	told, repeats int64   // events that were logged, and further ones that were only counted
	last          *record // the last event that was logged; its count includes the further ones
}

// note counts an event. It returns the event to be logged, which is one of others when there are too many kinds, and
// false when the event is only counted.
func (t *Trail) note(e *record, k tallyKey) (*record, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = e.at
	}
	k = t.bounded(e, k)
	n, free := t.tallies[k], int64(1)
	if e.actor != "" {
		free = math.MaxInt64 // what operators do is always logged
	} else if k.result == "ok" {
		free = tallyFree
	} else if n == nil && t.refusals >= tallyKeys && !k.written {
		k, e = others, &record{at: e.at, event: others.event, result: others.result}
		n = t.tallies[k]
	}
	if n == nil {
		n = &tally{}
		t.tallies[k] = n
		if kind := k; k.cause != "" {
			kind.cause = ""
			t.causes[kind]++
		}
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

// sum ends the interval of the tallies when tallyEvery is over, or at once with all. It logs one line for each kind of
// which events were only counted, and has grow write the count into the row.
func (t *Trail) sum(ctx context.Context, now time.Time, all bool) {
	t.mu.Lock()
	if !all && now.Sub(t.since) < tallyEvery {
		t.mu.Unlock()
		return
	}
	tallies := t.tallies
	t.tallies, t.causes, t.refusals, t.since = map[tallyKey]*tally{}, map[tallyKey]int{}, 0, time.Time{}
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

// grow writes counts into the rows of events whose count has grown since.
func (t *Trail) grow(ctx context.Context) error {
	t.mu.Lock()
	var rows, waiting []*record
	var ids, counts []int64
	for _, e := range t.grown {
		switch {
		case e.id != 0 && e.count != e.written:
			rows, ids, counts = append(rows, e), append(ids, e.id), append(counts, e.count)
		case e.id == 0 && !e.dropped: // flush has yet to write its row, with the count of then
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
