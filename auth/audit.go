package auth

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
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
}

// auditor writes events into the table audit_event, some at once and off the request's path.
type auditor struct {
	s       *Store
	mu      sync.Mutex
	waiting []auditEvent
	lost    int
}

// audit writes the one line about a decision on a person, and the row. What strangers typed stays out of both: an address field
// holds a password now and then.
func (s *Store) audit(ctx context.Context, event, userID string, c Client, err error) {
	e := auditEvent{at: time.Now(), event: event, result: result(err), userID: userID, requestID: c.RequestID}
	attrs := []slog.Attr{slog.String("event", e.event), slog.String("result", e.result)}
	if userID != "" {
		attrs = append(attrs, slog.String("user", userID))
	}
	if c.Addr.IsValid() {
		e.client = c.Addr.String()
		attrs = append(attrs, slog.String("client", e.client))
	}
	if c.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", c.RequestID))
	}
	s.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
	s.auditor.add(e)
}

func (a *auditor) add(e auditEvent) {
	if a.s.o.AuditRetention == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) >= auditMost {
		a.lost++
		return
	}
	a.waiting = append(a.waiting, e)
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
			a.flush(ctx)
		}
	}
}

// flush writes what waits. What could not be written waits for the next time, as far as there is room.
func (a *auditor) flush(ctx context.Context) {
	a.mu.Lock()
	events, lost := a.waiting, a.lost
	a.waiting, a.lost = nil, 0
	a.mu.Unlock()
	if lost > 0 {
		a.s.o.Log.WarnContext(ctx, "audit events are missing from the table; the log has them", "events", lost)
	}
	if len(events) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if err := a.write(ctx, events); err != nil {
		a.s.o.Log.DebugContext(ctx, "audit events were not written and wait", "events", len(events), "err", err)
		a.mu.Lock()
		defer a.mu.Unlock()
		room := max(0, auditMost-len(a.waiting))
		a.lost += max(0, len(events)-room)
		a.waiting = append(events[:min(len(events), room)], a.waiting...)
	}
}

// write puts all rows in with one statement, each as old as it is by now.
func (a *auditor) write(ctx context.Context, events []auditEvent) error {
	n := len(events)
	ages := make([]time.Duration, n)
	columns := [5][]string{make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)}
	for i, e := range events {
		ages[i] = time.Since(e.at)
		for c, value := range []string{e.event, e.result, e.userID, e.client, e.requestID} {
			columns[c][i] = storable(value)
		}
	}
	_, err := a.s.work.Exec(ctx, `
		INSERT INTO gatepost.audit_event (at, event, result, user_id, client, request_id)
		SELECT now() - age, event, result, nullif(user_id, ''), nullif(client, ''), nullif(request_id, '')
		FROM unnest($1::interval[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS e (age, event, result, user_id, client, request_id)`,
		ages, columns[0], columns[1], columns[2], columns[3], columns[4])
	return err
}

// ExportedEvent is one decision about the user of an Export. Its fields are in the order of the query.
type ExportedEvent struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Result string    `json:"result"`
	Client string    `json:"client"`
}

func exportEvents(ctx context.Context, tx pgx.Tx, userID string) ([]ExportedEvent, error) {
	rows, _ := tx.Query(ctx, `
		SELECT at AT TIME ZONE 'UTC', event, result, coalesce(client, '')
		FROM gatepost.audit_event WHERE user_id = $1 ORDER BY at, id`, userID)
	return pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedEvent])
}
