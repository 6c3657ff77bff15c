package auth

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

const (
	// auditEvery is how long events wait to be written down together. A crash loses those of one such time from the table, not
	// from the log.
	auditEvery = time.Second
	// auditMost is how many wait at most, while PostgreSQL is slow or away.
	auditMost = 10_000
)

// auditEvent is one decision about a person.
type auditEvent struct {
	at                        time.Time // by our clock; the table gets PostgreSQL's, less the age
	event, result             string
	userID, client, requestID string // empty: unknown
	actor, detail             string // empty: a visitor; nothing more to say
	count                     int64  // how often it happened: more than once when it is a tally's last
	id, written               int64  // its row, and the count there; zero: not yet
	dropped                   bool   // it gets no row
}

// auditor writes events into the table audit_event, some at once and off the request's path.
type auditor struct {
	s       *Store
	mu      sync.Mutex
	waiting []*auditEvent
	lost    int
	// tallies are what happened since then, of which so many are refusals, and grown those of before whose count is
	// still to be written.
	tallies  map[tallyKey]*tally
	since    time.Time
	refusals int
	grown    []*auditEvent
}

func newAuditor(s *Store) *auditor { return &auditor{s: s, tallies: map[tallyKey]*tally{}} }

// audit writes the one line about a decision on a person, and the row. What strangers typed stays out of both: an address field
// holds a password now and then. What is refused over and over, or done by the same user, is told at first and then
// counted (tally).
func (s *Store) audit(ctx context.Context, event, userID string, c secret.Client, err error) {
	s.auditDetail(ctx, event, userID, c, "", err)
}

// auditDetail is audit with what was done, which is the operator's own words or ours.
func (s *Store) auditDetail(ctx context.Context, event, userID string, c secret.Client, detail string, err error) {
	e := &auditEvent{at: time.Now(), event: event, result: result(err), userID: userID, requestID: c.RequestID, actor: s.o.Actor, detail: detail}
	if c.Addr.IsValid() {
		e.client = c.Addr.String()
	}
	if e, told := s.auditor.note(e, e.key(c)); told {
		s.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit", e.attrs()...)
	}
}

// attrs are what the log says of an event.
func (e *auditEvent) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("event", e.event), slog.String("result", e.result)}
	for _, known := range []slog.Attr{slog.String("user", e.userID), slog.String("client", e.client), slog.String("request_id", e.requestID),
		slog.String("by", e.actor), slog.String("detail", e.detail)} {
		if known.Value.String() != "" {
			attrs = append(attrs, known)
		}
	}
	return attrs
}

// add has a row written, if there is to be one. The lock is held.
func (a *auditor) add(e *auditEvent) {
	switch {
	case a.s.o.AuditRetention == 0:
		e.dropped = true
	case len(a.waiting) >= auditMost:
		e.dropped = true
		a.lost++
	default:
		a.waiting = append(a.waiting, e)
	}
}

// run writes regularly until the context ends.
func (a *auditor) run(ctx context.Context) {
	tick := time.NewTicker(auditEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.sum(ctx, time.Now(), false)
			a.flush(ctx)
		}
	}
}

// flush writes what waits. What could not be written waits for the next time, as far as there is room.
func (a *auditor) flush(ctx context.Context) {
	a.mu.Lock()
	events, lost := a.waiting, a.lost
	a.waiting, a.lost = nil, 0
	for _, e := range events {
		e.written = e.count
	}
	a.mu.Unlock()
	if lost > 0 {
		a.s.o.Log.WarnContext(ctx, "audit events are missing from the table; the log has them", "events", lost)
	}
	ctx, cancel := context.WithTimeout(ctx, database.Timeout)
	defer cancel()
	if err := a.write(ctx, events); err != nil {
		a.s.o.Log.DebugContext(ctx, "audit events were not written and wait", "events", len(events), "err", err)
		a.putBack(events)
		return
	}
	if err := a.grow(ctx); err != nil {
		a.s.o.Log.DebugContext(ctx, "audit events were not written and wait", "err", err)
	}
}

func (a *auditor) putBack(events []*auditEvent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	room := min(len(events), max(0, auditMost-len(a.waiting)))
	for _, e := range events[room:] {
		e.dropped = true
	}
	a.lost += len(events) - room
	a.waiting = append(events[:room], a.waiting...)
}

// write puts all rows in with one statement, each as old as it is by now, and keeps their ids: these come in the order
// of the rows.
func (a *auditor) write(ctx context.Context, events []*auditEvent) error {
	n := len(events)
	if n == 0 {
		return nil
	}
	ages, counts := make([]time.Duration, n), make([]int64, n)
	var columns [7][]string
	for c := range columns {
		columns[c] = make([]string, n)
	}
	for i, e := range events {
		ages[i], counts[i] = time.Since(e.at), e.written
		for c, value := range []string{e.event, e.result, e.userID, e.client, e.requestID, e.actor, e.detail} {
			columns[c][i] = database.Storable(value)
		}
	}
	rows, _ := a.s.db.Work.Query(ctx, `
		INSERT INTO gatepost.audit_event (at, event, result, user_id, client, request_id, actor, detail, count)
		SELECT now() - age, event, result, nullif(user_id, ''), nullif(client, ''), nullif(request_id, ''), nullif(actor, ''), nullif(detail, ''), count
		FROM unnest($1::interval[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[]) WITH ORDINALITY
		    AS e (age, event, result, user_id, client, request_id, actor, detail, count, nr)
		ORDER BY nr RETURNING id`,
		ages, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6], counts) // its error comes with the rows
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Sort(ids)
	for i, e := range events {
		if e.dropped = len(ids) != n; !e.dropped { // a trigger of the operator's may have kept rows out
			e.id = ids[i]
		}
	}
	return nil
}

// ExportedEvent is one decision about the user of an Export. Its fields are in the order of the query.
type ExportedEvent struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Result string    `json:"result"`
	Client string    `json:"client"`
	// Count is how often it happened within a minute; the rest is of the first time.
	Count int64 `json:"count"`
}
