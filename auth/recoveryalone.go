package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Where no mail is sent, whoever signed up with a passkey alone and has lost it could not come back: nobody can mail
// them a link for a password. There a recovery code is what the passkey was, typed in place of a password, and counted
// and limited as one is. Whoever has a password, or comes by a provider, is not let in so.

// byRecovery has a candidate be judged by a recovery code, if what was typed may be one and nothing but passkeys opens
// the account.
func (s *Store) byRecovery(ctx context.Context, a candidate, typed secret.Password) (candidate, error) {
	code := factor.Read(string(typed)).Recovery
	if code == "" || a.userID == "" || s.outbox.Sends() || s.site == nil {
		return a, nil
	}
	err := s.db.Repeat(ctx, "find recovery codes", func(ctx context.Context) error {
		return s.db.Pages.QueryRow(ctx, `SELECT r.hash FROM gatepost.recovery_code r WHERE r.user_id = $1 AND `+
			keysAlone+` ORDER BY r.created_at, r.hash LIMIT 1`, a.userID).Scan(&a.hash)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return a, nil
	}
	a.code = code
	return a, err
}

// keysAlone is the condition that nothing but passkeys opens the account of the user $1.
const keysAlone = `EXISTS (SELECT FROM gatepost.passkey WHERE user_id = $1 AND verified)
	    AND NOT EXISTS (SELECT FROM gatepost.account WHERE user_id = $1)`

// right reports whether what was typed is the password, or the recovery code, of a candidate. It hashes once. Of a
// recovery code the candidate has the hash then.
func (s *Store) right(ctx context.Context, a *candidate, typed secret.Password, derive password.Crypt) (yes bool,
	err error) {
	if a.code == "" {
		return password.Verify(typed, a.hash, derive), nil
	}
	a.code = password.Under(a.hash, secret.Password(a.code), derive)
	err = s.db.Repeat(ctx, "find a recovery code", func(ctx context.Context) error {
		return s.db.Pages.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.recovery_code
			WHERE user_id = $1 AND hash = $2 AND $2 <> '')`, a.userID, a.code).Scan(&yes)
	})
	return yes, err
}

// spendCode uses up the recovery code of a locked user, unless they were disabled, or got another way in, meanwhile.
func spendCode(ctx context.Context, tx pgx.Tx, a candidate) error {
	var open bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost."user" WHERE id = $1 AND disabled_at IS NULL) AND `+
		keysAlone, a.userID).Scan(&open)
	if err != nil {
		return err
	}
	if !open {
		return ErrBadCredentials
	}
	_, used, err := useRecovery(ctx, tx, a.userID, a.code)
	if err == nil && !used {
		err = ErrBadCredentials
	}
	return err
}

// proofOf is what a right password, or a right recovery code, proves.
func proofOf(ctx context.Context, tx pgx.Tx, a candidate) (session.Proof, error) {
	if a.code == "" {
		return session.Proved(session.Password), nil
	}
	at, err := clock(ctx, tx)
	return session.Proved(session.Recovery).And(session.Recovery, at), err
}
