package session

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Also runs in the transaction that has ended sessions of a user. session is the id of the session presented.
type Also func(ctx context.Context, tx pgx.Tx, userID, session string) error

// Because is an SQL condition that always holds, for a statement that ends sessions: it says why, to the trigger that
// tells the app (webhook_session). Without it the trigger says so itself, or that nobody knows.
func Because(reason string) string {
	return `set_config('gatepost.webhook_reason', '` + reason + `', true) <> ''`
}

// End ends a session and returns the id of its user. A token without a session is no error and returns an empty id.
func (m *Maker) End(ctx context.Context, t secret.Token, also Also) (userID string, err error) {
	if t == "" {
		return "", nil
	}
	err = m.r.db.Transact(ctx, "sign out", func(ctx context.Context, tx pgx.Tx) error {
		var id string
		userID = "" // of a try before this one
		// First, as more than one row of theirs may end.
		if _, err := database.LockUser(ctx, tx, "", t); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `DELETE FROM gatepost.session WHERE (token = $1 OR last_token = $1)
			AND `+Because("signed-out")+` RETURNING user_id, id`, t.Hash()).Scan(&userID, &id)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = endWith(ctx, tx, userID, id)
		}
		if err != nil {
			return err
		}
		return also(ctx, tx, userID, id)
	})
	if err == nil && userID != "" {
		m.r.Changed(userID)
	} else if kept, ok := m.r.cache.get(t.Sum()); ok { // the session is gone, or may be, and a copy is kept
		m.r.Changed(kept.User.ID)
	}
	return userID, err
}

// EndOne ends one session, by its id, of the user whose session token is given; it may be that session itself. An
// id that is unknown, or another user's, changes nothing and is no error: the session is gone either way. EndOne
// fails with ErrNoSession, ErrStale or database.ErrUnavailable.
func (m *Maker) EndOne(ctx context.Context, t secret.Token, id string, also Also) (userID string,
	ended int64, err error) {
	return m.endOwn(ctx, t, also, `d.id = $5`, `s.id = $2 OR $2 = ANY (`+replacedBy+`)`, database.Storable(id))
}

// EndOthers ends every session of the user except the one of the token, and the trust in their browsers, and returns
// how many sessions it ended. It fails with ErrNoSession, ErrStale or database.ErrUnavailable.
func (m *Maker) EndOthers(ctx context.Context, t secret.Token, also Also) (userID string, ended int64, err error) {
	return m.endOwn(ctx, t, also, `d.id <> own.id`, ``)
}

// EndEvery ends every session of the user, that of the token too, and the trust in their browsers, and returns how many
// sessions it ended. It fails with ErrNoSession, ErrStale or database.ErrUnavailable.
func (m *Maker) EndEvery(ctx context.Context, t secret.Token, also Also) (userID string, ended int64, err error) {
	return m.endOwn(ctx, t, also, `true`, ``)
}

// endOwn ends the sessions of a user that the SQL condition which selects, and counts them. imported selects those of
// the system before, with the same argument as $2; empty: all, and none comes again, and neither does the trust in
// browsers. The session presented is checked in the same statement. also runs if any session ended.
func (m *Maker) endOwn(ctx context.Context, t secret.Token, also Also, which, imported string,
	args ...any) (userID string, ended int64, err error) {
	var fresh bool
	if t == "" {
		return "", 0, ErrNoSession
	}
	err = m.r.db.Transact(ctx, "end sessions", func(ctx context.Context, tx pgx.Tx) error {
		if asked, err := m.r.Own(ctx, tx, t); err != nil || !asked.Fresh { // a refusal only reads
			userID, fresh = asked.UserID, false
			return err
		}
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
			        AND `+Because("signed-out")+` RETURNING d.id)
			SELECT user_id, id, fresh, (SELECT count(*) FROM ended) FROM own`,
			append([]any{t.Hash(), m.r.o.Idle, m.r.o.Lifetime, FreshFor}, args...)...).
			Scan(&userID, &own, &fresh, &ended)
		if err == nil && fresh { // a sign-in that is half done may be another's
			err = endChallenges(ctx, tx, userID)
		}
		var old int64
		switch {
		case err != nil || !fresh:
		case imported == "":
			if err = endTrust(ctx, tx, userID); err == nil {
				old, err = CloseImported(ctx, tx, userID)
			}
		default:
			old, err = countImported(ctx, tx, `s.user_id = $1 AND (`+imported+`)`, append([]any{userID}, args...)...)
		}
		ended += old
		if err != nil || ended == 0 {
			return orNoSession(err)
		}
		return also(ctx, tx, userID, own)
	})
	if err == nil && !fresh {
		err = ErrStale
	}
	if err == nil {
		m.r.Changed(userID)
	}
	return userID, ended, err
}

// EndPresented ends the session presented, or all sessions of its user. It fails with ErrNoSession if the session
// presented is not valid any more. The caller has locked the user, so that all changes up to then are seen.
func (m *Maker) EndPresented(ctx context.Context, tx pgx.Tx, userID string, presented secret.Token, all bool) error {
	rows, err := tx.Query(ctx, `
		DELETE FROM gatepost.session s USING gatepost."user" u
		WHERE u.id = s.user_id AND s.user_id = $4 AND (s.token = $1 OR $5) AND `+Because("revoked")+`
		RETURNING s.token = $1 AND `+m.r.alive, presented.Hash(), m.r.o.Idle, m.r.o.Lifetime, userID, all)
	if err != nil {
		return err
	}
	ended, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	if err == nil && !slices.Contains(ended, true) {
		return ErrNoSession
	}
	if err == nil && all {
		err = m.EndSteps(ctx, tx, userID)
	}
	if err == nil && all {
		_, err = CloseImported(ctx, tx, userID)
	}
	return err
}

// EndSteps ends the half sign-ins of a user and the trust in their browsers, so that each sign-in takes both steps
// anew: after a change of the second factors. Sessions go on. The caller has locked the user.
func (m *Maker) EndSteps(ctx context.Context, tx pgx.Tx, userID string) error {
	if err := endChallenges(ctx, tx, userID); err != nil {
		return err
	}
	return endTrust(ctx, tx, userID)
}

// endChallenges ends the sign-ins of a user that are half done. The caller has locked the user.
func endChallenges(ctx context.Context, tx pgx.Tx, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM gatepost.challenge WHERE user_id = $1`, userID)
	return err
}

// endTrust ends the trust of a user in browsers: after a change of the password or of a factor, and whenever all their
// sessions end, a sign-in takes both steps again. The caller has locked the user.
func endTrust(ctx context.Context, tx pgx.Tx, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM gatepost.trusted_browser WHERE user_id = $1`, userID)
	return err
}

// EndAll ends every session, every challenge and every trust of a user, and returns how many sessions it ended. The
// caller has locked the user.
func (m *Maker) EndAll(ctx context.Context, tx pgx.Tx, userID string) (int64, error) {
	if err := m.EndSteps(ctx, tx, userID); err != nil {
		return 0, err
	}
	old, err := CloseImported(ctx, tx, userID)
	if err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `DELETE FROM gatepost.session WHERE user_id = $1 AND `+Because("revoked"), userID)
	return tag.RowsAffected() + old, err
}
