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
	"github.com/gatepost/gatepost/internal/captcha"
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

// results are the words for outcomes. The first error that an outcome is decides.
var results = []struct {
	err  error
	word string
}{
	{errHalf, "challenge"}, {database.ErrUnavailable, "unavailable"}, {provider.ErrUnavailable, "provider_unavailable"},
	{ErrNoFlow, "no_flow"}, {ErrLoggedOut, "logged_out"}, {ErrNoProvider, "no_provider"},
	{ErrLinkedElsewhere, "linked_elsewhere"},
	{ErrNoAddress, "no_address"}, {ErrLastWayIn, "last_way_in"}, {ErrPasswordsOff, "passwords_off"},
	{ErrReplayed, "replayed"}, {ErrUnverified, "unverified"}, {errLocked, "locked"},
	{ErrBadCredentials, "bad_credentials"}, {session.ErrNoSession, "no_session"},
	{session.ErrNoChallenge, "no_challenge"}, {session.ErrStale, "stale"}, {ErrBadLink, "bad_link"},
	{ErrOtherUser, "other_user"}, {ErrNoUser, "no_user"}, {ErrHasUsername, "has_username"},
	{ErrUsernamesGiven, "usernames_given"}, {errSuppressed, "suppressed"}, {share.ErrBusy, "busy"},
	{share.ErrCrowded, "crowded"}, {captcha.ErrMissing, "no_solution"}, {captcha.ErrWrong, "bad_solution"},
	{captcha.ErrUnavailable, "unchecked_solution"}, {errTrapped, "trapped"}, {ErrSignUpClosed, "closed"},
	{ErrFactorsOff, "factors_off"}, {ErrNoFactor, "no_factor"}, {ErrNoEnrolment, "no_enrolment"},
	{ErrStaleFactor, "stale_factor"}, {ErrWrongCode, "bad_code"}, {ErrUsedCode, "used_code"},
	{ErrFactorLocked, "factor_locked"}, {ErrFactorUnreadable, "factor_unreadable"},
	{ErrPasskeysOff, "passkeys_off"}, {ErrNoPasskey, "no_passkey"}, {ErrNoCeremony, "no_ceremony"},
	{ErrBadPasskey, "bad_passkey"}, {ErrUnsurePasskey, "unsure_passkey"}, {ErrClonedPasskey, "cloned_passkey"},
	{ErrManyPasskeys, "many_passkeys"}, {ErrPasskeyTaken, "passkey_taken"},
	{ErrManyTokens, "many_tokens"}, {ErrNoToken, "no_token"}, {ErrService, "service"}, {errWrongToken, "bad_token"},
	{context.Canceled, "canceled"},
}

// result returns the one word for an outcome, for the audit log and the metrics.
func result(err error) string {
	var fault *provider.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, new(*database.RefusedError)):
		return "refused"
	case errors.As(err, &fault):
		return fault.Kind.Word()
	case errors.As(err, new(*ClaimError)):
		return "to_claim"
	case errors.As(err, new(*throttle.Error)):
		return "throttled"
	case errors.As(err, new(InputError)):
		return "bad_input"
	}
	for _, r := range results {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return "error"
}
