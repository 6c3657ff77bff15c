package auth

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
)

// endBans lets users in again whose ban is over, and returns how many. Some at a time: each is locked, and told about.
func (s *Store) endBans(ctx context.Context) (total int64, err error) {
	for {
		var users []string
		err := s.db.Background(ctx, "end bans", func(ctx context.Context, tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `
				WITH over AS MATERIALIZED (
				    SELECT id FROM gatepost."user" WHERE disabled_until < now() ORDER BY id LIMIT 100
				    FOR NO KEY UPDATE SKIP LOCKED)
				UPDATE gatepost."user" u SET disabled_at = NULL, disabled_until = NULL, updated_at = now()
				FROM over WHERE u.id = over.id RETURNING u.id`)
			if err == nil {
				users, err = pgx.CollectRows(rows, pgx.RowTo[string])
			}
			for _, id := range users {
				if err == nil {
					err = s.trail.Write(ctx, tx, banOver(id))
				}
			}
			return err
		})
		if err != nil {
			return total, err
		}
		for _, id := range users {
			s.trail.Wrote(ctx, banOver(id))
		}
		if total += int64(len(users)); len(users) < 100 {
			return total, nil
		}
	}
}

func banOver(userID string) audit.Event {
	return audit.Event{Name: "enable", UserID: userID, Details: audit.Details{{Name: "ban", Value: "over"}}}
}
