package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// dataMost bounds the data of an event, in bytes. Triggers write far less.
const dataMost = 64 << 10

// outgoing is an event that this Outbox has taken to send.
type outgoing struct {
	Event
	slot     int
	attempts int
	lost     int64 // events that were dropped before it
}

// SendNext sends the event that is due next, if any, and reports whether to look for more at once.
func (o *Outbox) SendNext(ctx context.Context) (bool, error) {
	e, ok, err := o.take(ctx)
	if err != nil || !ok {
		return false, err
	}
	if e.lost > 0 {
		o.counted.WithLabelValues("other", "dropped").Add(float64(e.lost))
		o.o.Log.WarnContext(ctx, "webhook events were dropped, as newer ones took their places", "events", e.lost)
	}
	err = o.attempt(ctx, e.Event)
	// The result is written even if the context has ended, so that a sent event is not sent again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), database.Timeout)
	defer cancel()
	return err == nil || errors.Is(err, ErrGone), o.conclude(ctx, e, err)
}

// take reserves an event that is due. What is new goes before what failed.
func (o *Outbox) take(ctx context.Context) (e outgoing, ok bool, err error) {
	var data string
	err = o.db.Work.QueryRow(ctx, `
		WITH next AS MATERIALIZED (
		    SELECT slot, lost FROM gatepost.webhook_event
		    WHERE done_at IS NULL AND due_at <= now() AND expires_at > now()
		    ORDER BY attempts > 0, due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
		UPDATE gatepost.webhook_event e SET attempts = least(greatest(attempts, 0), 1000000) + 1,
		    due_at = now() + $1::interval, lost = 0
		FROM next WHERE e.slot = next.slot
		RETURNING e.slot, left(e.id, 255), left(e.type, 255), CASE WHEN octet_length(e.data::text) <= $2
		    THEN e.data::text ELSE '' END, e.attempts, `+database.Readable("e.made_at")+`,
		    greatest(next.lost, 0)`, lease, dataMost).
		Scan(&e.slot, &e.ID, &e.Type, &data, &e.attempts, &e.At, &e.lost)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, false, nil
	}
	e.Data = json.RawMessage(data)
	return e, err == nil, err
}

// attempt sends an event. It does not stop at once when ctx ends, because the receiver may already have the event.
func (o *Outbox) attempt(ctx context.Context, e Event) error {
	if !json.Valid(e.Data) { // of an event too long to be one of the triggers'
		return ErrGone
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, o.o.Watch.Guard("end an attempt to send", func() { time.AfterFunc(sendGrace, cancel) }))
	defer stop()
	return o.o.Send(sending, e)
}

// conclude writes the result of an attempt. Another event may have taken the slot meanwhile, so the id counts too.
func (o *Outbox) conclude(ctx context.Context, e outgoing, failure error) error {
	if failure == nil {
		if o.failing.Swap(false) {
			o.o.Log.InfoContext(ctx, "webhooks are sent again")
		}
		return o.finish(ctx, e, "sent", "")
	}
	reason := database.Storable(failure.Error())
	switch {
	case errors.Is(failure, ErrGone):
		o.o.Log.LogAttrs(ctx, slog.LevelWarn, "a webhook was refused for good and is not sent", about(e, reason)...)
		return o.finish(ctx, e, "refused", reason)
	case e.attempts >= attemptsMost:
		o.o.Log.LogAttrs(ctx, slog.LevelWarn, "a webhook failed too often and is given up", about(e, reason)...)
		return o.finish(ctx, e, "given_up", reason)
	}
	return o.postpone(ctx, e, failure, reason)
}

// postpone puts an event back until its next attempt.
func (o *Outbox) postpone(ctx context.Context, e outgoing, failure error, reason string) error {
	o.count(e.Type, "failed")
	canceled := errors.Is(failure, context.Canceled) // this gate ends, and another continues
	level := slog.LevelDebug
	if !canceled && !o.failing.Swap(true) {
		level = slog.LevelWarn
	}
	o.o.Log.LogAttrs(ctx, level, "a webhook was not sent and is tried again", about(e, reason)...)
	wait := waitAfter(e.attempts)
	if canceled {
		wait = 0
	}
	_, err := o.db.Work.Exec(ctx, `
		UPDATE gatepost.webhook_event SET due_at = now() + $4::interval, failure = $5
		WHERE slot = $1 AND id = $2 AND attempts = $3 AND done_at IS NULL`, e.slot, e.ID, e.attempts, wait, reason)
	return err
}

// waitAfter is how long an event waits after so many attempts.
func waitAfter(attempts int) time.Duration {
	wait := min(retryFirst<<min(max(attempts-1, 0), 20), retryMost)
	return wait - secret.Chance(wait/4)
}

func about(e outgoing, reason string) []slog.Attr {
	return []slog.Attr{slog.String("id", e.ID), slog.String("type", e.Type), slog.Int("attempts", e.attempts),
		slog.String("err", reason)}
}

func (o *Outbox) finish(ctx context.Context, e outgoing, result, failure string) error {
	o.count(e.Type, result)
	_, err := o.db.Work.Exec(ctx, `
		UPDATE gatepost.webhook_event SET done_at = now(), failure = nullif($3, '') WHERE slot = $1 AND id = $2`,
		e.slot, e.ID, failure)
	return err
}
