package auth

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// recoverySet is a set of recovery codes with their hashes, in the same order. The zero value has none.
type recoverySet struct {
	codes  []factor.RecoveryCode
	hashes []string
}

// newRecoverySet makes a set for the account of an address, in one turn to hash.
func (s *Store) newRecoverySet(ctx context.Context, email string) (set recoverySet, err error) {
	ctx = share.ForAccount(ctx, email)
	set.codes = factor.NewRecoveryCodes()
	plain := make([]secret.Password, len(set.codes))
	for i, code := range set.codes {
		plain[i] = secret.Password(code)
	}
	err = s.hashTurn(ctx, func(_ context.Context, derive password.Crypt) error {
		set.hashes = password.HashSet(plain, derive)
		return nil
	})
	return set, err
}

// newSetOf makes a set for a user who is there, unless they have changed their factors too often.
func (s *Store) newSetOf(ctx context.Context, userID, email string) (recoverySet, error) {
	if err := throttle.FactorChanges(userID).Admit(ctx, s.db); err != nil {
		return recoverySet{}, err
	}
	return s.newRecoverySet(ctx, email)
}

// store gives a locked user the set in place of an earlier one.
func (set recoverySet) store(ctx context.Context, tx pgx.Tx, userID string) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.recovery_code WHERE user_id = $1`, userID)
	b.Queue(`INSERT INTO gatepost.recovery_code (user_id, hash) SELECT $1, unnest($2::text[])`, userID, set.hashes)
	return tx.SendBatch(ctx, b).Close()
}

// NewRecoveryCodes gives the user of a session a new set of recovery codes, which are shown once. Those of before are
// void. The second factor has to be proved in this session no longer than session.FreshFor ago. Half sign-ins and the
// trust in browsers end, sessions go on, and the user is mailed. It fails with session.ErrNoSession, ErrNoFactor,
// ErrStaleFactor, *throttle.Error, share.ErrBusy, share.ErrCrowded or database.ErrUnavailable.
func (s *Store) NewRecoveryCodes(ctx context.Context, t secret.Token, c secret.Client) ([]factor.RecoveryCode, error) {
	const event = "new-recovery-codes"
	var set recoverySet
	o, err := s.own(ctx, t)
	if err == nil && !o.SecondFresh { // a refusal hashes nothing
		err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
			return cmp.Or(freshFactor(ctx, tx, o), ErrStaleFactor)
		})
	}
	if err == nil {
		set, err = s.newSetOf(ctx, o.UserID, o.Email)
	}
	if err == nil {
		err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, o.UserID, t); err != nil {
				return err
			}
			now, err := s.Own(ctx, tx, t)
			if err == nil {
				err = freshFactor(ctx, tx, now)
			}
			if err == nil {
				err = throttle.FactorChanges(now.UserID).Take(ctx, tx)
			}
			if err == nil {
				err = set.store(ctx, tx, now.UserID)
			}
			if err == nil {
				err = s.sessions.EndSteps(ctx, tx, now.UserID)
			}
			if err == nil {
				err = s.outbox.Post(ctx, tx, mail.NewLetter(mail.RecoveryNew, now.UserID, now.Email, c))
			}
			if err != nil {
				return err
			}
			return s.record(ctx, tx, event, now.UserID, c)
		})
	}
	s.outbox.Kick()
	s.auditChange(ctx, event, o.UserID, c, err)
	if err != nil {
		return nil, err
	}
	return set.codes, nil
}

// hashRecovery returns the hash that a typed recovery code has among those of a user. It hashes once, also for somebody
// who has none left.
func (s *Store) hashRecovery(ctx context.Context, userID, email string, code string) (hash string, err error) {
	stored := password.Dummy
	err = s.db.Repeat(ctx, "find recovery codes", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, `SELECT hash FROM gatepost.recovery_code WHERE user_id = $1
		    ORDER BY created_at, hash LIMIT 1`, userID).Scan(&stored)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return "", err
	}
	ctx = share.ForAccount(ctx, email)
	if err := s.hashes.Admit(ctx); err != nil {
		return "", err
	}
	err = s.hashTurn(ctx, func(_ context.Context, derive password.Crypt) error {
		hash = password.Under(stored, secret.Password(code), derive)
		return nil
	})
	return hash, err
}

// useRecovery uses up a recovery code of a locked user, and returns how many are left. used is false if there is no
// such code any more.
func useRecovery(ctx context.Context, tx pgx.Tx, userID, hash string) (left int, used bool, err error) {
	tag, err := tx.Exec(ctx, `DELETE FROM gatepost.recovery_code WHERE user_id = $1 AND hash = $2 AND $2 <> ''`,
		userID, hash)
	if err != nil || tag.RowsAffected() == 0 {
		return 0, false, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM gatepost.recovery_code WHERE user_id = $1`, userID).Scan(&left)
	return left, true, err
}
