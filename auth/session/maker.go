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
	Remember  bool // it outlives the browser
	Client    secret.Client
	Presented secret.Token // ends, whoever's it was: a sign-in never continues a session (ASVS 5.0, 7.2.4)
}

// Maker makes and ends sessions. Only package auth has one: whoever has it decides who is signed in.
type Maker struct{ r *Reader }

// NewMaker makes a Maker whose sessions a Reader knows.
func NewMaker(r *Reader) *Maker { return &Maker{r} }

// Make ends the presented session and makes the new one, inside the caller's transaction, which has locked the users of
// both. crowdedOut is the user some of whose sessions ended to make room; empty: none did. When the transaction is over,
// Made has to be told.
func (m *Maker) Make(ctx context.Context, tx pgx.Tx, n New) (t secret.Token, crowdedOut string, err error) {
	if t, err = m.insert(ctx, tx, n); err != nil {
		return "", "", err
	}
	crowdedOut, err = m.makeRoom(ctx, tx, n.UserID, t)
	return t, crowdedOut, err
}

// Made forgets the session that a new one has replaced, and those that had to make room.
func (m *Maker) Made(presented secret.Token, crowdedOut string) {
	if presented != "" {
		m.r.cache.drop(presented.Sum())
	}
	if crowdedOut != "" {
		m.r.Changed(crowdedOut)
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
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at, ip_address, user_agent)
		VALUES ($1, $2, $3, ceil(extract(epoch FROM $4::interval)), now() + least($4::interval, $5::interval), $6, $7)`,
		secret.NewID(), t.Hash(), n.UserID, idle, m.r.o.Lifetime, address, database.Storable(n.Client.UserAgent))
	if err != nil {
		return "", fmt.Errorf("insert session: %w", err)
	}
	return t, nil
}

// makeRoom ends the sessions of a user beyond what they may have with a new one: those not used for longest. It returns
// whose they were, empty for none. The caller has the user's row locked.
func (m *Maker) makeRoom(ctx context.Context, tx pgx.Tx, userID string, made secret.Token) (crowdedOut string, err error) {
	tag, err := tx.Exec(ctx, `
		DELETE FROM gatepost.session WHERE id IN (
		    SELECT id FROM gatepost.session WHERE user_id = $1 AND token <> $2 ORDER BY last_used_at DESC, id OFFSET $3)`,
		userID, made.Hash(), m.r.o.PerUser-1)
	if err != nil {
		return "", fmt.Errorf("make room for a session: %w", err)
	}
	if tag.RowsAffected() > 0 {
		crowdedOut = userID
	}
	return crowdedOut, nil
}
