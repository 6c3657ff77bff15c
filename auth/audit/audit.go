// Package audit records decisions about people: one line in the log, and a row in the table audit_event if the
// operator keeps them. Repeated refusals are logged at first and then counted.
//
// It decides nothing. The caller gives it the words, none of which a stranger typed.
package audit

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

const (
	// writeEvery is how long refusals and questions wait to be written down together. A crash loses those of one such
	// time from the table, not from the log. A deed is written in its own transaction.
	writeEvery = time.Second
	// waitingMost is how many wait at most, while PostgreSQL is slow or away.
	waitingMost = 10_000
)

// record is one decision about a person.
type record struct {
	at                        time.Time // by our clock; the table gets PostgreSQL's, less the age
	event, result             string
	userID, client, requestID string // empty: unknown
	actor                     string // empty: a visitor
	session, target           string // as of Event
	details                   Details
	count                     int64 // how often it happened: more than once when it is a tally's last
	id, written               int64 // its row, and the count there; zero: not yet
	dropped                   bool  // it gets no row
}

// Options tunes a Trail. The zero value of each field means the default.
type Options struct {
	// Retention is how long rows are kept in the table audit_event. Default 0: none are written there.
	Retention time.Duration
	// Actor is who works here, as in "ada@host". Empty, as in a gate: visitors, identified by their network
	// address.
	Actor string
	// Log gets a line for each event, and faults. Default: slog.Default().
	Log *slog.Logger
}

// Trail writes events into the log and into the table audit_event: a change in its own transaction (Write), refusals
// and questions many at a time, off the request's path (Note). It is safe for concurrent use.
type Trail struct {
	db      *database.DB
	o       Options
	mu      sync.Mutex
	waiting []*record
	lost    int
	// tallies are what happened since then, of which so many are refusals, and grown those of before whose count is
	// still to be written.
	tallies  map[tallyKey]*tally
	since    time.Time
	refusals int
	grown    []*record
}

// New makes a Trail. Its rows are written while Run runs, and by Close.
func New(db *database.DB, o Options) *Trail {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Trail{db: db, o: o, tallies: map[tallyKey]*tally{}}
}

// Write inserts the row of a change, in the transaction of the change, so that one never exists without the other.
// After the transaction Wrote logs it.
func (t *Trail) Write(ctx context.Context, tx pgx.Tx, v Event) error {
	if t.o.Retention == 0 {
		return nil
	}
	e := t.record(v)
	text := func(s string) *string {
		if s = database.Storable(s); s == "" {
			return nil
		}
		return &s
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.audit_event (at, event, result, user_id, client,
		    request_id, actor, detail, session_id, target, details)
		VALUES (now(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb)`,
		e.event, e.result, text(e.userID), text(e.client), text(e.requestID), text(e.actor), text(e.details.String()),
		text(e.session), text(e.target), e.details.json())
	return err
}

// Wrote logs an event that Write has written.
func (t *Trail) Wrote(ctx context.Context, v Event) {
	e := t.record(v)
	e.dropped = true // it has its row
	t.tell(ctx, e, v)
}

// Note logs an event that changes nothing: a refusal, or a question. Repetitions are logged at first and then
// counted. The row follows within a second.
func (t *Trail) Note(ctx context.Context, v Event) { t.tell(ctx, t.record(v), v) }

func (t *Trail) tell(ctx context.Context, e *record, v Event) {
	if e, told := t.note(e, e.key(v.Client)); told {
		t.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit", e.attrs()...)
	}
}

func (t *Trail) record(v Event) *record {
	e := &record{at: time.Now(), event: v.Name, result: cmp.Or(v.Result, "ok"), userID: v.UserID,
		requestID: v.Client.RequestID,
		actor:     t.o.Actor, session: v.SessionID, target: v.Target, details: v.Details}
	if v.Client.Addr.IsValid() {
		e.client = v.Client.Addr.String()
	}
	return e
}

// Sweep deletes the rows that are older than they are kept, and returns how many those were.
func (t *Trail) Sweep(ctx context.Context) (int64, error) {
	if t.o.Retention == 0 {
		return 0, nil // whoever writes none may still want to read them
	}
	return t.db.Sweep(ctx, fmt.Sprintf(`audit_event WHERE at < now() - interval '%d seconds' ORDER BY at`,
		int(t.o.Retention.Seconds())))
}

// Close writes down what is left.
func (t *Trail) Close() {
	t.sum(context.Background(), time.Now(), true)
	t.Flush(context.Background())
}

// attrs are what the log says of an event.
func (e *record) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("event", e.event), slog.String("result", e.result)}
	for _, known := range []slog.Attr{slog.String("user", e.userID), slog.String("client", e.client),
		slog.String("request_id", e.requestID),
		slog.String("by", e.actor), slog.String("detail", e.details.String())} {
		if known.Value.String() != "" {
			attrs = append(attrs, known)
		}
	}
	return attrs
}

// add has a row written, if there is to be one. The lock is held.
func (t *Trail) add(e *record) {
	switch {
	case e.dropped:
	case t.o.Retention == 0:
		e.dropped = true
	case len(t.waiting) >= waitingMost:
		e.dropped = true
		t.lost++
	default:
		t.waiting = append(t.waiting, e)
	}
}

// Run writes regularly until the context ends.
func (t *Trail) Run(ctx context.Context) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.sum(ctx, time.Now(), false)
			t.Flush(ctx)
		}
	}
}

// Flush writes what waits. What could not be written waits for the next time, as far as there is room.
func (t *Trail) Flush(ctx context.Context) {
	t.mu.Lock()
	events, lost := t.waiting, t.lost
	t.waiting, t.lost = nil, 0
	for _, e := range events {
		e.written = e.count
	}
	t.mu.Unlock()
	if lost > 0 {
		t.o.Log.WarnContext(ctx, "audit events are missing from the table; the log has them", "events", lost)
	}
	ctx, cancel := context.WithTimeout(ctx, database.Timeout)
	defer cancel()
	if err := t.write(ctx, events); err != nil {
		t.o.Log.DebugContext(ctx, "audit events were not written and wait", "events", len(events), "err", err)
		t.putBack(events)
		return
	}
	if err := t.grow(ctx); err != nil {
		t.o.Log.DebugContext(ctx, "audit events were not written and wait", "err", err)
	}
}

func (t *Trail) putBack(events []*record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	room := min(len(events), max(0, waitingMost-len(t.waiting)))
	for _, e := range events[room:] {
		e.dropped = true
	}
	t.lost += len(events) - room
	t.waiting = append(events[:room], t.waiting...)
}

// write puts all rows in with one statement, each as old as it is by now, and keeps their ids: these come in the order
// of the rows.
func (t *Trail) write(ctx context.Context, events []*record) error {
	n := len(events)
	if n == 0 {
		return nil
	}
	ages, counts := make([]time.Duration, n), make([]int64, n)
	var columns [10][]string
	for c := range columns {
		columns[c] = make([]string, n)
	}
	for i, e := range events {
		ages[i], counts[i] = time.Since(e.at), e.written
		for c, value := range []string{e.event, e.result, e.userID, e.client, e.requestID, e.actor,
			e.details.String(), e.session, e.target, ""} {
			columns[c][i] = database.Storable(value)
		}
		if details := e.details.json(); details != nil {
			columns[9][i] = *details
		}
	}
	rows, _ := t.db.Work.Query(ctx, `
		INSERT INTO gatepost.audit_event
		    (at, event, result, user_id, client, request_id, actor, detail, session_id, target, details, count)
		SELECT now() - age, event, result, nullif(user_id, ''), nullif(client, ''), nullif(request_id, ''),
		    nullif(actor, ''), nullif(detail, ''), nullif(session_id, ''), nullif(target, ''),
		    nullif(details, '')::jsonb, count
		FROM unnest($1::interval[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
		    $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[]) WITH ORDINALITY
		    AS e (age, event, result, user_id, client, request_id, actor, detail, session_id,
		        target, details, count, nr)
		ORDER BY nr RETURNING id`,
		// its error comes with the rows
		ages, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6],
		columns[7], columns[8], columns[9], counts)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(ids)
	for i, e := range events {
		if e.dropped = len(ids) != n; !e.dropped { // a trigger of the operator's may have kept rows out
			e.id = ids[i]
		}
	}
	return nil
}
