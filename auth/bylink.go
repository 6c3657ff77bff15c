package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// linkOf returns the mailed link that a flow began from, or nil if there is none. It fails with ErrBadLink.
func (s *Store) linkOf(ctx context.Context, v visit) (*Link, error) {
	if v.flow.link == "" {
		return nil, nil
	}
	var l Link
	err := s.db.Repeat(ctx, "read link", func(ctx context.Context) (err error) {
		l, err = scanLink(s.db.Pages.QueryRow(ctx, linkSQL, v.flow.link))
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrBadLink
		}
		return err
	})
	if err == nil && !addsWayIn(l) {
		err = ErrBadLink
	}
	return &l, err
}

// addsWayIn reports whether a provider may be connected with a link: it does what a new password with it would do.
func addsWayIn(l Link) bool { return l.Purpose == mail.ForInvite || l.Resets() }

// enterByLink signs in whom a provider has named and who came by a mailed link. The link proves the mailbox, or that
// the operator handed it over, so any identity may be connected with it.
func (s *Store) enterByLink(ctx context.Context, v visit, l Link, done *Finished) error {
	v.also = []session.Method{session.Link}
	owner, _, err := s.ownerOfIdentity(ctx, v)
	if err != nil {
		return err
	}
	if l.Purpose == mail.ForInvite {
		if owner != "" { // they have an account; the invitation waits for somebody who has none
			v.also = nil
			return s.enterKnown(ctx, v, owner, done)
		}
		return s.acceptBy(ctx, v, l, done)
	}
	if owner != "" && owner != l.userID {
		return ErrLinkedElsewhere
	}
	return s.enterTx(ctx, v, l.userID, done, func(ctx context.Context, tx pgx.Tx) error {
		if err := spendHash(ctx, tx, v.flow.link, l, addsWayIn); err != nil {
			return err
		}
		if owner == "" {
			here := local{userID: l.userID, email: l.Email, verified: l.verified}
			if err := s.connect(ctx, tx, v, here, true); err != nil {
				return err
			}
			done.connected = true
		}
		return s.useLink(ctx, tx, v, l, done)
	})
}

// useLink does with a spent link what a new password would: it confirms the address that the link was mailed to, or
// ends the sessions there are. A link that was handed over confirms nothing, so that may still have to be done.
func (s *Store) useLink(ctx context.Context, tx pgx.Tx, v visit, l Link, done *Finished) (err error) {
	if !l.verified && l.mailed {
		done.Took, err = s.proveMailbox(ctx, tx, l.userID, v.keep(), v.client)
		return err
	}
	if _, err := s.sessions.EndAll(ctx, tx, l.userID); err != nil {
		return err
	}
	if !l.verified && s.o.Verify == VerifyRequired {
		return s.sendToMailbox(ctx, tx, l.userID, l.Email, v, done)
	}
	return nil
}

// enterInvited accepts an invitation that was found by its address. The proof is the provider's alone.
func (s *Store) enterInvited(ctx context.Context, v visit, done *Finished) error {
	l, err := s.linkOf(ctx, v)
	if err != nil {
		return err
	}
	return s.acceptBy(ctx, v, *l, done)
}

// acceptBy makes the invited user. Their address is that of the invitation. Whoever signed up with it before and did
// not confirm it loses the account to them.
func (s *Store) acceptBy(ctx context.Context, v visit, l Link, done *Finished) error {
	done.event = "accept-invitation"
	row := userRow{id: secret.NewID(), email: l.Email, name: claimedName(v), verified: true}
	var err error
	if row.roles, err = canonicalRoles(l.Roles); err != nil || row.roles == "" {
		row.roles = DefaultRole
	}
	squatted, err := s.unconfirmed(ctx, row.email)
	if err != nil {
		return err
	}
	spend := func(ctx context.Context, tx pgx.Tx) error {
		return spendHash(ctx, tx, v.flow.link, l, isFor(mail.ForInvite))
	}
	if squatted == "" {
		return s.makeUserBy(ctx, v, row, done, spend)
	}
	return s.enterTx(ctx, v, squatted, done, func(ctx context.Context, tx pgx.Tx) error {
		if err := spend(ctx, tx); err != nil {
			return err
		}
		if err := s.connect(ctx, tx, v, local{userID: squatted, email: row.email}, true); err != nil {
			return err
		}
		done.connected = true
		if done.Took, err = s.proveMailbox(ctx, tx, squatted, v.keep(), v.client); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE gatepost."user" SET role = $2, updated_at = now() WHERE id = $1`,
			squatted, row.roles)
		return err
	})
}

// invitationTo returns the hash of an open invitation to an address, or an empty one. A provider that proves the
// address proves that the invitation is for this person.
func (s *Store) invitationTo(ctx context.Context, email string) (hash string, err error) {
	err = s.db.Repeat(ctx, "find invitation", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, `
			SELECT value FROM gatepost.verification WHERE identifier = $1 AND email = $2 AND expires_at > now()
			ORDER BY created_at DESC LIMIT 1`, string(mail.ForInvite)+"::"+email, email).Scan(&hash)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return hash, err
}

// viaOf returns the provider's part in a session, for the session that replaces it.
func (s *Store) viaOf(ctx context.Context, tx pgx.Tx, t secret.Token) (session.Via, error) {
	via, id, sealed, err := s.sessions.ViaOf(ctx, tx, t)
	if err != nil || sealed == nil {
		return via, err
	}
	via.Seal = func(ctx context.Context, tx pgx.Tx, sessionID string) ([]byte, error) {
		return s.reseal(ctx, tx, id, sessionID, sealed)
	}
	return via, nil
}
