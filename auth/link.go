package auth

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// ErrBadLink means that a mailed link was used, has expired, was replaced by a later one, or was never issued; that
// its address has changed since; or that its user is disabled.
var ErrBadLink = errors.New("the link does not work any more")

// Link is what a mailed link is about. It holds no secret.
type Link struct {
	Purpose mail.Purpose
	Email   string   // the address it was sent to
	Roles   []string // roles of an invitation

	userID   string // empty: an invitation
	verified bool   // the user's address was confirmed before
	mailed   bool   // the link was mailed, so its holder reads the mail of the address
	claims   bool   // the address is kept for the user
	password bool   // the user has one
	created  time.Time
}

// Of reports whether the link belongs to the user.
func (l Link) Of(u session.User) bool { return l.userID == u.ID }

// HasPassword reports whether the user of the link has a password.
func (l Link) HasPassword() bool { return l.password }

// WithPassword returns the link as that of a user who has a password, for a sample of a page. It lets nobody do more:
// deeds ask the database what a token is for.
func (l Link) WithPassword() Link { l.password = true; return l }

// Claimable reports whether a link to confirm an address may also choose a new password: the address was never
// confirmed, so the reader of its mail has as good a claim as whoever signed up with it.
func (l Link) Claimable() bool { return l.Purpose == mail.ForVerify && !l.verified }

// Resets reports whether a password can be chosen with the link.
func (l Link) Resets() bool { return l.Purpose == mail.ForReset || l.Claimable() }

// linkSQL selects what a token is for. A link is bound to the address it was sent to. If the user has another
// address now, whoever changed it, the link is void, unless it restores the old address or sets the new one.
//
// A row that an operator wrote by hand is void as well unless it has what its purpose needs: an address, and a
// user, or no user for an invitation.
var linkSQL = `
	SELECT split_part(v.identifier, ':', 1), coalesce(v.email, ''), coalesce(v.role, ''), coalesce(v.user_id, ''),
	       coalesce(u.email_verified, false), v.mailed, v.claims, ` + database.Readable(`v.created_at`) + `,
	       EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id AND a.provider_id = 'credential'
	           AND a.password <> '')
	FROM gatepost.verification v LEFT JOIN gatepost."user" u ON u.id = v.user_id
	WHERE v.value = $1 AND v.identifier NOT LIKE '` + mail.Used + `%' AND v.expires_at > now()
	    AND u.disabled_at IS NULL AND v.email <> '' AND v.email = lower(v.email)
	    AND (u.id IS NULL) = (split_part(v.identifier, ':', 1) = '` + string(mail.ForInvite) + `')
	    AND (split_part(v.identifier, ':', 1) IN ('` + string(mail.ForInvite) + `', '` + string(mail.ForChange) + `',
	        '` + string(mail.ForUndo) + `') OR u.email = v.email)`

// Link returns what a link is for, without using it up. It fails with ErrBadLink or database.ErrUnavailable.
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
	err = row.Scan(&l.Purpose, &l.Email, &roles, &l.userID, &l.verified, &l.mailed, &l.claims, &l.created,
		&l.password)
	l.Roles = session.SplitList(roles)
	return l, err
}

// linkFor is Link for allowed links only. It fails with ErrBadLink for others.
func (s *Store) linkFor(ctx context.Context, t secret.Token, allowed func(Link) bool) (Link, error) {
	l, err := s.Link(ctx, t)
	if err == nil && !allowed(l) {
		return Link{}, ErrBadLink
	}
	return l, err
}

func isFor(p mail.Purpose) func(Link) bool { return func(l Link) bool { return l.Purpose == p } }

// spend deletes a link, in the transaction of its use. Of concurrent uses exactly one succeeds.
func spend(ctx context.Context, tx pgx.Tx, t secret.Token, l Link, allowed func(Link) bool) error {
	return spendHash(ctx, tx, t.Hash(), l, allowed)
}

// spendHash is spend for a link whose hash alone is known.
func spendHash(ctx context.Context, tx pgx.Tx, hash string, l Link, allowed func(Link) bool) error {
	if _, err := database.LockUser(ctx, tx, l.userID, ""); err != nil {
		return err
	}
	now, err := scanLink(tx.QueryRow(ctx, linkSQL+` FOR UPDATE OF v`, hash))
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (now.userID != l.userID || !allowed(now)) {
		return ErrBadLink
	}
	if err != nil {
		return err
	}
	if now.Purpose == mail.ForVerify || now.Purpose == mail.ForChange { // they may be opened once more
		_, err = tx.Exec(ctx, `UPDATE gatepost.verification SET identifier = $2 || identifier, claims = false
		    WHERE value = $1`, hash, mail.Used)
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM gatepost.verification WHERE value = $1`, hash)
	return err
}

// WasUsed reports whether a link was for the user of a session, who has used it for the confirmed address that they
// have now. It fails with database.ErrUnavailable.
func (s *Store) WasUsed(ctx context.Context, t secret.Token, p mail.Purpose, of secret.Token) (used bool, err error) {
	own, err := s.Describe(ctx, of)
	if errors.Is(err, session.ErrNoSession) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = s.db.Again(ctx, func(ctx context.Context) error {
		return s.db.Pages.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM gatepost.verification v JOIN gatepost."user" u ON u.id = v.user_id
			    WHERE v.value = $1 AND v.identifier = $2 AND v.expires_at > now() AND u.email = v.email
			    AND u.email_verified)`, t.Hash(), mail.Used+string(p)+":"+own.User.ID).Scan(&used)
	})
	if err != nil {
		return false, s.db.Unavailable("read a used link", err)
	}
	return used, nil
}
