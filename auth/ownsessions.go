package auth

import (
	"context"

	"github.com/gatepost/gatepost/auth/secret"
)

// EndSession ends one session of the user whose session the token is, by its id; see session.Maker.EndOne.
func (s *Store) EndSession(ctx context.Context, t secret.Token, id string, c secret.Client) error {
	userID, err := s.sessions.EndOne(ctx, t, id)
	s.audit(ctx, "end-session", userID, c, err)
	return err
}

// EndOtherSessions ends every session of the user but the one the token is, and returns how many those were; see
// session.Maker.EndOthers.
func (s *Store) EndOtherSessions(ctx context.Context, t secret.Token, c secret.Client) (int64, error) {
	userID, ended, err := s.sessions.EndOthers(ctx, t)
	s.audit(ctx, "end-other-sessions", userID, c, err)
	return ended, err
}
