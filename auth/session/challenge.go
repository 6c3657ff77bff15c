package session

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Demand is what is asked for before somebody who was proved gets a session.
type Demand struct {
	Kind    string        // what is asked for
	For     time.Duration // it can be met for this long
	Payload []byte        // what is to be known then, sealed for the id of the challenge; at most 64 KiB
}

// Challenge is half a sign-in. It is no session, and no gate takes it for one.
type Challenge struct {
	ID       string
	UserID   string
	Kind     string
	Proof    Proof // so far
	Remember bool
	Payload  []byte // sealed
}

// challengeAttempts is how many answers one challenge takes. A code of six digits is guessed with a chance of 1 in
// 200,000 then (NIST SP 800-63B-4 section 3.2.2 asks for limits; this is well below its 100).
const challengeAttempts = 5

// ErrNoChallenge: the challenge is unknown, was met, has expired, has had too many answers, or belongs to another
// browser; or its user is disabled.
var ErrNoChallenge = errors.New("no challenge to be met")

// challenge writes one down in place of a session, in the transaction of the proof.
func (m *Maker) challenge(ctx context.Context, tx pgx.Tx, n New, browser []byte, d Demand) (secret.Token, error) {
	t := secret.NewToken()
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.challenge (id, token, user_id, kind, methods, proved_at,
		    browser, remember, payload, expires_at)
		VALUES ($1, $2, $3, $4, $5, coalesce($6::timestamptz, now()), $7, $8, $9, now() + $10::interval)`,
		n.id, t.Hash(), n.UserID, d.Kind, n.Proof.words(), n.Proof.at(), browser, n.Remember, d.Payload, d.For)
	return t, err
}

// Answer finds a challenge and counts an answer to it, before anybody looks whether that is right: who hangs up has had
// it. Of any number at once as many get through as may. browser is the place it was made in. It fails with
// ErrNoChallenge.
func (m *Maker) Answer(ctx context.Context, tx pgx.Tx, t secret.Token, browser []byte) (c Challenge, err error) {
	var methods string
	err = tx.QueryRow(ctx, `
		UPDATE gatepost.challenge c SET attempts = attempts + 1 FROM gatepost."user" u
		WHERE c.token = $1 AND c.browser = $2 AND c.attempts < $3 AND c.expires_at > now()
		    AND u.id = c.user_id AND u.disabled_at IS NULL
		RETURNING c.id, c.user_id, c.kind, c.methods, `+database.Readable(`c.proved_at`)+`, c.remember, c.payload`,
		t.Hash(), browser, challengeAttempts).
		Scan(&c.ID, &c.UserID, &c.Kind, &methods, &c.Proof.At, &c.Remember, &c.Payload)
	c.Proof.Methods = methodsOf(methods)
	if errors.Is(err, pgx.ErrNoRows) {
		return Challenge{}, ErrNoChallenge
	}
	return c, err
}

// Met uses a challenge up, in the transaction that makes the session; the caller has locked the user. It fails with
// ErrNoChallenge when somebody was faster.
func (m *Maker) Met(ctx context.Context, tx pgx.Tx, c Challenge) error {
	tag, err := tx.Exec(ctx, `DELETE FROM gatepost.challenge WHERE id = $1 AND expires_at > now()`, c.ID)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrNoChallenge
	}
	return err
}
