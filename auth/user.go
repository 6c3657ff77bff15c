package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const userColumns = `id, name, email, email_verified, coalesce(image, ''), role, disabled_at, created_at, updated_at,
	EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id AND a.failed_attempts >= 100)` // accountLimit

func scanUser(row pgx.CollectableRow) (User, error) {
	var u User
	var roles string
	var disabled *time.Time
	err := row.Scan(&u.ID, &u.Name, &u.Email, &u.EmailVerified, &u.Image, &roles, &disabled, &u.CreatedAt, &u.UpdatedAt, &u.PasswordLocked)
	u.Roles = splitRoles(roles)
	if disabled != nil {
		u.DisabledAt = *disabled
	}
	return u, err
}

// Users calls f with every user, oldest first, without holding them all.
func (s *Store) Users(ctx context.Context, f func(User) error) error {
	rows, err := s.db.Query(ctx, `SELECT `+userColumns+` FROM gatepost."user" u ORDER BY created_at, id`)
	if err != nil {
		return s.unavailable("list users", err)
	}
	defer rows.Close()
	for rows.Next() {
		u, err := scanUser(rows)
		if err != nil {
			return s.unavailable("list users", err)
		}
		if err := f(u); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.unavailable("list users", err)
	}
	return nil
}

// FindUser finds a user by e-mail address, in any spelling, or by id. It fails with ErrNoUser.
func (s *Store) FindUser(ctx context.Context, emailOrID string) (User, error) {
	email, _ := knownEmail(emailOrID) // not an address: then it is an id
	rows, err := s.db.Query(ctx, `SELECT `+userColumns+` FROM gatepost."user" u WHERE email = $1 OR id = $2`,
		email, storable(emailOrID))
	if err != nil {
		return User{}, s.unavailable("find user", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrNoUser
	}
	if err != nil {
		return User{}, s.unavailable("find user", err)
	}
	return u, nil
}

// SetRoles replaces a user's roles; the next request of each of his sessions sees them.
func (s *Store) SetRoles(ctx context.Context, id string, roles []string) error {
	list, err := canonicalRoles(roles)
	if err != nil {
		return err
	}
	var before string
	err = s.db.QueryRow(ctx, `
		WITH before AS (SELECT id, role FROM gatepost."user" WHERE id = $1 FOR NO KEY UPDATE)
		UPDATE gatepost."user" u SET role = $2, updated_at = now() FROM before WHERE u.id = before.id RETURNING before.role`, id, list).Scan(&before)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoUser
	}
	if err != nil {
		return s.unavailable("set-role", err)
	}
	s.changed(id)
	s.auditDetail(ctx, "set-role", id, Client{}, "roles "+orNone(before)+" → "+orNone(list), nil)
	return nil
}

// orNone names roles where there may be none.
func orNone(roles string) string {
	if roles == "" {
		return "(none)"
	}
	return roles
}

// Disable bars a user from signing in and ends his sessions and the links that were mailed to him.
func (s *Store) Disable(ctx context.Context, id string) error {
	return s.change(ctx, "disable", id, `
		WITH ended AS (DELETE FROM gatepost.session WHERE user_id = $1),
		     unsent AS (DELETE FROM gatepost.outbox WHERE user_id = $1),
		     void AS (DELETE FROM gatepost.verification WHERE user_id = $1)
		UPDATE gatepost."user" SET disabled_at = coalesce(disabled_at, now()), updated_at = now() WHERE id = $1`)
}

// Enable lets a disabled user sign in again, and one whose password is locked or has to wait.
func (s *Store) Enable(ctx context.Context, id string) error {
	return s.change(ctx, "enable", id, `
		WITH unlocked AS (UPDATE gatepost.account SET failed_attempts = 0 WHERE user_id = $1 AND failed_attempts > 0),
		     forgiven AS (DELETE FROM gatepost.throttle WHERE user_id = $1)
		UPDATE gatepost."user" SET disabled_at = NULL, updated_at = now() WHERE id = $1`)
}

// DeleteUser removes a user with his accounts and sessions. There is no way back.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return s.change(ctx, "delete", id, `DELETE FROM gatepost."user" WHERE id = $1`)
}

// SetPassword gives a user a new password, ends his sessions and forgets his failed attempts and where he signed in.
func (s *Store) SetPassword(ctx context.Context, id string, p Password) error {
	u, err := s.FindUser(ctx, id)
	if err != nil {
		return err
	}
	if err := s.checkNewPassword(p, u.Email); err != nil {
		return err
	}
	var hashed string
	if err := s.hashes.turn(ctx, func(derive deriver) error { hashed = hash(p, derive); return nil }); err != nil {
		return err
	}
	return s.change(ctx, "set-password", u.ID, setPasswordSQL, hashed, newID(), issuerCredential)
}

// setPasswordSQL gives the user $1 the hash $2, and forgets whatever anybody had of his account. $3 is an id.
const setPasswordSQL = `
	WITH ended AS (DELETE FROM gatepost.session WHERE user_id = $1),
	     unsent AS (DELETE FROM gatepost.outbox WHERE user_id = $1 AND kind IN ('verify', 'reset', 'change')),
	     void AS (DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier NOT LIKE 'undo-change-email:%'),
	     forgiven AS (DELETE FROM gatepost.throttle WHERE user_id = $1),
	     forgotten AS (DELETE FROM gatepost.familiar WHERE user_id = $1)
	INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
	VALUES ($3, $4, 'credential', $1, $1, $2)
	ON CONFLICT (issuer, account_id) DO UPDATE SET password = excluded.password, failed_attempts = 0, updated_at = now()`

// EndSessions signs a user out everywhere and returns how many sessions that were.
func (s *Store) EndSessions(ctx context.Context, userID string) (int64, error) {
	tag, err := s.db.Exec(ctx, `DELETE FROM gatepost.session WHERE user_id = $1`, userID)
	if err != nil {
		return 0, s.unavailable("end sessions", err)
	}
	s.changed(userID)
	s.auditDetail(ctx, "sign-out-everywhere", userID, Client{}, fmt.Sprintf("sessions %d", tag.RowsAffected()), nil)
	return tag.RowsAffected(), nil
}

// change runs a statement that must touch exactly the user $1.
func (s *Store) change(ctx context.Context, event, id, sql string, args ...any) error {
	tag, err := s.db.Exec(ctx, sql, append([]any{id}, args...)...)
	if err != nil {
		return s.unavailable(event, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNoUser
	}
	s.changed(id)
	s.audit(ctx, event, id, Client{}, nil)
	return nil
}

// Rename gives the user of a session the display name he typed; empty is allowed. The next request of each of his sessions
// carries it. It fails with ErrNoSession, InputError (field "name") or ErrUnavailable.
func (s *Store) Rename(ctx context.Context, t Token, name string, c Client) error {
	var userID string
	name, err := canonicalName(name)
	if err == nil {
		err = s.ofSession(ctx, "rename", t, func(ctx context.Context) error {
			return s.db.QueryRow(ctx, `
				UPDATE gatepost."user" u SET name = $4, updated_at = now()
				FROM gatepost.session s WHERE s.user_id = u.id AND s.token = $1 AND `+s.alive+`
				RETURNING u.id`, t.hash(), s.o.SessionIdle, s.o.SessionLifetime, name).Scan(&userID)
		})
	}
	if err == nil {
		s.changed(userID)
	}
	s.audit(ctx, "rename", userID, c, err)
	return err
}
