package webhook

import (
	"context"
	"time"
)

// Sweep gives up events that could not be sent for too long, deletes those that were kept for long enough, and returns
// the number of both. A gate that sends none has the triggers stop once no other gate wants any.
func (o *Outbox) Sweep(ctx context.Context) (total int64, err error) {
	given, err := o.giveUp(ctx)
	if err != nil {
		return given, err
	}
	gone, err := o.sweep(ctx, `
		DELETE FROM gatepost.webhook_event WHERE slot = ANY (ARRAY(
		    SELECT slot FROM gatepost.webhook_event
		    WHERE done_at < now() - CASE WHEN failure IS NULL THEN $1::interval ELSE $2::interval END
		        OR NOT done_at <= now() + interval '1 day' FOR UPDATE SKIP LOCKED))`, sentKept, failedKept)
	if err == nil && o.o.Send == nil {
		err = o.stop(ctx)
	}
	return given + gone, err
}

func (o *Outbox) giveUp(ctx context.Context) (int64, error) {
	n, err := o.sweep(ctx, `
		UPDATE gatepost.webhook_event SET done_at = now(), failure = coalesce(failure, 'it was not sent in time')
		WHERE slot = ANY (ARRAY(SELECT slot FROM gatepost.webhook_event WHERE done_at IS NULL
		    AND NOT expires_at BETWEEN now() AND now() + interval '5 days' FOR UPDATE SKIP LOCKED))`)
	if n > 0 && o.o.Send != nil {
		o.counted.WithLabelValues("other", "given_up").Add(float64(n))
		o.o.Log.WarnContext(ctx, "webhooks could not be sent for too long and are given up", "events", n,
			"after", expiresAfter)
	}
	return n, err
}

// expiresAfter is the default of expires_at.
const expiresAfter = 4 * 24 * time.Hour

// stop ends the writing of events when no gate has asked for them for a while, as when the setting was removed. A gate
// that sends asks every minute.
func (o *Outbox) stop(ctx context.Context) error {
	_, err := o.sweep(ctx, `
		DELETE FROM gatepost.webhook_wanted WHERE NOT renewed_at BETWEEN now() - $1::interval AND now() + $1::interval`,
		5*renewEvery)
	return err
}

func (o *Outbox) sweep(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := o.db.Work.Exec(ctx, sql, args...)
	if err != nil {
		return 0, o.db.Unavailable("sweep webhook events", err)
	}
	return tag.RowsAffected(), nil
}
