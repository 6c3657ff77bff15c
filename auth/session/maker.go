package session

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// New is a session to be made.
type New struct {
	UserID   string
	Proof    Proof
	Remember bool // the session outlives the browser
	Client   secret.Client
	// Presented is the token that the request presented; empty: none. Its session ends, even if it is another user's:
	// a sign-in never continues a session (ASVS 5.0, 7.2.4).
	Presented secret.Token
	Via       Via // the provider that proved the user; zero: none did
	// Since is when the session began that it goes on with, from which its lifetime counts. Zero: now.
	Since time.Time

	id string
}

// Via is the sign-in at a provider that a session comes from.
type Via struct {
	AccountID string // the row of the table account
	SessionID string // what the provider calls its own session (sid); may be empty
	// Seal returns the ID token to be kept, sealed for the id of the session. Nil: none is kept.
	Seal func(ctx context.Context, tx pgx.Tx, sessionID string) ([]byte, error)
}

// Made is the result of a proof: a session, or a challenge to be met first. The caller hands it to Done after the
// transaction.
type Made struct {
	Session   secret.Token // empty: there is a challenge
	SessionID string
	Challenge secret.Token
	// crowdedOut is the user whose oldest sessions ended to make room; empty: none ended.
	crowdedOut string
}

// Maker makes and ends sessions. Only package auth has one, because a Maker decides who is signed in.
type Maker struct {
	r *Reader
	// Demand returns what a user has to do besides the proof. It runs in the transaction that would make the
	// session. A nil field and a nil result demand nothing.
	Demand func(context.Context, pgx.Tx, New) (*Demand, error)
}

// NewMaker returns a Maker for the sessions of a Reader.
func NewMaker(r *Reader) *Maker { return &Maker{r: r} }

// Make is the one way to a session. It ends the session presented and makes a new one, inside the caller's
// transaction, which has locked the users of both. Where Demand asks for more, it makes a challenge instead and
// leaves the session presented alone. browser is the place in which a challenge can be met.
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

// ID returns the id of the row to be made, for a session or a challenge. The payload of a challenge is sealed for
// it.
func (n New) ID() string { return n.id }

// Done drops the copies of the session that was replaced, and of the sessions that ended to make room.
func (m *Maker) Done(presented secret.Token, made Made) {
	if presented != "" {
		if kept, ok := m.r.cache.get(presented.Sum()); ok { // it may have another token besides
			m.r.cache.dropUser(kept.User.ID)
		}
		m.r.cache.drop(presented.Sum())
	}
	if made.crowdedOut != "" {
		m.r.Changed(made.crowdedOut)
	}
}

// insert ends the session presented and inserts the new one, inside the caller's transaction. The caller has locked
// the users of both.
func (m *Maker) insert(ctx context.Context, tx pgx.Tx, n New) (secret.Token, error) {
	if n.Presented != "" {
		_, err := tx.Exec(ctx, `DELETE FROM gatepost.session WHERE (token = $1 OR last_token = $1)
			AND `+Because("replaced"), n.Presented.Hash())
		if err != nil {
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
	var idToken []byte
	if n.Via.Seal != nil {
		var err error
		if idToken, err = n.Via.Seal(ctx, tx, n.id); err != nil {
			return "", err
		}
	}
	t := secret.NewToken()
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at,
		    ip_address, user_agent, methods, proved_at, account_id, provider_sid, id_token, created_at,
		    second_at)
		VALUES ($1, $2, $3, ceil(extract(epoch FROM $4::interval)),
		    least(now() + $4::interval, coalesce($13::timestamptz, now()) + $5::interval), $6, $7,
		    $8, coalesce($9::timestamptz, now()), nullif($10, ''), nullif($11, ''), $12, coalesce($13, now()),
		    $14)`,
		n.id, t.Hash(), n.UserID, idle, m.r.o.Lifetime, address, database.Storable(n.Client.UserAgent),
		n.Proof.words(), n.Proof.at(), n.Via.AccountID, n.Via.SessionID, idToken, n.since(), n.Proof.secondAt())
	if err != nil {
		return "", fmt.Errorf("insert session: %w", err)
	}
	return t, nil
}

func (n New) since() *time.Time {
	if n.Since.IsZero() {
		return nil
	}
	return &n.Since
}

// makeRoom ends the sessions of a user beyond Options.PerUser: those not used for longest. It returns the user's id
// if any ended, else an empty id. The caller has locked the user's row.
func (m *Maker) makeRoom(ctx context.Context, tx pgx.Tx, userID string, made secret.Token) (crowdedOut string,
	err error) {
	tag, err := tx.Exec(ctx, `
		DELETE FROM gatepost.session WHERE id IN (
		    SELECT id FROM gatepost.session WHERE user_id = $1 AND token <> $2
		        ORDER BY last_used_at DESC, id OFFSET $3) AND `+Because("too-many"),
		userID, made.Hash(), m.r.o.PerUser-1)
	if err != nil {
		return "", fmt.Errorf("make room for a session: %w", err)
	}
	if tag.RowsAffected() > 0 {
		crowdedOut = userID
	}
	return crowdedOut, nil
}

// ViaOf returns the provider's part in a session, for the session that replaces it. sealed is its ID token, sealed for
// the id of the session, and nil if none is kept. It fails with ErrNoSession.
func (m *Maker) ViaOf(ctx context.Context, tx pgx.Tx, t secret.Token) (via Via, id string, sealed []byte, err error) {
	err = tx.QueryRow(ctx, `
		SELECT id, coalesce(account_id, ''), coalesce(provider_sid, ''), id_token
		FROM gatepost.session WHERE token = $1`, t.Hash()).Scan(&id, &via.AccountID, &via.SessionID, &sealed)
	return via, id, sealed, orNoSession(err)
}
