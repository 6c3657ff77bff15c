package auth

import (
	"context"
	"errors"
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
	email, _ := CanonicalEmail(emailOrID) // not an address: then it is an id
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
	return s.change(ctx, "set-role", id, `UPDATE gatepost."user" SET role = $2, updated_at = now() WHERE id = $1`, list)
}

// Disable bars a user from signing in and ends his sessions.
func (s *Store) Disable(ctx context.Context, id string) error {
	return s.change(ctx, "disable", id, `
		WITH ended AS (DELETE FROM gatepost.session WHERE user_id = $1)
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
	return s.change(ctx, "set-password", u.ID, `
		WITH ended AS (DELETE FROM gatepost.session WHERE user_id = $1),
		     forgiven AS (DELETE FROM gatepost.throttle WHERE user_id = $1),
		     forgotten AS (DELETE FROM gatepost.familiar WHERE user_id = $1)
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
		VALUES ($3, $4, 'credential', $1, $1, $2)
		ON CONFLICT (issuer, account_id) DO UPDATE SET password = excluded.password, failed_attempts = 0, updated_at = now()`,
		hashed, newID(), issuerCredential)
}

// EndSessions signs a user out everywhere and returns how many sessions that were.
func (s *Store) EndSessions(ctx context.Context, userID string) (int64, error) {
	tag, err := s.db.Exec(ctx, `DELETE FROM gatepost.session WHERE user_id = $1`, userID)
	if err != nil {
		return 0, s.unavailable("end sessions", err)
	}
	s.changed(userID)
	s.audit(ctx, "sign-out-everywhere", userID, Client{}, nil)
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
func (s *Store) Rename(ctx context.Context, t Token, name string) error {
	var userID string
	name, err := canonicalName(name)
	if err == nil {
		err = s.ofSession(ctx, "rename", t, func(ctx context.Context) error {
			return s.db.QueryRow(ctx, `
				UPDATE gatepost."user" u SET name = $4, updated_at = now()
				FROM gatepost.session s WHERE s.user_id = u.id AND s.token = $1 AND `+alive+`
				RETURNING u.id`, t.hash(), s.o.SessionIdle, s.o.SessionLifetime, name).Scan(&userID)
		})
	}
	if err == nil {
		s.changed(userID)
	}
	s.audit(ctx, "rename", userID, Client{}, err)
	return err
}

// Export is what is kept about a user, as JSON for himself. It holds no secret and no hash of one; times are UTC. Whoever
// gets it has his address, and where and when he was.
type Export struct {
	ExportedAt time.Time         `json:"exportedAt"` // by PostgreSQL's clock
	User       ExportedUser      `json:"user"`
	Accounts   []ExportedAccount `json:"accounts"`
	Sessions   []ExportedSession `json:"sessions"` // all that have a row: expired ones too, until they are swept
	// FamiliarPlaces are kept as hashes, of which nothing can be told but how many they are and when they are forgotten.
	FamiliarPlaces ExportedPlaces `json:"familiarPlaces"`
}

// ExportedUser is the user of an Export.
type ExportedUser struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"emailVerified"`
	Image         string    `json:"image"`
	Roles         []string  `json:"roles"`
	CreatedAt     time.Time `json:"createdAt"`
	UpdatedAt     time.Time `json:"updatedAt"`
}

// ExportedAccount is one way in which the user of an Export may prove who he is. Its fields are in the order of the query.
type ExportedAccount struct {
	ID          string    `json:"id"`
	Issuer      string    `json:"issuer"`
	ProviderID  string    `json:"providerId"`
	AccountID   string    `json:"accountId"`
	Scope       string    `json:"scope"`
	HasPassword bool      `json:"hasPassword"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// ExportedSession is one session of an Export. Its fields are in the order of the query.
type ExportedSession struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
	IPAddress  string    `json:"ipAddress"`
	UserAgent  string    `json:"userAgent"`
	Current    bool      `json:"current"` // the one that asked
}

// ExportedPlaces are the familiar places of an Export.
type ExportedPlaces struct {
	Count     int         `json:"count"`
	ExpiresAt []time.Time `json:"expiresAt"`
}

// Export tells the user of a session everything that is kept about him, as of one moment. It fails with ErrNoSession,
// ErrStale or ErrUnavailable.
func (s *Store) Export(ctx context.Context, t Token) (Export, error) {
	var e Export
	var fresh bool
	err := s.ofSession(ctx, "export", t, func(ctx context.Context) error {
		oneMoment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		return pgx.BeginTxFunc(ctx, s.db, oneMoment, func(tx pgx.Tx) (err error) {
			if e, fresh, err = s.exportUser(ctx, tx, t); err != nil || !fresh {
				return err
			}
			return exportRows(ctx, tx, t, &e)
		})
	})
	if err == nil && !fresh {
		err = ErrStale
	}
	s.audit(ctx, "export", e.User.ID, Client{}, err)
	if err != nil {
		return Export{}, err
	}
	return e, nil
}

// exportUser begins an Export, and says whether the session is fresh enough for one.
func (s *Store) exportUser(ctx context.Context, tx pgx.Tx, t Token) (e Export, fresh bool, err error) {
	var roles string
	u := &e.User
	err = tx.QueryRow(ctx, `
		SELECT s.created_at > now() - $4::interval, now() AT TIME ZONE 'UTC', u.id, u.name, u.email, u.email_verified,
		       coalesce(u.image, ''), u.role, u.created_at AT TIME ZONE 'UTC', u.updated_at AT TIME ZONE 'UTC'
		FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
		WHERE s.token = $1 AND `+alive, t.hash(), s.o.SessionIdle, s.o.SessionLifetime, FreshFor).
		Scan(&fresh, &e.ExportedAt, &u.ID, &u.Name, &u.Email, &u.EmailVerified, &u.Image, &roles, &u.CreatedAt, &u.UpdatedAt)
	u.Roles = append([]string{}, splitRoles(roles)...) // null is no list
	return e, fresh, err
}

// exportRows adds what hangs on the user. What goes wrong with a query is told when its rows are collected.
func exportRows(ctx context.Context, tx pgx.Tx, t Token, e *Export) (err error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, issuer, provider_id, account_id, coalesce(scope, ''), password IS NOT NULL,
		       created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC'
		FROM gatepost.account WHERE user_id = $1 ORDER BY created_at, id`, e.User.ID)
	if e.Accounts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedAccount]); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT id, created_at AT TIME ZONE 'UTC', last_used_at AT TIME ZONE 'UTC', expires_at AT TIME ZONE 'UTC',
		       coalesce(ip_address, ''), coalesce(user_agent, ''), token = $2
		FROM gatepost.session WHERE user_id = $1 ORDER BY created_at, id`, e.User.ID, t.hash())
	if e.Sessions, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedSession]); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT expires_at AT TIME ZONE 'UTC' FROM gatepost.familiar WHERE user_id = $1 ORDER BY expires_at`, e.User.ID)
	p := &e.FamiliarPlaces
	p.ExpiresAt, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
	p.Count = len(p.ExpiresAt)
	return err
}
