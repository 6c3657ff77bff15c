package audit

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// Past is an event that has its row, as its user may see it.
type Past struct {
	At            time.Time
	Event, Result string // as in Event
	Client        string // the network address it came from; empty: unknown
	Count         int64  // how often it happened within its minute
	ByOperator    bool   // a command did it, not a visitor
}

// Of returns the latest events of a user, at most so many, the newest first. It returns none if Options.Retention is 0:
// rows of an earlier setting are the operator's.
func (t *Trail) Of(ctx context.Context, tx pgx.Tx, userID string, most int) ([]Past, error) {
	if t.o.Retention == 0 {
		return nil, nil
	}
	rows, _ := tx.Query(ctx, `
		SELECT `+database.Readable("at")+`, event, result, coalesce(client, ''), count, actor IS NOT NULL
		FROM gatepost.audit_event WHERE user_id = $1 ORDER BY at DESC, id DESC LIMIT $2`, userID, most)
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Past])
}
