package session

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
)

// Raise gives the session presented another proof and a new token, in the caller's transaction, which has locked the
// user. The session stays the same: what lasts goes on, and its lifetime counts from the sign-in. The token presented
// goes on for a minute, with what was proved before, for requests under way. Where n has a Via, the session goes on
// with what that provider says now. Raise fails with ErrNoSession if the session is over, or is not n.UserID's.
func (m *Maker) Raise(ctx context.Context, tx pgx.Tx, n New) (made Made, err error) {
	made.Session = secret.NewToken()
	err = tx.QueryRow(ctx, `
		UPDATE gatepost.session s SET token = $5, methods = $6, proved_at = coalesce($7::timestamptz, now()),
		    second_at = $8, last_token = s.token, last_until = now() + interval '`+lastFor+`',
		    last_methods = s.methods, last_proved_at = `+provedAt+`, last_second_at = s.second_at
		FROM gatepost."user" u
		WHERE u.id = s.user_id AND s.token = $1 AND s.user_id = $4 AND `+m.r.alive+` RETURNING s.id`,
		n.Presented.Hash(), m.r.o.Idle, m.r.o.Lifetime, n.UserID, made.Session.Hash(), n.Proof.words(), n.Proof.at(),
		n.Proof.secondAt()).Scan(&made.SessionID)
	if err != nil {
		return Made{}, orNoSession(err)
	}
	if n.Via.AccountID == "" {
		return made, nil
	}
	var idToken []byte
	if n.Via.Seal != nil {
		if idToken, err = n.Via.Seal(ctx, tx, made.SessionID); err != nil {
			return Made{}, err
		}
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost.session SET provider_sid = nullif($2, ''), id_token = $3 WHERE id = $1`,
		made.SessionID, n.Via.SessionID, idToken)
	if err != nil {
		return Made{}, fmt.Errorf("note what the provider says of a session: %w", err)
	}
	return made, nil
}
