package session

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Demand is what a user has to do after a proof, before they get a session.
type Demand struct {
	Kind    string        // what is asked for
	For     time.Duration // how long it can be met
	Payload []byte        // data for meeting it, sealed for the id of the challenge; at most 64 KiB
}

// Challenge is half a sign-in. It is not a session, and no gate accepts it as one.
type Challenge struct {
	ID       string
	UserID   string
	Kind     string
	Proof    Proof // the proof so far
	Remember bool
	Payload  []byte // sealed
	Via      Via    // without Seal
	Since    time.Time
}

// challengeAttempts is how many answers one challenge accepts. A code of six digits is guessed with a chance of 1 in
// 200,000 then. It bounds a challenge and not an account: what makes challenges has to count the failures of an account
// as well, as NIST SP 800-63B-4 section 3.2.2 asks for.
const challengeAttempts = 5

// challengesPerUser is how many challenges a user may have. One more ends the oldest.
const challengesPerUser = 10

// ErrNoChallenge means that the challenge is unknown, was met, has expired, has had too many answers, or belongs to
// another browser; or that its user is disabled.
var ErrNoChallenge = errors.New("no challenge to be met")

// challenge writes down a challenge instead of a session, in the transaction of the proof.
func (m *Maker) challenge(ctx context.Context, tx pgx.Tx, n New, browser []byte, d Demand) (secret.Token, error) {
	t := secret.NewToken()
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.challenge (id, token, user_id, kind, methods, proved_at,
		    browser, remember, payload, expires_at, account_id, provider_sid, since)
		VALUES ($1, $2, $3, $4, $5, coalesce($6::timestamptz, now()), $7, $8, $9, now() + $10::interval,
		    nullif($11, ''), nullif($12, ''), $13)`,
		n.id, t.Hash(), n.UserID, d.Kind, n.Proof.words(), n.Proof.at(), browser, n.Remember, d.Payload, d.For,
		n.Via.AccountID, n.Via.SessionID, n.since())
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `
		DELETE FROM gatepost.challenge WHERE id IN (
		    SELECT id FROM gatepost.challenge WHERE user_id = $1 AND id <> $2 ORDER BY expires_at DESC, id OFFSET $3)`,
		n.UserID, n.id, challengesPerUser-1)
	return t, err
}

// challengeFound is the condition of a challenge $1 in the browser $2 that still takes an answer; $3 is
// challengeAttempts.
const challengeFound = `c.token = $1 AND c.browser = $2 AND c.attempts < $3 AND c.expires_at > now()
    AND u.id = c.user_id AND u.disabled_at IS NULL`

// challengeColumns are the columns for scanChallenge.
var challengeColumns = `c.id, c.user_id, c.kind, c.methods, ` + database.Readable(`c.proved_at`) + `, c.remember,
    c.payload, coalesce(c.account_id, ''), coalesce(c.provider_sid, ''),
    coalesce(` + database.Readable(`c.since`) + `, ` + noTime + `)`

func scanChallenge(row pgx.Row) (c Challenge, err error) {
	var methods string
	err = row.Scan(&c.ID, &c.UserID, &c.Kind, &methods, &c.Proof.At, &c.Remember, &c.Payload,
		&c.Via.AccountID, &c.Via.SessionID, &c.Since)
	c.Proof.Methods = methodsOf(methods)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoChallenge
	}
	return c, err
}

// Look finds a challenge, and counts no answer. It fails with ErrNoChallenge.
func (m *Maker) Look(ctx context.Context, t secret.Token, browser []byte) (c Challenge, err error) {
	err = m.r.db.Repeat(ctx, "find a challenge", func(ctx context.Context) error {
		c, err = scanChallenge(m.r.db.Pages.QueryRow(ctx, `
			SELECT `+challengeColumns+` FROM gatepost.challenge c, gatepost."user" u WHERE `+challengeFound,
			t.Hash(), browser, challengeAttempts))
		return err
	})
	return c, err
}

// Answer finds a challenge and counts an answer to it. It does so in a transaction of its own, before the caller checks
// the answer, so that an answer counts whatever happens to it. Of many answers at once, only as many succeed as
// challengeAttempts allows. browser identifies the browser in which the challenge was made (Maker.Make). Answer fails
// with ErrNoChallenge.
func (m *Maker) Answer(ctx context.Context, t secret.Token, browser []byte) (c Challenge, err error) {
	err = m.r.db.Transact(ctx, "answer a challenge", func(ctx context.Context, tx pgx.Tx) error {
		c, err = scanChallenge(tx.QueryRow(ctx, `
			UPDATE gatepost.challenge c SET attempts = attempts + 1 FROM gatepost."user" u WHERE `+challengeFound+`
			RETURNING `+challengeColumns, t.Hash(), browser, challengeAttempts))
		return err
	})
	if err != nil {
		return Challenge{}, err
	}
	return c, nil
}

// Met deletes a challenge, in the transaction that makes the session. The caller has locked the user. Met fails
// with ErrNoChallenge if another request met the challenge first.
func (m *Maker) Met(ctx context.Context, tx pgx.Tx, c Challenge) error {
	tag, err := tx.Exec(ctx, `DELETE FROM gatepost.challenge c USING gatepost."user" u
		WHERE c.id = $1 AND c.expires_at > now() AND u.id = c.user_id AND u.disabled_at IS NULL`, c.ID)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrNoChallenge
	}
	return err
}
