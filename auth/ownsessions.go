package auth

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/secret"
)

// EndSession ends one session, by its id, of the user whose session token is given; see session.Maker.EndOne.
func (s *Store) EndSession(ctx context.Context, t secret.Token, id string, c secret.Client) error {
	userID, ended, err := s.sessions.EndOne(ctx, t, id, func(ctx context.Context, tx pgx.Tx, userID, own string) error {
		return s.trail.Write(ctx, tx, audit.Event{Name: "end-session", UserID: userID,
			SessionID: own, Target: id, Client: c})
	})
	s.endedOwn(ctx, "end-session", userID, c, ended, err)
	return err
}

// EndOtherSessions ends every session of the user except the one of the token, and returns how many it ended; see
// session.Maker.EndOthers.
func (s *Store) EndOtherSessions(ctx context.Context, t secret.Token, c secret.Client) (int64, error) {
	userID, ended, err := s.sessions.EndOthers(ctx, t, func(ctx context.Context, tx pgx.Tx, userID, own string) error {
		return s.trail.Write(ctx, tx, audit.Event{Name: "end-other-sessions", UserID: userID,
			SessionID: own, Client: c})
	})
	s.endedOwn(ctx, "end-other-sessions", userID, c, ended, err)
	return ended, err
}

// EndAllSessions ends every session of the user of the token, also the session of the token itself; see
// session.Maker.EndEvery.
func (s *Store) EndAllSessions(ctx context.Context, t secret.Token, c secret.Client) error {
	userID, ended, err := s.sessions.EndEvery(ctx, t, func(ctx context.Context, tx pgx.Tx, userID, own string) error {
		return s.trail.Write(ctx, tx, audit.Event{Name: "end-all-sessions", UserID: userID,
			SessionID: own, Client: c})
	})
	s.endedOwn(ctx, "end-all-sessions", userID, c, ended, err)
	return err
}

// endedOwn logs ended sessions. A request that ended none is logged as a question, not as a change.
func (s *Store) endedOwn(ctx context.Context, event, userID string, c secret.Client, ended int64, err error) {
	if err == nil && ended == 0 {
		s.ask(ctx, event, userID, c, nil)
		return
	}
	s.audit(ctx, event, userID, c, err)
}
