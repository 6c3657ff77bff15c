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
		WHERE s.token = $1 AND s.source = $6 AND coalesce(cardinality(`+replacedBy+`), 0) < $7 AND `+m.r.aliveImported(),
		append(m.r.importedArgs(i.hash), i.source, arrivalsMost)...).Scan(&v.id, &v.UserID, &v.New.Since)
	v.New.UserID, v.New.Remember = v.UserID, !i.brief
	v.New.Proof = Proof{Methods: []Method{brought}, At: v.New.Since}
	return v, orNoSession(err)
}

// Moved notes which session of the gate the browser has now. The old one goes on for replacedFor.
func (m *Maker) Moved(ctx context.Context, tx pgx.Tx, v MoveIn, made Made) error {
	_, err := tx.Exec(ctx, `
		UPDATE gatepost.imported_session SET replaced_at = coalesce(replaced_at, now()),
		    replaced_by = concat_ws(',', replaced_by, $2::text) WHERE id = $1`, v.id, made.SessionID)
	return err
}

// arrivalsMost is how many sessions of the gate's one old session may become, as tabs arrive at the same time. A
// browser that keeps nothing would arrive for ever.
const arrivalsMost = 8

// replacedBy is the SQL of the sessions of the gate's that a browser got for an old one.
const replacedBy = `string_to_array(s.replaced_by, ',')`

// endWith ends what a browser has besides a session that ends: the old one that it was made for, and the others that
// were made for the same, of which the browser keeps one.
func endWith(ctx context.Context, tx pgx.Tx, userID, session string) error {
	_, err := tx.Exec(ctx, `
		WITH ended AS (
		    UPDATE gatepost.imported_session s SET ended_at = coalesce(s.ended_at, now())
		    WHERE s.user_id = $1 AND $2 = ANY (`+replacedBy+`) RETURNING `+replacedBy+` AS others)
		DELETE FROM gatepost.session d USING ended WHERE d.user_id = $1 AND d.id = ANY (ended.others)`, userID, session)
	return err
}
