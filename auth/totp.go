package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// EnrolFor is how long a key is shown that no code has confirmed.
const EnrolFor = 10 * time.Minute

// Enrolment is the key that a user adds to their authenticator app. It is a secret, for their page alone.
type Enrolment struct {
	Key     factor.Key
	Account string    // the name that the app shows: the user's address
	Until   time.Time // by PostgreSQL's clock
}

// BeginApp makes a new key for the authenticator app of the user of a session. It replaces an earlier one that was not
// confirmed, and changes nothing about the factors: ConfirmApp does. The session has to be fresh; where the user has
// an app already, its factor as well. Where mail is sent, the address has to be confirmed: else whoever signs up with
// another's address could keep the owner out. It fails with ErrFactorsOff, session.ErrNoSession, session.ErrStale,
// ErrStaleFactor, ErrUnverified or database.ErrUnavailable.
func (s *Store) BeginApp(ctx context.Context, t secret.Token) (e Enrolment, err error) {
	if !s.offersFactors() {
		return Enrolment{}, ErrFactorsOff
	}
	err = s.db.Transact(ctx, "begin an enrolment", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		if err == nil {
			err = s.mayEnrol(ctx, tx, o)
		}
		if err != nil {
			return err
		}
		e = Enrolment{Key: factor.NewKey(), Account: o.Email}
		sealed, err := s.seal(ctx, tx, seal.TOTPPending, o.UserID, e.Key)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			INSERT INTO gatepost.totp_pending (user_id, session_id, secret, expires_at)
			VALUES ($1, $2, $3, now() + $4::interval)
			ON CONFLICT (user_id) DO UPDATE SET session_id = excluded.session_id, secret = excluded.secret,
			    expires_at = excluded.expires_at
			RETURNING expires_at`, o.UserID, o.ID, sealed, EnrolFor).Scan(&e.Until)
	})
	if err != nil {
		return Enrolment{}, err
	}
	return e, nil
}

// offersFactors reports whether authenticator apps can be added.
func (s *Store) offersFactors() bool { return !s.o.FactorsOff && !s.o.Keys.None() }

func (s *Store) mayEnrol(ctx context.Context, tx pgx.Tx, o session.Own) error {
	if err := mayChangeWaysIn(ctx, tx, o); err != nil {
		return err
	}
	if s.outbox.Sends() && !o.Confirmed {
		return ErrUnverified
	}
	return nil
}

// PendingApp returns what BeginApp made in this session, for a page that is shown again. It is a secret: the token
// before the last proof, which may be somebody else's by now, gets none. It fails with session.ErrNoSession,
// ErrNoEnrolment or database.ErrUnavailable.
func (s *Store) PendingApp(ctx context.Context, t secret.Token) (e Enrolment, err error) {
	err = s.db.Transact(ctx, "find an enrolment", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Seen(ctx, tx, t)
		if err == nil && o.Before {
			err = ErrNoEnrolment
		}
		if err == nil {
			e, err = s.pendingApp(ctx, tx, o)
		}
		return err
	})
	return e, err
}

// pendingApp finds the key that was begun in a session. A session that was begun elsewhere has no part in it, so that
// nobody confirms a key that somebody else has seen.
func (s *Store) pendingApp(ctx context.Context, tx pgx.Tx, o session.Own) (Enrolment, error) {
	e := Enrolment{Account: o.Email}
	var sealed []byte
	err := tx.QueryRow(ctx, `
		SELECT secret, `+database.Readable("expires_at")+` FROM gatepost.totp_pending
		WHERE user_id = $1 AND session_id = $2 AND expires_at > now()`, o.UserID, o.ID).Scan(&sealed, &e.Until)
	if errors.Is(err, pgx.ErrNoRows) {
		return Enrolment{}, ErrNoEnrolment
	}
	if err != nil {
		return Enrolment{}, err
	}
	b, err := s.o.Keys.Open(seal.TOTPPending, o.UserID, sealed)
	if err == nil {
		e.Key, err = factor.KeyOf(b)
	}
	if err != nil { // the keys were changed meanwhile: a new one is made within a moment
		return Enrolment{}, ErrNoEnrolment
	}
	return e, nil
}

// ConfirmApp makes the key that BeginApp made in this session the user's second factor, in place of an earlier one,
// given a code of it. Every other session ends, and the session presented is replaced by one in which the factor is
// proved. The user gets recovery codes unless they have some; they are shown once. The user is mailed. It fails with
// session.ErrNoSession, ErrFactorsOff, ErrNoEnrolment, ErrStaleFactor, InputError (field "code"), ErrWrongCode,
// *throttle.Error, share.ErrBusy, share.ErrCrowded or database.ErrUnavailable. Wrong codes are not counted: who types
// them has seen the key.
func (s *Store) ConfirmApp(ctx context.Context, t secret.Token, typed string, c secret.Client) (issued Issued,
	codes []factor.RecoveryCode, err error) {
	code, err := readAppCode(typed)
	if err == nil && !s.offersFactors() {
		err = ErrFactorsOff
	}
	if err != nil {
		return Issued{}, nil, err
	}
	set, err := s.setForFirst(ctx, t, code)
	if err != nil {
		return Issued{}, nil, err
	}
	issued, err = s.changeFactors(ctx, factorDeed{event: "enable-totp", token: t, client: c, kind: mail.FactorOn,
		adds: true, allowed: atOwnLevel,
		do: func(ctx context.Context, tx pgx.Tx, o session.Own) (session.Proof, error) {
			at, err := s.confirmApp(ctx, tx, o, code)
			if err == nil && set.hashes != nil {
				err = set.store(ctx, tx, o.UserID)
			}
			return o.Proof.And(session.OTP, at), err
		}})
	if err != nil {
		return Issued{}, nil, err
	}
	return issued, set.codes, nil
}

// readAppCode reads a code that has to be one of an app.
func readAppCode(typed string) (string, error) {
	code := factor.Read(typed)
	switch {
	case typed == "":
		return "", InputError{{"code", Missing, 0}}
	case code.App == "":
		return "", InputError{{"code", Malformed, 0}}
	}
	return code.App, nil
}

// setForFirst makes the recovery codes of a user who has none, if the code is right. The transaction that uses them
// checks the code again.
func (s *Store) setForFirst(ctx context.Context, t secret.Token, code string) (set recoverySet, err error) {
	var left int
	var userID, email string
	err = s.db.Transact(ctx, "check a first code", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		if err != nil {
			return err
		}
		if userID, email = o.UserID, o.Email; email == "" {
			return session.ErrNoSession
		}
		if _, _, err := s.matchPending(ctx, tx, o, code); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM gatepost.recovery_code WHERE user_id = $1`, o.UserID).Scan(&left)
	})
	if err != nil || left > 0 {
		return recoverySet{}, err
	}
	return s.newSetOf(ctx, userID, email)
}

// matchPending returns the key that waits for its first code, and the step of that code.
func (s *Store) matchPending(ctx context.Context, tx pgx.Tx, o session.Own, code string) (k factor.Key, step int64,
	err error) {
	e, err := s.pendingApp(ctx, tx, o)
	if err != nil {
		return nil, 0, err
	}
	now, err := clock(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	step, ok := e.Key.Match(code, factor.Step(now))
	if !ok {
		return nil, 0, ErrWrongCode
	}
	return e.Key, step, nil
}

// clock is the time of PostgreSQL, also where a transaction has waited for a lock.
func clock(ctx context.Context, tx pgx.Tx) (now time.Time, err error) {
	err = tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, err
}

// confirmApp stores the key of an enrolment for a locked user, and returns when it was proved. Its first code is used.
func (s *Store) confirmApp(ctx context.Context, tx pgx.Tx, o session.Own, code string) (at time.Time, err error) {
	key, step, err := s.matchPending(ctx, tx, o, code)
	if err != nil {
		return at, err
	}
	sealed, err := s.seal(ctx, tx, seal.TOTPSecret, o.UserID, key)
	if err != nil {
		return at, err
	}
	err = tx.QueryRow(ctx, `
		WITH done AS (DELETE FROM gatepost.totp_pending WHERE user_id = $1)
		INSERT INTO gatepost.totp (user_id, secret, last_step) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = excluded.last_step, failures = 0,
		    created_at = now(), used_at = now()
		RETURNING used_at`, o.UserID, sealed, step).Scan(&at)
	if err != nil {
		return at, fmt.Errorf("store the key of an app: %w", err)
	}
	return at, nil
}

// RemoveApp removes the authenticator app of the user of a session, and with the last factor the recovery codes. The
// second factor has to be proved in this session no longer than session.FreshFor ago. Every other session ends, and the
// user is mailed. It fails with session.ErrNoSession, ErrNoFactor, ErrStaleFactor or database.ErrUnavailable.
func (s *Store) RemoveApp(ctx context.Context, t secret.Token, c secret.Client) (Issued, error) {
	return s.changeFactors(ctx, factorDeed{event: "disable-totp", token: t, client: c, kind: mail.FactorOff,
		allowed: freshFactor,
		do: func(ctx context.Context, tx pgx.Tx, o session.Own) (session.Proof, error) {
			tag, err := tx.Exec(ctx, `DELETE FROM gatepost.totp WHERE user_id = $1`, o.UserID)
			if err == nil && tag.RowsAffected() == 0 {
				err = ErrNoFactor
			}
			if err != nil {
				return session.Proof{}, err
			}
			return afterRemoval(ctx, tx, o)
		}})
}
