package session

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// CloseImported ends every session of the system before that a user has, and returns how many counted until then. None
// comes again, by no import and by no ticket that was not seen yet. The caller has locked the user.
func CloseImported(ctx context.Context, tx pgx.Tx, userID string) (int64, error) {
	_, err := tx.Exec(ctx, `
		UPDATE gatepost.import_record SET closed_at = now() WHERE user_id = $1 AND closed_at IS NULL`, userID)
	if err != nil {
		return 0, err
	}
	return countImported(ctx, tx, `s.user_id = $1`, userID)
}

// countImported ends the sessions of the system before that the condition selects. Those that were replaced are not
// counted: the browser has one of the gate's.
func countImported(ctx context.Context, tx pgx.Tx, which string, args ...any) (ended int64, err error) {
	err = tx.QueryRow(ctx, `
		WITH ended AS (
		    UPDATE gatepost.imported_session s SET ended_at = now() WHERE s.ended_at IS NULL AND `+which+`
		        RETURNING s.replaced_at IS NULL AND s.expires_at > now() AS counted)
		SELECT count(*) FILTER (WHERE counted) FROM ended`, args...).Scan(&ended)
	return ended, err
}

// endImported is countImported for callers who do not count.
func endImported(ctx context.Context, tx pgx.Tx, which string, args ...any) error {
	_, err := countImported(ctx, tx, which, args...)
	return err
}

// MoveIn is the session of the system before whose browser gets one of the gate's, and the user of both.
type MoveIn struct {
	id, UserID string
	New        New // without the client
}

// Moving reads the session that a cookie of the system before presents. It fails with ErrNoSession.
func (m *Maker) Moving(ctx context.Context, tx pgx.Tx, i Imported) (v MoveIn, err error) {
	if !i.Claims() {
		return v, ErrNoSession
	}
	err = tx.QueryRow(ctx, `
		SELECT s.id, s.user_id, s.created_at FROM gatepost.imported_session s JOIN gatepost."user" u ON u.id = s.user_id
		WHERE s.token = $1 AND s.source = $6 AND `+m.r.aliveImported(),
		append(m.r.importedArgs(i.hash), i.source)...).Scan(&v.id, &v.UserID, &v.New.Since)
	v.New.UserID, v.New.Remember = v.UserID, !i.brief
	v.New.Proof = Proof{Methods: []Method{Brought}, At: v.New.Since}
	return v, orNoSession(err)
}

// Moved notes which session of the gate the browser has now. The old one goes on for replacedFor.
func (m *Maker) Moved(ctx context.Context, tx pgx.Tx, v MoveIn, made Made) error {
	_, err := tx.Exec(ctx, `
		UPDATE gatepost.imported_session SET replaced_at = coalesce(replaced_at, now()), replaced_by = $2 WHERE id = $1`,
		v.id, made.SessionID)
	return err
}
