package session

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Also is done in the transaction that has ended sessions of a user; session is the one that was presented.
type Also func(ctx context.Context, tx pgx.Tx, userID, session string) error

// End ends a session, and says whose it was. A token without a session is no error, and nobody's.
func (m *Maker) End(ctx context.Context, t secret.Token, also Also) (userID string, err error) {
	if t == "" {
		return "", nil
	}
	err = m.r.db.Transact(ctx, "sign out", func(ctx context.Context, tx pgx.Tx) error {
		var id string
		err := tx.QueryRow(ctx, `DELETE FROM gatepost.session WHERE token = $1 RETURNING user_id, id`,
			t.Hash()).Scan(&userID, &id)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return also(ctx, tx, userID, id)
	})
	if err == nil && userID != "" {
		m.r.Changed(userID)
	} else if kept, ok := m.r.cache.get(t.Sum()); ok { // it is gone, or may be, and there is a copy
		m.r.Changed(kept.User.ID)
	}
	return userID, err
}

// EndOne ends one session of the user whose session the token is, by its id; its own, too. An id that is unknown, or
// another user's, changes nothing and is no error: the session is gone either way. It fails with ErrNoSession, ErrStale
// or database.ErrUnavailable.
func (m *Maker) EndOne(ctx context.Context, t secret.Token, id string, also Also) (userID string,
	ended int64, err error) {
	return m.endOwn(ctx, t, also, `d.id = $5`, database.Storable(id))
}

// EndOthers ends every session of the user but the one the token is, and returns how many those were. It fails with
// ErrNoSession, ErrStale or database.ErrUnavailable.
func (m *Maker) EndOthers(ctx context.Context, t secret.Token, also Also) (userID string, ended int64, err error) {
	return m.endOwn(ctx, t, also, `d.id <> own.id`)
}

// endOwn ends those of a user's sessions that which picks. It counts them, and takes the session presented as it is
// when they end. Also is done where there were any.
func (m *Maker) endOwn(ctx context.Context, t secret.Token, also Also, which string, args ...any) (userID string,
	ended int64, err error) {
	var fresh bool
	err = m.r.ofToken(ctx, "end sessions", t, func(ctx context.Context) error {
		return m.r.db.Once(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, "", t); err != nil {
				return err
			}
			var own string
			err := tx.QueryRow(ctx, `
				WITH own AS (
				    SELECT s.id, s.user_id, `+isFresh("$4")+` AS fresh
				    FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
				    WHERE s.token = $1 AND `+m.r.alive+`),
				ended AS (
				    DELETE FROM gatepost.session d USING own WHERE own.fresh AND d.user_id = own.user_id AND `+which+`
				        RETURNING d.id)
				SELECT user_id, id, fresh, (SELECT count(*) FROM ended) FROM own`,
				append([]any{t.Hash(), m.r.o.Idle, m.r.o.Lifetime, FreshFor}, args...)...).
				Scan(&userID, &own, &fresh, &ended)
			if err != nil || ended == 0 {
				return err
			}
			return also(ctx, tx, userID, own)
		})
	})
	if err == nil && !fresh {
		err = ErrStale
	}
	if err == nil {
		m.r.Changed(userID)
	}
	return userID, ended, err
}

// EndPresented ends the session a deed presents, or all of its user, and fails with ErrNoSession when it is not alive
// any more. The caller has locked the user: what others made or ended until then is seen.
func (m *Maker) EndPresented(ctx context.Context, tx pgx.Tx, userID string, presented secret.Token, all bool) error {
	rows, err := tx.Query(ctx, `
		DELETE FROM gatepost.session s USING gatepost."user" u
		WHERE u.id = s.user_id AND s.user_id = $4 AND (s.token = $1 OR $5)
		RETURNING s.token = $1 AND `+m.r.alive, presented.Hash(), m.r.o.Idle, m.r.o.Lifetime, userID, all)
	if err != nil {
		return err
	}
	ended, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	if err == nil && !slices.Contains(ended, true) {
		return ErrNoSession
	}
	return err
}

// EndAll ends every session of a user, who is locked, and every sign-in that is half done, and returns how many
// sessions those were.
func (m *Maker) EndAll(ctx context.Context, tx pgx.Tx, userID string) (int64, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM gatepost.challenge WHERE user_id = $1`, userID); err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `DELETE FROM gatepost.session WHERE user_id = $1`, userID)
	return tag.RowsAffected(), err
}
