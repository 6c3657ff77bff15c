package database

import (
	"context"

	"github.com/gatepost/gatepost/auth/secret"

	"github.com/jackc/pgx/v5"
)

// LockUserSQL locks the user $1, and whose session the token hash $2 is: in the order of their ids, or two who take
// over each other's browser would wait for each other.
//
// Whatever makes, caps or ends a person's sessions, but for the sign-out of one and the sweep, takes this lock first,
// and reads what it decides by in a statement after it. Then a sign-in that commits while the user is disabled, signed
// out or deleted is either seen, and ended, or sees that and fails. Who has it may take the rest that is the user's in
// any order: account, session, outbox, verification. What several users share, limits and the places of a browser, has
// an order of its own, and nobody who holds it waits for a user's row. DELETE FROM gatepost."user" by SQL goes the same
// way.
const LockUserSQL = `
	SELECT id FROM gatepost."user" WHERE id = ANY (ARRAY[$1::text, (SELECT user_id FROM gatepost.session
	    WHERE token = $2)])
	ORDER BY id FOR NO KEY UPDATE`

// LockUser keeps others from making or ending a user's sessions, and from changing the user or the password, until the
// transaction ends. presented is a session that ends with it, whoever's it is; empty: none. found says that there is
// such a user.
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
