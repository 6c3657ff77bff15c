package session

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// New is a session to be made.
type New struct {
	UserID    string
	Proof     Proof
	Remember  bool // it outlives the browser
	Client    secret.Client
	Presented secret.Token // ends, whoever's it was: a sign-in never continues a session (ASVS 5.0, 7.2.4)

	id string
}

// Made is what a proof has come to: a session, or a challenge to be met first. It is to be handed to Done when the
// transaction is over.
type Made struct {
	Session   secret.Token // empty: a challenge
	SessionID string
	Challenge secret.Token
	// crowdedOut is the user some of whose sessions ended to make room; empty: none did.
	crowdedOut string
}

// Maker makes and ends sessions. Only package auth has one: whoever has it decides who is signed in.
type Maker struct {
	r *Reader
	// Demand says what more it takes than a proof, in the transaction that would make the session; nil: nothing. A
	// field that is nil demands nothing of anybody.
	Demand func(context.Context, pgx.Tx, New) (*Demand, error)
}

// NewMaker makes a Maker whose sessions a Reader knows.
func NewMaker(r *Reader) *Maker { return &Maker{r: r} }

// Make is the one way to a session. It ends the presented session and makes the new one, or the challenge that has to
// be met first, inside the caller's transaction, which has locked the users of both. browser is the place that a
// challenge is good in.
func (m *Maker) Make(ctx context.Context, tx pgx.Tx, n New, browser []byte) (made Made, err error) {
	n.id = secret.NewID()
	if m.Demand != nil {
		d, err := m.Demand(ctx, tx, n)
		if err != nil {
			return Made{}, err
		}
		if d != nil {
			made.Challenge, err = m.challenge(ctx, tx, n, browser, *d)
			return made, err
		}
	}
	if made.Session, err = m.insert(ctx, tx, n); err != nil {
		return Made{}, err
	}
	made.SessionID = n.id
	made.crowdedOut, err = m.makeRoom(ctx, tx, n.UserID, made.Session)
	return made, err
}

// ID is what the row will have: of the session, or of the challenge, for which a payload is sealed.
func (n New) ID() string { return n.id }

// Done forgets the session that a new one has replaced, and those that had to make room.
func (m *Maker) Done(presented secret.Token, made Made) {
	if presented != "" {
		m.r.cache.drop(presented.Sum())
	}
	if made.crowdedOut != "" {
		m.r.Changed(made.crowdedOut)
	}
}

// insert ends the presented session and makes the new one, inside the caller's transaction, which has locked the
// users of both.
func (m *Maker) insert(ctx context.Context, tx pgx.Tx, n New) (secret.Token, error) {
	if n.Presented != "" {
		if _, err := tx.Exec(ctx, `DELETE FROM gatepost.session WHERE token = $1`, n.Presented.Hash()); err != nil {
			return "", fmt.Errorf("end the session presented: %w", err)
		}
	}
	idle := m.r.o.Idle
	if !n.Remember {
		idle = min(idle, notRemembered)
	}
	var address *string
	if n.Client.Addr.IsValid() {
		a := n.Client.Addr.String()
		address = &a
	}
	t := secret.NewToken()
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at,
		    ip_address, user_agent, methods, proved_at)
		VALUES ($1, $2, $3, ceil(extract(epoch FROM $4::interval)), now() + least($4::interval, $5::interval), $6, $7,
		    $8, coalesce($9::timestamptz, now()))`,
		n.id, t.Hash(), n.UserID, idle, m.r.o.Lifetime, address, database.Storable(n.Client.UserAgent),
		n.Proof.words(), n.Proof.at())
	if err != nil {
		return "", fmt.Errorf("insert session: %w", err)
	}
	return t, nil
}

// makeRoom ends the sessions of a user beyond what they may have with a new one: those not used for longest. It returns
// whose they were, empty for none. The caller has the user's row locked.
func (m *Maker) makeRoom(ctx context.Context, tx pgx.Tx, userID string, made secret.Token) (crowdedOut string,
	err error) {
	tag, err := tx.Exec(ctx, `
		DELETE FROM gatepost.session WHERE id IN (
		    SELECT id FROM gatepost.session WHERE user_id = $1 AND token <> $2
		        ORDER BY last_used_at DESC, id OFFSET $3)`,
		userID, made.Hash(), m.r.o.PerUser-1)
	if err != nil {
		return "", fmt.Errorf("make room for a session: %w", err)
	}
	if tag.RowsAffected() > 0 {
		crowdedOut = userID
	}
	return crowdedOut, nil
}
