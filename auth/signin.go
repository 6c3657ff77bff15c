package auth

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5"
)

// Credentials are one attempt to sign in.
type Credentials struct {
	Email     string // as typed
	Password  Password
	Remember  bool   // keep the session when the browser closes
	Presented Token  // the session this browser had, which ends; empty: none
	Client    Client // where it came from
}

// stored is what the database knows of an account with a password.
type stored struct {
	userID   string
	hash     string
	disabled bool
}

// SignIn checks a password and makes a new session. It fails with InputError, ErrBadCredentials, *ThrottledError,
// ErrBusy or ErrUnavailable; an unknown address, a wrong password and a disabled user take the same work and get the
// same answer.
func (s *Store) SignIn(ctx context.Context, c Credentials) (Token, error) {
	t, userID, err := s.signIn(ctx, c)
	s.metrics.signIns.WithLabelValues(result(err)).Inc()
	s.audit(ctx, "sign-in", userID, c.Client, err)
	return t, err
}

func (s *Store) signIn(ctx context.Context, c Credentials) (Token, string, error) {
	email, err := checkSignIn(c)
	if err != nil {
		return "", "", err
	}
	account, network := accountKey(email), networkKey("sign-in", c.Client.Addr)
	if err := s.throttled(ctx, account, network); err != nil {
		return "", "", err
	}
	var a stored
	var renewed string
	err = s.hashes.turn(ctx, func() (err error) {
		// Asked again: those who waited in the queue before this attempt may have used up what was free.
		if err := s.throttled(ctx, account, network); err != nil {
			return err
		}
		if a, err = s.findStored(ctx, email); err != nil {
			return err
		}
		if !verify(c.Password, a.hash) || a.userID == "" || a.disabled {
			return errors.Join(ErrBadCredentials, s.countFailure(ctx, account, network))
		}
		if outdated(a.hash) {
			renewed = hash(c.Password)
		}
		return nil
	})
	if err != nil {
		return "", a.userID, err
	}
	t, err := s.startSession(ctx, a, renewed, account, c)
	return t, a.userID, err
}

func checkSignIn(c Credentials) (string, error) {
	email, err := CanonicalEmail(c.Email)
	var faults InputError
	errors.As(err, &faults)
	switch {
	case c.Password == "":
		faults.add("password", Missing, 0)
	case len(c.Password) > maxPasswordBytes:
		faults.add("password", TooLong, maxPasswordLength)
	case !c.Password.hashable():
		faults.add("password", Malformed, 0)
	}
	return email, faults.orNil()
}

// findStored returns a dummy hash when there is no such account.
func (s *Store) findStored(ctx context.Context, email string) (stored, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var a stored
	err := s.again(ctx, func() error {
		return s.db.QueryRow(ctx, `
			SELECT u.id, a.password, u.disabled_at IS NOT NULL
			FROM gatepost."user" u JOIN gatepost.account a ON a.user_id = u.id
			WHERE u.email = $1 AND a.provider_id = 'credential' AND a.password IS NOT NULL`, email).
			Scan(&a.userID, &a.hash, &a.disabled)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return stored{hash: dummyHash}, nil
	}
	if err != nil {
		return stored{}, s.unavailable("find user", err)
	}
	return a, nil
}

// startSession writes the sign-in down, unless the user or the password changed while it was checked.
func (s *Store) startSession(ctx context.Context, a stored, renewed string, account throttleKey, c Credentials) (Token, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var t Token
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := recheck(ctx, tx, a, renewed); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM gatepost.throttle WHERE key = $1`, account); err != nil {
			return err
		}
		var err error
		t, err = s.insertSession(ctx, tx, newSession{a.userID, c.Remember, c.Client, c.Presented})
		return err
	})
	if errors.Is(err, ErrBadCredentials) {
		return "", err
	}
	if err != nil {
		return "", s.unavailable("sign in", err)
	}
	return t, nil
}

func recheck(ctx context.Context, tx pgx.Tx, a stored, renewed string) error {
	tag, err := tx.Exec(ctx, `
		SELECT FROM gatepost."user" u JOIN gatepost.account a ON a.user_id = u.id
		WHERE u.id = $1 AND u.disabled_at IS NULL AND a.provider_id = 'credential' AND a.password = $2
		FOR NO KEY UPDATE OF a FOR SHARE OF u`, a.userID, a.hash)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrBadCredentials
	}
	if renewed == "" {
		return nil
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost.account SET password = $2, updated_at = now()
		WHERE user_id = $1 AND provider_id = 'credential'`, a.userID, renewed)
	return err
}

// audit writes the one line about a decision on a person. What strangers typed stays out of it: an address field
// holds a password now and then.
func (s *Store) audit(ctx context.Context, event, userID string, c Client, err error) {
	attrs := []slog.Attr{slog.String("event", event), slog.String("result", result(err))}
	if userID != "" {
		attrs = append(attrs, slog.String("user", userID))
	}
	if c.Addr.IsValid() {
		attrs = append(attrs, slog.String("client", c.Addr.String()))
	}
	if c.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", c.RequestID))
	}
	s.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}

// result is the one word for an outcome, in the audit log and in the metrics.
func result(err error) string {
	var throttled *ThrottledError
	var input InputError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrUnavailable):
		return "unavailable"
	case errors.Is(err, ErrBadCredentials):
		return "bad_credentials"
	case errors.As(err, &throttled):
		return "throttled"
	case errors.Is(err, ErrBusy):
		return "busy"
	case errors.Is(err, ErrSignUpClosed):
		return "closed"
	case errors.As(err, &input):
		return "bad_input"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}
