package auth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// userColumns are the columns for scanUser.
func (s *Store) userColumns() string {
	return `id, left(name, 255), email, email_verified, coalesce(username, ''), username_chosen, coalesce(image, ''),
	    role, coalesce(` +
		session.ClaimedRoles(origins(roleProviders(s.o.Providers))) + `, ''), ` +
		database.Readable(`disabled_at`) + `, ` + database.Readable(`created_at`) + `, ` +
		database.Readable(`updated_at`) + `,
	EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id
	    AND a.failed_attempts >= ` + strconv.Itoa(throttle.AccountLimit) + `),
	EXISTS (SELECT FROM gatepost.totp t WHERE t.user_id = u.id)
	    OR EXISTS (SELECT FROM gatepost.passkey p WHERE p.user_id = u.id),
	(SELECT count(*) FROM gatepost.passkey p WHERE p.user_id = u.id AND p.cloned_at IS NOT NULL)`
}

func scanUser(row pgx.CollectableRow) (session.User, error) {
	var u session.User
	var roles, claimed string
	var disabled *time.Time
	err := row.Scan(&u.ID, &u.Name, &u.Email, &u.EmailVerified, &u.Username, &u.UsernameChosen, &u.Image, &roles, &claimed,
		&disabled, &u.CreatedAt, &u.UpdatedAt, &u.PasswordLocked,
		&u.SecondFactor, &u.CopiedPasskeys)
	u.Roles, u.ClaimedRoles = session.SplitList(roles), session.SplitList(claimed)
	if disabled != nil {
		u.DisabledAt = *disabled
	}
	return u, err
}

// Users calls f with every user, oldest first, without loading all of them.
func (s *Store) Users(ctx context.Context, f func(session.User) error) error {
	rows, err := s.db.Pages.Query(ctx, `SELECT `+s.userColumns()+` FROM gatepost."user" u ORDER BY created_at, id`)
	if err != nil {
		return s.db.Unavailable("list users", err)
	}
	defer rows.Close()
	for rows.Next() {
		u, err := scanUser(rows)
		if err != nil {
			return s.db.Unavailable("list users", err)
		}
		if err := f(u); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.db.Unavailable("list users", err)
	}
	return nil
}

// FindUser finds a user by e-mail address, in any spelling, or by id. Text that is both is taken for an address. It
// fails with ErrNoUser.
func (s *Store) FindUser(ctx context.Context, emailOrID string) (session.User, error) {
	email, _ := knownEmail(emailOrID) // empty for an id, or for an address written by SQL
	return s.oneUser(ctx, `WHERE email IN ($1, $2) AND email <> '' OR id = $2 ORDER BY email = $1 DESC, email = $2 DESC
	    LIMIT 1`,
		email, database.Clean(emailOrID))
}

// UserByID finds a user by id alone. It fails with ErrNoUser.
func (s *Store) UserByID(ctx context.Context, id string) (session.User, error) {
	return s.oneUser(ctx, `WHERE id = $1`, id)
}

func (s *Store) oneUser(ctx context.Context, which string, args ...any) (session.User, error) {
	rows, err := s.db.Pages.Query(ctx, `SELECT `+s.userColumns()+` FROM gatepost."user" u `+which, args...)
	if err != nil {
		return session.User{}, s.db.Unavailable("find user", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if errors.Is(err, pgx.ErrNoRows) {
		return session.User{}, ErrNoUser
	}
	if err != nil {
		return session.User{}, s.db.Unavailable("find user", err)
	}
	return u, nil
}

// SetRoles replaces a user's roles. The next request of each of their sessions sees them.
func (s *Store) SetRoles(ctx context.Context, id string, roles []string) error {
	list, err := canonicalRoles(roles)
	if err != nil {
		return err
	}
	return s.change(ctx, "set-role", id, func(ctx context.Context, tx pgx.Tx) (_ audit.Details, err error) {
		var before string
		if err := tx.QueryRow(ctx, `SELECT role FROM gatepost."user" WHERE id = $1`, id).Scan(&before); err != nil {
			return nil, err
		}
		_, err = tx.Exec(ctx, `UPDATE gatepost."user" SET role = $2, updated_at = now() WHERE id = $1`, id, list)
		return audit.Details{{Name: "roles", Value: orNone(before) + " → " + orNone(list)}}, err
	})
}

// orNone returns roles or a username, or "(none)" if there are none.
func orNone(value string) string {
	if value == "" {
		return "(none)"
	}
	return value
}

// Disable bars a user from signing in, and ends their sessions and mailed links. A trigger on the column ends the
// sessions, whatever writes it; this statement ends the sessions of a user who was disabled already.
func (s *Store) Disable(ctx context.Context, id string) error {
	return s.change(ctx, "disable", id, with(`
		WITH ended AS (DELETE FROM gatepost.session WHERE user_id = $1 AND `+session.Because("user-disabled")+`),
		     half AS (DELETE FROM gatepost.challenge WHERE user_id = $1),
		     untrusted AS (DELETE FROM gatepost.trusted_browser WHERE user_id = $1),
		     unsent AS (DELETE FROM gatepost.outbox WHERE user_id = $1),
		     void AS (DELETE FROM gatepost.verification WHERE user_id = $1)
		UPDATE gatepost."user" SET disabled_at = coalesce(disabled_at, now()), disabled_until = NULL, updated_at = now()
		WHERE id = $1`, id))
}

// Enable lets a disabled user sign in again. It also unlocks the password and ends waits.
func (s *Store) Enable(ctx context.Context, id string) error {
	return s.change(ctx, "enable", id, with(`
		WITH unlocked AS (UPDATE gatepost.account SET failed_attempts = 0 WHERE user_id = $1 AND failed_attempts > 0),
		     app AS (UPDATE gatepost.totp SET failures = 0 WHERE user_id = $1 AND failures > 0),
		     forgiven AS (DELETE FROM gatepost.throttle WHERE user_id = $1)
		UPDATE gatepost."user" SET disabled_at = NULL, disabled_until = NULL, updated_at = now() WHERE id = $1`, id))
}

// DeleteUser deletes a user with their accounts and sessions. It cannot be undone.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return s.change(ctx, "delete", id, with(`DELETE FROM gatepost."user" WHERE id = $1`, id))
}

// SetPassword gives a user a new password, ends their sessions, and forgets their failed attempts and familiar
// places.
func (s *Store) SetPassword(ctx context.Context, id string, p secret.Password) error {
	u, err := s.UserByID(ctx, id)
	if err != nil {
		return err
	}
	if err := s.checkNewPassword(p, u.Email); err != nil {
		return err
	}
	hashed, err := s.hashNew(ctx, p)
	if err != nil {
		return err
	}
	return s.change(ctx, "set-password", u.ID, func(ctx context.Context, tx pgx.Tx) (audit.Details, error) {
		return nil, setPassword(ctx, tx, u.ID, hashed)
	})
}

// setPassword gives a locked user a hash, and ends all access to the account, also that from elsewhere.
func setPassword(ctx context.Context, tx pgx.Tx, userID, hash string) error {
	if err := setHash(ctx, tx, userID, hash); err != nil {
		return err
	}
	_, err := session.CloseImported(ctx, tx, userID)
	return err
}

// setHash is setPassword for a password that was changed elsewhere, where sessions from there may go on. An empty hash
// leaves the user without a password.
func setHash(ctx context.Context, tx pgx.Tx, userID, hash string) error {
	_, err := tx.Exec(ctx, setHashSQL, userID, hash, secret.NewID(), issuerCredential)
	return err
}

// endedByPassword says why setHashSQL ends sessions.
var endedByPassword = session.Because("new-password")

// setHashSQL is about the user $1 and the hash $2. $3 is a new id.
// It selects by user: an import may have chosen any issuer and account_id, and named another user's account after
// this user.
var setHashSQL = `
	WITH ended AS (DELETE FROM gatepost.session WHERE user_id = $1 AND ` + endedByPassword + `),
	     half AS (DELETE FROM gatepost.challenge WHERE user_id = $1),
	     untrusted AS (DELETE FROM gatepost.trusted_browser WHERE user_id = $1),
	     unsent AS (DELETE FROM gatepost.outbox WHERE user_id = $1 AND
	         kind IN ('verify', 'reset', 'change', 'connect', 'prove')),
	     void AS (DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier NOT LIKE 'undo-change-email:%'),
	     forgiven AS (DELETE FROM gatepost.throttle WHERE user_id = $1),
	     forgotten AS (DELETE FROM gatepost.familiar WHERE user_id = $1),
	     changed AS (
	         UPDATE gatepost.account SET password = nullif($2, ''), failed_attempts = 0, updated_at = now()
	         WHERE user_id = $1 AND provider_id = 'credential' RETURNING id),
	     made AS (
	         INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
	         SELECT $3::text, $4::text, 'credential',
	             CASE WHEN EXISTS (SELECT FROM gatepost.account WHERE issuer = $4 AND account_id = $1) THEN $3::text
	                 ELSE $1::text END,
	             $1::text, $2::text
	         WHERE NOT EXISTS (SELECT FROM changed) AND $2 <> '')
	SELECT FROM gatepost."user" WHERE id = $1`

// EndSessions ends every session of a user and returns how many it ended.
func (s *Store) EndSessions(ctx context.Context, userID string) (int64, error) {
	var ended int64
	err := s.change(ctx, "sign-out-everywhere", userID,
		func(ctx context.Context, tx pgx.Tx) (_ audit.Details, err error) {
			ended, err = s.sessions.EndAll(ctx, tx, userID)
			return audit.Details{{Name: "sessions", Value: fmt.Sprint(ended)}}, err
		})
	return ended, err
}

// change runs do for a locked user and audits it with the details that do returns.
func (s *Store) change(ctx context.Context, event, id string,
	do func(context.Context, pgx.Tx) (audit.Details, error)) error {
	var details audit.Details
	err := s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
		found, err := database.LockUser(ctx, tx, id, "")
		if err == nil && !found {
			err = ErrNoUser
		}
		if err == nil {
			details, err = do(ctx, tx)
		}
		if err == nil {
			err = s.record(ctx, tx, event, id, secret.Client{}, details...)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.Changed(id)
	s.audit(ctx, event, id, secret.Client{}, nil, details...)
	return nil
}

// with returns the function for change that runs one statement, whose $1 is the user.
func with(sql, id string, args ...any) func(context.Context, pgx.Tx) (audit.Details, error) {
	return func(ctx context.Context, tx pgx.Tx) (audit.Details, error) {
		_, err := tx.Exec(ctx, sql, append([]any{id}, args...)...)
		return nil, err
	}
}
