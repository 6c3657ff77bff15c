package auth

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// OwnSession is one of a user's sessions as he may see it; it holds no secret.
type OwnSession struct {
	ID                   string // names it for EndSession; it opens nothing
	CreatedAt, ExpiresAt time.Time
	// Unused is how long ago it was last used, by PostgreSQL's clock. A use is written down once a minute at most.
	Unused               time.Duration
	IPAddress, UserAgent string // of the sign-in; what the browser says of itself may be a lie
	Current              bool   // the one that asks
}

// Account is what a user may see of himself.
type Account struct {
	Session  Session // as from Describe
	Sessions []OwnSession
}

// ownSessionsMost bounds the list; whoever has more has lost track of them.
const ownSessionsMost = 100

// Account describes a session, its user, and all his sessions that are valid: the one that asks first, then those used
// last, at most 100. It fails with ErrNoSession or database.ErrUnavailable.
func (s *Store) Account(ctx context.Context, t secret.Token) (Account, error) {
	var a Account
	err := s.ofSession(ctx, "describe account", t, func(ctx context.Context) error {
		// One statement: in two, a session could be gone from the second.
		rows, err := s.db.Pages.Query(ctx, `SELECT `+describedColumns+`,
			    s.token = $1, now() - greatest(`+lastUsedAt+`, now() - $2::interval)
			FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
			WHERE s.user_id = (SELECT user_id FROM gatepost.session WHERE token = $1) AND `+s.alive+`
			ORDER BY s.token = $1 DESC, s.last_used_at DESC, s.id LIMIT $4`,
			t.Hash(), s.o.SessionIdle, s.o.SessionLifetime, ownSessionsMost)
		if err != nil {
			return err
		}
		a, err = collectAccount(rows)
		return err
	})
	return a, err
}

// collectAccount finds no row unless the first is the session that asks: without it the others are nobody's business.
func collectAccount(rows pgx.Rows) (Account, error) {
	var a Account
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (OwnSession, error) {
		var own OwnSession
		v, err := scanDescribed(row, &own.Current, &own.Unused)
		own.ID, own.CreatedAt, own.ExpiresAt, own.IPAddress, own.UserAgent = v.ID, v.CreatedAt, v.ExpiresAt, v.IPAddress, v.UserAgent
		own.Unused = max(0, own.Unused)
		if own.Current {
			a.Session = v
		}
		return own, err
	})
	if err != nil {
		return Account{}, err
	}
	if !slices.ContainsFunc(list, func(own OwnSession) bool { return own.Current }) {
		return Account{}, pgx.ErrNoRows
	}
	a.Sessions = list
	return a, nil
}

// EndSession ends one session of the user whose session the token is, by its id; its own, too. An id that is unknown, or
// another user's, changes nothing and is no error: the session is gone either way. It fails with ErrNoSession, ErrStale or
// database.ErrUnavailable.
func (s *Store) EndSession(ctx context.Context, t secret.Token, id string, c secret.Client) error {
	_, err := s.endOwn(ctx, "end-session", t, c, `d.id = $5`, database.Storable(id))
	return err
}

// EndOtherSessions ends every session of the user but the one the token is, and returns how many those were. It fails with
// ErrNoSession, ErrStale or database.ErrUnavailable.
func (s *Store) EndOtherSessions(ctx context.Context, t secret.Token, c secret.Client) (int64, error) {
	return s.endOwn(ctx, "end-other-sessions", t, c, `d.id <> own.id`)
}

// endOwn ends those of a user's sessions that which picks. It counts them, and takes the session presented as it is when
// they end.
func (s *Store) endOwn(ctx context.Context, event string, t secret.Token, c secret.Client, which string, args ...any) (ended int64, err error) {
	var userID string
	var fresh bool
	err = s.ofSession(ctx, event, t, func(ctx context.Context) error {
		return s.db.Once(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, "", t); err != nil {
				return err
			}
			return tx.QueryRow(ctx, `
				WITH own AS (
				    SELECT s.id, s.user_id, `+isFresh("$4")+` AS fresh
				    FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
				    WHERE s.token = $1 AND `+s.alive+`),
				ended AS (
				    DELETE FROM gatepost.session d USING own WHERE own.fresh AND d.user_id = own.user_id AND `+which+` RETURNING d.id)
				SELECT user_id, fresh, (SELECT count(*) FROM ended) FROM own`,
				append([]any{t.Hash(), s.o.SessionIdle, s.o.SessionLifetime, FreshFor}, args...)...).
				Scan(&userID, &fresh, &ended)
		})
	})
	switch {
	case err == nil && fresh:
		s.changed(userID)
	case err == nil:
		err = ErrStale
	}
	s.audit(ctx, event, userID, c, err)
	return ended, err
}
