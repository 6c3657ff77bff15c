package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Arrive gives a browser that has a session of the system before one of the gate's, in its place. It fails with
// session.ErrNoSession if that session does not count, or if more is needed than it proves, or with
// database.ErrUnavailable.
func (s *Store) Arrive(ctx context.Context, i session.Imported, c secret.Client) (issued Issued, err error) {
	if _, err := s.LookupImported(ctx, session.Asking{Client: c.Addr}, i); err != nil { // which gives a ticket its row
		return Issued{}, err
	}
	var userID string
	err = s.db.Transact(ctx, "arrive", func(ctx context.Context, tx pgx.Tx) error {
		issued = Issued{} // of a try before this one
		v, err := s.sessions.Moving(ctx, tx, i)
		if userID = v.UserID; err != nil { // a refusal only reads
			return err
		}
		if _, err := database.LockUser(ctx, tx, userID, ""); err != nil {
			return err
		}
		if v, err = s.sessions.Moving(ctx, tx, i); err != nil {
			return err
		}
		v.New.Client = c
		if issued, err = s.issue(ctx, tx, v.New); err != nil {
			return err
		}
		if issued.Session == "" { // they sign in, and are asked for what is needed
			return errMoreNeeded
		}
		if err := s.sessions.Moved(ctx, tx, v, issued.Made); err != nil {
			return err
		}
		return s.recordIn(ctx, tx, "arrive", userID, issued, c)
	})
	if errors.Is(err, errMoreNeeded) {
		err = session.ErrNoSession
	}
	s.audit(ctx, "arrive", userID, c, err)
	if err != nil {
		return Issued{}, err
	}
	s.sessions.Done("", issued.Made)
	return issued, nil
}

// errMoreNeeded rolls an arrival back that would make a challenge: the browser is being sent on, and nobody answers.
var errMoreNeeded = errors.New("more is needed than the session of the system before proves")
