package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
)

// candidate is the account that an attempt is for.
type candidate struct {
	userID   string // empty: no user has this address
	hash     string // a dummy when there is no password
	disabled bool
	verified bool // the address is confirmed
	locked   bool // throttle.AccountLimit is reached: only familiar places get in
	failing  bool // sign-ins fail often here: a solution is needed (Options.Captcha)
	door     throttle.Door
	code     string // a recovery code in place of the password, and once hashed its hash; empty: none. See byRecovery
}

// admit finds the account and the door of an attempt in one round trip. It fails with a *throttle.Error while that
// door has to wait; the candidate is set even then.
func (s *Store) admit(ctx context.Context, email string, c secret.Client, d throttle.Doors) (candidate, error) {
	var a candidate
	var w throttle.Waits
	err := s.db.Again(ctx, func(ctx context.Context) (err error) {
		b := &pgx.Batch{}
		b.Queue(`
			SELECT u.id, coalesce(a.password, $2), u.disabled_at IS NOT NULL,
			    u.email_verified, coalesce(a.failed_attempts, 0) >= $3,
			       CASE WHEN EXISTS (SELECT FROM gatepost.familiar f WHERE f.user_id = u.id AND f.place = $4) THEN 2
			            WHEN EXISTS (SELECT FROM gatepost.familiar f WHERE f.user_id = u.id AND f.place = $5) THEN 1
			            ELSE 0 END
			FROM gatepost."user" u
			LEFT JOIN gatepost.account a ON a.user_id = u.id AND a.provider_id = 'credential'
			WHERE u.email = $1`, email, password.Dummy, throttle.AccountLimit,
			throttle.BrowserPlace(c.Browser), throttle.NetworkPlace(c))
		b.Queue(`SELECT ` + recipesMark)
		throttle.Ask(b, d.Keys())
		results := s.db.Pages.SendBatch(ctx, b)
		defer func() { err = errors.Join(err, results.Close()) }()
		a = candidate{hash: password.Dummy}
		err = results.QueryRow().Scan(&a.userID, &a.hash, &a.disabled, &a.verified, &a.locked, &a.door)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var recipes string
		if err := results.QueryRow().Scan(&recipes); err != nil {
			return err
		}
		s.learn(recipes)
		rows, err := results.Query()
		if err != nil {
			return err
		}
		w, err = throttle.Collect(rows)
		return err
	})
	if err != nil {
		return candidate{}, s.db.Unavailable("find user", err)
	}
	if s.early(a) { // a familiar place from before Verify was required would reveal the account
		a.door = throttle.AnyDoor
	}
	if a.failing, err = s.failing(ctx, c, d, a.door); err != nil {
		return candidate{}, err
	}
	return a, w.Check(d.Through(a.door)...)
}

// enter writes the results of a right password, unless the user or the password changed during the check.
func (s *Store) enter(ctx context.Context, a candidate, renewed string, presented secret.Token, d throttle.Doors,
	finish func(context.Context, pgx.Tx, candidate) error) error {
	return s.db.Transact(ctx, "write what follows from a password", func(ctx context.Context, tx pgx.Tx) error {
		if err := recheck(ctx, tx, a, renewed, presented); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM gatepost.throttle WHERE key = $1`, d.Failures(a.door)); err != nil {
			return err
		}
		return finish(ctx, tx, a)
	})
}

// recheck locks the user and fails unless user and password are unchanged. It stores the new hash if there is one,
// and resets the failed attempts.
func recheck(ctx context.Context, tx pgx.Tx, a candidate, renewed string, presented secret.Token) error {
	if _, err := database.LockUser(ctx, tx, a.userID, presented); err != nil {
		return err
	}
	if a.code != "" {
		return spendCode(ctx, tx, a)
	}
	tag, err := tx.Exec(ctx, `
		SELECT FROM gatepost."user" u JOIN gatepost.account a ON a.user_id = u.id
		WHERE u.id = $1 AND u.disabled_at IS NULL AND a.provider_id = 'credential' AND a.password = $2
		FOR NO KEY UPDATE OF a`, a.userID, a.hash)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrBadCredentials
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost.account SET failed_attempts = 0, password = coalesce(nullif($2, ''), password),
		    updated_at = CASE WHEN $2 = '' THEN updated_at ELSE now() END
		WHERE user_id = $1 AND provider_id = 'credential' AND (failed_attempts > 0 OR $2 <> '')`, a.userID, renewed)
	return err
}
