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

// The purposes of links. One link of a purpose works for a user at a time, the latest; of those that undo a change of
// address, one for each address.
const (
	ForReset  Purpose = "reset-password"
	ForVerify Purpose = "verify-email"
	ForChange Purpose = "change-email"
	ForUndo   Purpose = "undo-change-email"
	ForInvite Purpose = "invitation"
)

// lifetimes of links. NIST SP 800-63B-4 section 4.2.1.2 allows 24 h to what is mailed for recovery; OWASP's advice on
// forgotten passwords is an hour. An invitation recovers nothing.
var lifetimes = map[Purpose]time.Duration{
	ForReset: time.Hour, ForVerify: 24 * time.Hour, ForChange: 24 * time.Hour, ForUndo: 24 * time.Hour,
	ForInvite: 7 * 24 * time.Hour,
}

// purposes are those of the mails that have a link.
var purposes = map[Kind]Purpose{
	Reset: ForReset, Verify: ForVerify, Change: ForChange, Changed: ForUndo, Invite: ForInvite,
}

// Purpose is what the link of a mail is for; empty: it has none.
func (k Kind) Purpose() Purpose { return purposes[k] }

// Link is a link that is to be made.
type Link struct {
	Purpose Purpose
	UserID  string // empty: an invitation
	Email   string // the address it is sent to
	Role    string // of an invitation, as the column has it
	Mailed  bool   // so whoever has it reads the mail of the address
	Claims  bool   // the address is kept for the user
}

// identifier is shared by the links of which only the latest works.
func (l Link) identifier() string {
	id := string(l.Purpose) + ":" + l.UserID
	if l.Purpose == ForUndo || l.Purpose == ForInvite {
		id += ":" + l.Email
	}
	return id
}

// make makes a link. at is when it was asked for; nil means now. Those before it go on to work until voidOlder: a mail
// that does not go out takes nothing from anybody.
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

// voidOlder ends the links that one takes the place of: those asked for before it, and with it by attempts that went
// wrong. Of two mails the one that was asked for first may be sent last, and its link ends no later one.
func (l Link) voidOlder(ctx context.Context, db interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, t secret.Token) error {
	_, err := db.Exec(ctx, `
		DELETE FROM gatepost.verification WHERE identifier = $1 AND value <> $2
		    AND created_at <= (SELECT max(created_at) FROM gatepost.verification
		        WHERE value = $2)`, l.identifier(), t.Hash())
	return err
}

// HandOver makes a link that no mail carries.
func (l Link) HandOver(ctx context.Context, tx pgx.Tx) (secret.Token, error) {
	t, err := l.make(ctx, tx, nil)
	if err == nil {
		err = l.voidOlder(ctx, tx, t)
	}
	return t, err
}

// Void takes back whatever was mailed to a user, but for links that undo a change of address: they are what a user has
// against somebody who got in. The outbox comes first, and waits for a sender that is making a link.
func Void(ctx context.Context, tx pgx.Tx, userID string) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.outbox WHERE user_id = $1 AND kind IN ('verify', 'reset', 'change')`, userID)
	b.Queue(`DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier NOT LIKE $2`,
		userID, string(ForUndo)+":%")
	return tx.SendBatch(ctx, b).Close()
}
