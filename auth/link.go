package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// ErrBadLink: a mailed link was used, has expired, was replaced by a later one, or never was ours. Or what it was about has
// changed since: the address, or the user was disabled.
var ErrBadLink = errors.New("the link does not work any more")

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

// lifetimes of links. NIST SP 800-63B-4 section 4.2.1.2 allows 24 h to what is mailed for recovery; OWASP's advice on forgotten
// passwords is an hour. An invitation recovers nothing.
var lifetimes = map[Purpose]time.Duration{
	ForReset: time.Hour, ForVerify: 24 * time.Hour, ForChange: 24 * time.Hour, ForUndo: 24 * time.Hour, ForInvite: 7 * 24 * time.Hour,
}

// purposes are those of the mails that have a link.
var purposes = map[MailKind]Purpose{
	MailReset: ForReset, MailVerify: ForVerify, MailChange: ForChange, MailChanged: ForUndo, MailInvite: ForInvite,
}

// Purpose is what the link of a mail is for; empty: it has none.
func (k MailKind) Purpose() Purpose { return purposes[k] }

// Link is what a mailed link is about. It holds no secret.
type Link struct {
	Purpose Purpose
	Email   string   // the address it was sent to
	Roles   []string // of an invitation

	userID   string // empty: an invitation
	verified bool   // the user's address was confirmed before
	mailed   bool   // so whoever has it reads the mail of the address
	claims   bool   // the address is kept for the user
	created  time.Time
}

// Of says whether a link is a user's.
func (l Link) Of(u User) bool { return l.userID == u.ID }

// Claimable says that a link to confirm an address may choose a new password as well: nobody has shown yet that the address
// is his, so whoever reads its mail is as good an owner as whoever typed it.
func (l Link) Claimable() bool { return l.Purpose == ForVerify && !l.verified }

// Resets says that a password can be chosen with the link.
func (l Link) Resets() bool { return l.Purpose == ForReset || l.Claimable() }

// linkSQL finds what a token is for. A link is about the address it was sent to: where the user has another one by now it is
// dead, unless it is there to bring the old one back, or to take the new one.
//
// A row that somebody wrote by hand is dead as well unless it has what its purpose needs: an address, and a user or,
// for an invitation, none.
var linkSQL = `
	SELECT split_part(v.identifier, ':', 1), coalesce(v.email, ''), coalesce(v.role, ''), coalesce(v.user_id, ''),
	       coalesce(u.email_verified, false), v.mailed, v.claims, ` + database.Readable(`v.created_at`) + `
	FROM gatepost.verification v LEFT JOIN gatepost."user" u ON u.id = v.user_id
	WHERE v.value = $1 AND v.expires_at > now() AND u.disabled_at IS NULL AND v.email <> '' AND v.email = lower(v.email)
	    AND (u.id IS NULL) = (split_part(v.identifier, ':', 1) = '` + string(ForInvite) + `')
	    AND (split_part(v.identifier, ':', 1) NOT IN ('` + string(ForReset) + `', '` + string(ForVerify) + `') OR u.email = v.email)`

// Link says what a link is about and leaves it as it is. It fails with ErrBadLink or database.ErrUnavailable.
func (s *Store) Link(ctx context.Context, t secret.Token) (Link, error) {
	var l Link
	err := s.db.Again(ctx, func(ctx context.Context) (err error) {
		l, err = scanLink(s.db.Pages.QueryRow(ctx, linkSQL, t.Hash()))
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Link{}, ErrBadLink
	}
	if err != nil {
		return Link{}, s.db.Unavailable("read link", err)
	}
	return l, nil
}

func scanLink(row pgx.Row) (l Link, err error) {
	var roles string
	err = row.Scan(&l.Purpose, &l.Email, &roles, &l.userID, &l.verified, &l.mailed, &l.claims, &l.created)
	l.Roles = splitRoles(roles)
	return l, err
}

// linkFor is Link for one of some purposes.
func (s *Store) linkFor(ctx context.Context, t secret.Token, allowed func(Link) bool) (Link, error) {
	l, err := s.Link(ctx, t)
	if err == nil && !allowed(l) {
		return Link{}, ErrBadLink
	}
	return l, err
}

func isFor(p Purpose) func(Link) bool { return func(l Link) bool { return l.Purpose == p } }

// spend uses a link up, in the transaction of the deed. Of any number at once, one gets it.
func spend(ctx context.Context, tx pgx.Tx, t secret.Token, l Link, allowed func(Link) bool) error {
	if _, err := database.LockUser(ctx, tx, l.userID, ""); err != nil {
		return err
	}
	now, err := scanLink(tx.QueryRow(ctx, linkSQL+` FOR UPDATE OF v`, t.Hash()))
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (now.userID != l.userID || !allowed(now)) {
		return ErrBadLink
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM gatepost.verification WHERE value = $1`, t.Hash())
	return err
}

// voidLinks takes back whatever was mailed to a user, but for links that undo a change of address: they are what a user has
// against somebody who got in. The outbox comes first, and waits for a sender that is making a link.
func voidLinks(ctx context.Context, tx pgx.Tx, userID string) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.outbox WHERE user_id = $1 AND kind IN ('verify', 'reset', 'change')`, userID)
	b.Queue(`DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier NOT LIKE $2`, userID, string(ForUndo)+":%")
	return tx.SendBatch(ctx, b).Close()
}

// identifier is shared by the links of which only the latest works.
func (l Link) identifier() string {
	id := string(l.Purpose) + ":" + l.userID
	if l.Purpose == ForUndo || l.Purpose == ForInvite {
		id += ":" + l.Email
	}
	return id
}

// newLink makes a link. at is when it was asked for; nil means now. Those before it go on to work until voidOlder: a mail that
// does not go out takes nothing from anybody.
func newLink(ctx context.Context, tx pgx.Tx, l Link, at *time.Time) (secret.Token, error) {
	t := secret.NewToken()
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.verification (id, identifier, value, user_id, email, role, mailed, claims, created_at, expires_at)
		VALUES ($1, $2, $3, nullif($4, ''), $5, nullif($6, ''), $7, $8, coalesce($9, now()), now() + $10::interval)`,
		secret.NewID(), l.identifier(), t.Hash(), l.userID, l.Email, strings.Join(l.Roles, ","), l.mailed, l.claims, at, lifetimes[l.Purpose])
	return t, err
}

// voidOlder ends the links that one takes the place of: those asked for before it, and with it by attempts that went wrong. Of two mails
// the one that was asked for first may be sent last, and its link ends no later one.
func voidOlder(ctx context.Context, db interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, l Link, t secret.Token) error {
	_, err := db.Exec(ctx, `
		DELETE FROM gatepost.verification WHERE identifier = $1 AND value <> $2
		    AND created_at <= (SELECT max(created_at) FROM gatepost.verification WHERE value = $2)`, l.identifier(), t.Hash())
	return err
}

// handOver makes a link that no mail carries.
func handOver(ctx context.Context, tx pgx.Tx, l Link) (secret.Token, error) {
	t, err := newLink(ctx, tx, l, nil)
	if err == nil {
		err = voidOlder(ctx, tx, l, t)
	}
	return t, err
}
