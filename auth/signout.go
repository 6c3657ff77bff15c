package auth

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
)

// SignOut ends a session, and forgets who signed up in the browser. A token without a session is no error: the
// visitor is signed out either way.
func (s *Store) SignOut(ctx context.Context, t secret.Token, c secret.Client) error {
	userID, err := s.sessions.End(ctx, t, func(ctx context.Context, tx pgx.Tx, userID, own string) error {
		return s.trail.Write(ctx, tx, audit.Event{Name: "sign-out", UserID: userID, SessionID: own, Client: c})
	})
	if err == nil && userID != "" {
		s.audit(ctx, "sign-out", userID, c, nil)
	}
	return cmp.Or(err, s.leaveBrowser(ctx, c.Browser)) // even if the session could not be ended
}

// leaveBrowser forgets who signed up in a browser.
func (s *Store) leaveBrowser(ctx context.Context, browser secret.Token) error {
	if browser == "" {
		return nil
	}
	return s.db.Transact(ctx, "leave the browser", func(ctx context.Context, tx pgx.Tx) error {
		return throttle.ForgetSignUp(ctx, tx, browser)
	})
}
