package auth

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/session"
)

// freshFactor allows what takes a second factor away: it has to be proved in this session, a short while ago.
func freshFactor(ctx context.Context, tx pgx.Tx, o session.Own) error {
	had, err := hasFactor(ctx, tx, o.UserID)
	switch {
	case err != nil:
		return err
	case !had:
		return ErrNoFactor
	case !o.SecondFresh:
		return ErrStaleFactor
	}
	return nil
}
