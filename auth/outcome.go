package auth

import (
	"context"
	"errors"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// audit notes a decision on a person, by the word for what it came to.
func (s *Store) audit(ctx context.Context, event, userID string, c secret.Client, err error) {
	s.auditDetail(ctx, event, userID, c, "", err)
}

// auditDetail is audit with what was done, which is the operator's own words or ours.
func (s *Store) auditDetail(ctx context.Context, event, userID string, c secret.Client, detail string, err error) {
	s.trail.Note(ctx, audit.Event{Name: event, Result: result(err), UserID: userID, Detail: detail, Client: c})
}

// result is the one word for an outcome, in the audit log and in the metrics.
func result(err error) string {
	var throttled *throttle.Error
	var input InputError
	var refused *database.RefusedError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, database.ErrUnavailable):
		return "unavailable"
	case errors.As(err, &refused):
		return "refused"
	case errors.Is(err, ErrUnverified):
		return "unverified"
	case errors.Is(err, errLocked):
		return "locked"
	case errors.Is(err, ErrBadCredentials):
		return "bad_credentials"
	case errors.Is(err, session.ErrNoSession):
		return "no_session"
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
