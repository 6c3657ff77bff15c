package mail

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatepost/gatepost/auth/secret"
)

// Purpose is what a mailed link is for.
type Purpose string

// The purposes of links. For each purpose only a user's latest link works; for ForUndo, the latest for each
// address.
const (
	ForReset   Purpose = "reset-password"
	ForVerify  Purpose = "verify-email"
	ForChange  Purpose = "change-email"
	ForUndo    Purpose = "undo-change-email"
	ForInvite  Purpose = "invitation"
	ForConnect Purpose = "connect-account" // connects an identity at a provider to the account
	ForProve   Purpose = "prove-identity"  // proves the user of a session again
)

// lifetimes of links. NIST SP 800-63B-4 section 4.2.1.2 allows 24 h for mailed recovery codes; OWASP advises an
// hour for forgotten passwords. An invitation recovers nothing.
var lifetimes = map[Purpose]time.Duration{
	ForReset: time.Hour, ForVerify: 24 * time.Hour, ForChange: 24 * time.Hour, ForUndo: 24 * time.Hour,
	ForInvite: 7 * 24 * time.Hour, ForConnect: time.Hour, ForProve: 10 * time.Minute,
}

// Used begins the identifier of a link that was used, and is known as such until it expires.
const Used = "used-"

// purposes maps the kinds of mail with a link to the purpose of the link.
var purposes = map[Kind]Purpose{
	Reset: ForReset, Verify: ForVerify, Change: ForChange, Changed: ForUndo, Invite: ForInvite,
	Connect: ForConnect, Prove: ForProve,
}

// Purpose returns what the link of a mail is for; empty: the mail has no link.
func (k Kind) Purpose() Purpose { return purposes[k] }

// Lifetime returns how long the link of a mail works, from the event on; 0: the mail has no link that ends.
func (k Kind) Lifetime() time.Duration { return lifetimes[purposes[k]] }

// Link is a link to be made.
type Link struct {
	Purpose Purpose
	UserID  string // empty: an invitation
	Email   string // the address it is sent to
	Role    string // roles of an invitation, comma-separated
	Mailed  bool   // the link is mailed, so its holder reads the mail of the address
	Claims  bool   // the address is kept for the user
}

// identifier is the same for links of which only the latest works.
func (l Link) identifier() string {
	id := string(l.Purpose) + ":" + l.UserID
	if l.Purpose == ForUndo || l.Purpose == ForInvite {
		id += ":" + l.Email
	}
	return id
}

// make inserts a link. at is when it was requested; nil means now. Earlier links keep working until voidOlder, so
// that a mail that cannot be sent voids nothing.
func (l Link) make(ctx context.Context, tx pgx.Tx, at *time.Time) (secret.Token, error) {
	t := secret.NewToken()
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.verification (id, identifier, value, user_id, email,
		    role, mailed, claims, created_at, expires_at)
		VALUES ($1, $2, $3, nullif($4, ''), $5, nullif($6, ''), $7, $8, coalesce($9, now()), now() + $10::interval)`,
		secret.NewID(), l.identifier(), t.Hash(), l.UserID, l.Email, l.Role, l.Mailed, l.Claims,
		at, lifetimes[l.Purpose])
	return t, err
}

// voidOlder voids the links that the link of a token replaces: those requested before it, and those of its own
// failed attempts. Mails may be sent in another order than requested; a link voids no later one.
func (l Link) voidOlder(ctx context.Context, db interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, t secret.Token) error {
	_, err := db.Exec(ctx, `
		DELETE FROM gatepost.verification WHERE identifier = $1 AND value <> $2
		    AND created_at <= (SELECT max(created_at) FROM gatepost.verification
		        WHERE value = $2)`, l.identifier(), t.Hash())
	return err
}

// HandOver makes a link that is not mailed, and voids the ones it replaces.
func (l Link) HandOver(ctx context.Context, tx pgx.Tx) (secret.Token, error) {
	t, err := l.make(ctx, tx, nil)
	if err == nil {
		err = l.voidOlder(ctx, tx, t)
	}
	return t, err
}

// Void voids what was mailed to a user, except links that undo a change of address: those are the user's remedy
// against an intruder. Used links do nothing. The outbox comes first, and waits for a sender that is making a link.
func Void(ctx context.Context, tx pgx.Tx, userID string) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.outbox WHERE user_id = $1 AND kind IN ('verify', 'reset', 'change', 'connect', 'prove')`,
		userID)
	b.Queue(`DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier NOT LIKE $2 AND identifier NOT LIKE $3`,
		userID, string(ForUndo)+":%", Used+"%")
	return tx.SendBatch(ctx, b).Close()
}
