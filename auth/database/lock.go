package database

import (
	"context"

	"github.com/gatepost/gatepost/auth/secret"

	"github.com/jackc/pgx/v5"
)

// LockUserSQL locks the user $1 and the user of the session with the token hash $2, in the order of their ids.
// Otherwise two users who sign in in each other's browser would deadlock.
//
// Every operation that makes, caps or ends a user's sessions takes this lock first, except the sweep, and reads what it
// depends on in a later statement. So a sign-in that commits while the
// user is disabled, signed out or deleted is either seen and ended, or sees the change and fails. The holder may
// lock the user's other rows in any order: account, session, challenge, outbox, verification. Rows shared by several
// users, limits and the places of a browser, have an order of their own, and no holder of one waits for a user's row.
// DELETE FROM gatepost."user" by SQL locks in the same order.
const LockUserSQL = `
	SELECT id FROM gatepost."user" WHERE id = ANY (ARRAY[$1::text, (SELECT user_id FROM gatepost.session
	    WHERE token = $2 OR last_token = $2 LIMIT 1)])
	ORDER BY id FOR NO KEY UPDATE`

// LockUser keeps other transactions from making or ending a user's sessions, and from changing the user or the
// password, until the transaction ends. presented is a session, of any user, that ends with it; empty: none. found
// reports whether the user exists.
func LockUser(ctx context.Context, tx pgx.Tx, userID string, presented secret.Token) (found bool, err error) {
	if userID == "" && presented == "" {
		return false, nil
	}
	rows, err := tx.Query(ctx, LockUserSQL, userID, presented.Hash())
	if err != nil {
		return false, err
	}
	var id string
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error { found = found || id == userID; return nil })
	return found, err
}
