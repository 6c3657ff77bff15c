package auth

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/secret"
)

// Past is something that happened to an account.
type Past = audit.Past

// Activity returns what happened last to the account of a session, the newest first and at most so many. There is
// nothing where Options.AuditRetention is 0. It fails with session.ErrNoSession or database.ErrUnavailable.
func (s *Store) Activity(ctx context.Context, t secret.Token, most int) (list []Past, err error) {
	err = s.db.Transact(ctx, "list activity", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Seen(ctx, tx, t)
		if err != nil {
			return err
		}
		list, err = s.trail.Of(ctx, tx, o.UserID, most)
		return err
	})
	return list, err
}
