package webhook

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// State is the state of the events to be sent.
type State struct {
	Waiting int    // events not sent yet
	Failed  int    // those of Waiting that were tried and failed
	GivenUp int    // events that were given up, and are kept for a while
	Failure string // the latest failure; no secret
}

// State returns the state of the events. It fails with database.ErrUnavailable. The table has a bound, and so has
// counting.
func (o *Outbox) State(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, database.Timeout)
	defer cancel()
	var st State
	err := o.db.Retry(ctx, o.db.Work, func() error {
		return o.db.Work.QueryRow(ctx, `
			SELECT count(*) FILTER (WHERE done_at IS NULL), count(failure) FILTER (WHERE done_at IS NULL),
			       count(failure) FILTER (WHERE done_at IS NOT NULL),
			       coalesce((SELECT left(failure, 500) FROM gatepost.webhook_event
			           WHERE failure IS NOT NULL AND done_at IS NULL ORDER BY due_at DESC LIMIT 1), '')
			FROM gatepost.webhook_event`).Scan(&st.Waiting, &st.Failed, &st.GivenUp, &st.Failure)
	})
	if err != nil {
		return State{}, o.db.Unavailable("read the webhook events", err)
	}
	return st, nil
}

// Kept is an event in the table.
type Kept struct {
	Event
	State    string // "waiting", "sent" or "failed"
	Attempts int
	Failure  string    // of the last attempt; empty: none
	DueAt    time.Time // of an event that waits: when it is tried next
}

// stateOf selects Kept.State.
const stateOf = `CASE WHEN done_at IS NULL THEN 'waiting' WHEN failure IS NULL THEN 'sent' ELSE 'failed' END`

// List returns the latest events, the newest first: of one state, or of all if state is empty.
func (o *Outbox) List(ctx context.Context, state string, most int) (list []Kept, err error) {
	err = o.db.Repeat(ctx, "list webhook events", func(ctx context.Context) error {
		rows, err := o.db.Work.Query(ctx, `
			SELECT left(id, 255), left(type, 255), `+database.Readable("made_at")+`, CASE WHEN octet_length(data::text) <= $3
			    THEN data::text ELSE 'null' END, `+stateOf+`, attempts, coalesce(left(failure, 500), ''),
			    `+database.Readable("due_at")+`
			FROM gatepost.webhook_event WHERE $1 IN ('', `+stateOf+`) ORDER BY made_at DESC, id LIMIT $2`,
			state, most, dataMost)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (k Kept, err error) {
			var data string
			err = row.Scan(&k.ID, &k.Type, &k.At, &data, &k.State, &k.Attempts, &k.Failure, &k.DueAt)
			k.Data = json.RawMessage(data)
			return k, err
		})
		return err
	})
	return list, err
}

// again is what makes an event due as if it was new. Its id stays.
const again = `attempts = 0, failure = NULL, done_at = NULL, due_at = now(), expires_at = now() + interval '4 days'`

// Replay has events sent once more, whether they were sent or failed, and returns the ids of those that there are.
func (o *Outbox) Replay(ctx context.Context, ids []string) (found []string, err error) {
	return o.replay(ctx, `id = ANY ($1)`, ids)
}

// ReplayFailed does the same with those that were given up, and were made since then.
func (o *Outbox) ReplayFailed(ctx context.Context, since time.Time) (found []string, err error) {
	return o.replay(ctx, `done_at IS NOT NULL AND failure IS NOT NULL AND made_at >= $1`, since)
}

func (o *Outbox) replay(ctx context.Context, which string, arg any) (found []string, err error) {
	err = o.db.Repeat(ctx, "replay webhook events", func(ctx context.Context) error {
		// In one order, so that two that replay do not wait for each other.
		rows, err := o.db.Work.Query(ctx, `UPDATE gatepost.webhook_event SET `+again+` WHERE slot IN (
			SELECT slot FROM gatepost.webhook_event WHERE `+which+` ORDER BY slot FOR UPDATE) RETURNING left(id, 255)`, arg)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return found, err
}
