// Package audit records decisions about people: one line in the log, and a row in the table audit_event if the
// operator keeps them. Repeated refusals are logged at first and then counted.
//
// The package decides nothing. Its callers choose every word that it writes, and never pass on what a visitor typed.
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
	// writeEvery is the interval at which refusals and questions get their rows, many in one statement. A crash loses
	// the rows of at most one interval; the log has had those events. The row of a change is written in the
	// transaction of the change.
	writeEvery = time.Second
	// waitingMost is how many events may wait for their rows while PostgreSQL is slow or does not answer. Further
	// events are only logged.
	waitingMost = 10_000
)

// record is one decision about a person.
type record struct {
	at                        time.Time // by this machine's clock; the row gets PostgreSQL's time less the age
	event, result             string
	userID, client, requestID string // empty: unknown
	actor                     string // empty: a visitor
	session, target           string // Event.SessionID and Event.Target
	details                   Details
	count                     int64 // how often the event happened; more than 1 when repetitions were counted with it
	id, written               int64 // the id of the row and the count in it; zero: there is no row yet
	dropped                   bool  // flush does not write a row for it
}

// Options tunes a Trail. The zero value of each field means the default.
type Options struct {
	// Retention is how long rows stay in the table audit_event. Default 0: no rows are written.
	Retention time.Duration
	// Actor is the operator who runs a command, as in "ada@host". Empty, as in a gate: events are of visitors, who
	// are known by their network address.
	Actor string
	// Log gets a line for each event, and faults. Default: slog.Default().
	Log *slog.Logger
}

// Trail writes events into the log and into the table audit_event. Write inserts the row of a change in the
// transaction of the change. Note leaves the row of a refusal or a question to Run, so that no request waits for it. A
// Trail is safe for concurrent use.
type Trail struct {
	db      *database.DB
	o       Options
	mu      sync.Mutex
	waiting []*record // events whose rows are not written yet, oldest first
	lost    int       // events that get no row because too many waited, since the last flush
	// tallies count the events since the time since, by kind. refusals is how many of them are of refusals, without
	// others; causes is how many are of each kind, by the kind without its cause.
	tallies  map[tallyKey]*tally
	causes   map[tallyKey]int
	since    time.Time
	refusals int
	// grown are events of earlier tallies. Their rows still have too low a count.
	grown []*record
}

// New returns a Trail. Run, which the caller runs, and Close write what Note has noted.
func New(db *database.DB, o Options) *Trail {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Trail{db: db, o: o, tallies: map[tallyKey]*tally{}, causes: map[tallyKey]int{}}
}

// Write inserts the row of a change in the transaction of the change, so that neither exists without the other. After
// the transaction the caller calls Wrote.
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

// Note logs an event that changes nothing: a refusal, or a question. Its row follows within writeEvery. Repetitions
// within a minute are counted instead (note).
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

// Sweep deletes rows that are older than Options.Retention, and returns how many it deleted.
func (t *Trail) Sweep(ctx context.Context) (int64, error) {
	if t.o.Retention == 0 {
		return 0, nil // rows from when the table was in use stay for the operator to read
	}
	return t.db.Sweep(ctx, fmt.Sprintf(`audit_event WHERE at < now() - interval '%d seconds' ORDER BY at`,
		int(t.o.Retention.Seconds())))
}

// Close writes the rows and counts that are not written yet. They are lost if PostgreSQL does not answer.
func (t *Trail) Close() {
	t.sum(context.Background(), time.Now(), true)
	t.flush(context.Background())
}

// attrs returns the attributes of an event's line in the log.
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

// add queues an event for its row, unless it gets none. The caller holds the lock.
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

// Run writes rows and counts every writeEvery, until the context ends.
func (t *Trail) Run(ctx context.Context) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.sum(ctx, time.Now(), false)
			t.flush(ctx)
		}
	}
}

// flush writes the rows of the events that wait, and the counts that have grown. When PostgreSQL does not answer, the
// events wait for the next flush, as many as waitingMost allows. It goes on when ctx ends: of rows whose writing was
// broken off nobody knows whether they are there, and they would be written twice.
func (t *Trail) flush(ctx context.Context) {
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), database.Timeout)
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

// write inserts the rows of events with one statement, and notes the ids of the rows. The time of a row is PostgreSQL's
// less the age of the event. Ids grow in the order of the events.
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
		if e.dropped = len(ids) != n; !e.dropped { // a trigger of the operator's may have skipped rows
			e.id = ids[i]
		}
	}
	return nil
}
