package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// record writes an audit event, in the transaction of the change.
func (s *Store) record(ctx context.Context, tx pgx.Tx, event, userID string, c secret.Client,
	details ...audit.Detail) error {
	return s.trail.Write(ctx, tx, audit.Event{Name: event, UserID: userID, Client: c, Details: details})
}

// recordIn is record for events that give a session. A challenge has no session id.
func (s *Store) recordIn(ctx context.Context, tx pgx.Tx, event, userID string, i Issued, c secret.Client) error {
	return s.trail.Write(ctx, tx, audit.Event{Name: event, Result: result(i.half()), UserID: userID,
		SessionID: i.SessionID, Client: c})
}

// audit logs the outcome after the transaction: a change that record has written down, or a refusal, under its
// result.
func (s *Store) audit(ctx context.Context, event, userID string, c secret.Client, err error, details ...audit.Detail) {
	v := audit.Event{Name: event, Result: result(err), UserID: userID, Client: c, Details: details}
	if err == nil || errors.Is(err, errHalf) {
		s.trail.Wrote(ctx, v)
		return
	}
	s.trail.Note(ctx, v)
}

// ask logs an event that changes nothing and has no transaction.
func (s *Store) ask(ctx context.Context, event, userID string, c secret.Client, err error) {
	s.trail.Note(ctx, audit.Event{Name: event, Result: result(err), UserID: userID, Client: c})
}

// result returns the one word for an outcome, for the audit log and the metrics.
func result(err error) string {
	var throttled *throttle.Error
	var input InputError
	var refused *database.RefusedError
	var fault *provider.Error
	var claim *ClaimError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errHalf):
		return "challenge"
	case errors.Is(err, database.ErrUnavailable):
		return "unavailable"
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &fault):
		return fault.Kind.Word()
	case errors.As(err, &claim):
		return "to_claim"
	case errors.Is(err, provider.ErrUnavailable):
		return "provider_unavailable"
	case errors.Is(err, ErrNoFlow):
		return "no_flow"
	case errors.Is(err, ErrNoProvider):
		return "no_provider"
	case errors.Is(err, ErrLinkedElsewhere):
		return "linked_elsewhere"
	case errors.Is(err, ErrNoAddress):
		return "no_address"
	case errors.Is(err, ErrLastWayIn):
		return "last_way_in"
	case errors.Is(err, ErrPasswordsOff):
		return "passwords_off"
	case errors.Is(err, ErrReplayed):
		return "replayed"
	case errors.Is(err, ErrUnverified):
		return "unverified"
	case errors.Is(err, errLocked):
		return "locked"
	case errors.Is(err, ErrBadCredentials):
		return "bad_credentials"
	case errors.Is(err, session.ErrNoSession):
		return "no_session"
	case errors.Is(err, session.ErrNoChallenge):
		return "no_challenge"
	case errors.Is(err, session.ErrStale):
		return "stale"
	case errors.Is(err, ErrBadLink):
		return "bad_link"
	case errors.Is(err, ErrOtherUser):
		return "other_user"
	case errors.Is(err, ErrNoUser):
		return "no_user"
	case errors.Is(err, errSuppressed):
		return "suppressed"
	case errors.As(err, &throttled):
		return "throttled"
	case errors.Is(err, share.ErrBusy):
		return "busy"
	case errors.Is(err, share.ErrCrowded):
		return "crowded"
	case errors.Is(err, ErrSignUpClosed):
		return "closed"
	case errors.As(err, &input):
		return "bad_input"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}
