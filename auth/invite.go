package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Invitation is what an operator offers to somebody who has no account.
type Invitation struct {
	Email    string   // as typed
	Roles    []string // empty: DefaultRole
	Language string   // of the mail; empty: the first
}

// Invite mails an invitation. It voids the one before to the same address. It fails with InputError (fields "email", Taken when
// the address has an account, and "role") or ErrUnavailable.
func (s *Store) Invite(ctx context.Context, i Invitation) error {
	return s.invite(ctx, i, func(ctx context.Context, tx pgx.Tx, email, roles string) error {
		return s.post(ctx, tx, letter{MailInvite, "", email, i.Language, MailFacts{Role: roles}})
	})
}

// InvitationLink is Invite without a mail: the link is for the operator to hand over.
func (s *Store) InvitationLink(ctx context.Context, i Invitation) (t Token, err error) {
	err = s.invite(ctx, i, func(ctx context.Context, tx pgx.Tx, email, roles string) error {
		t, err = newLink(ctx, tx, Link{Purpose: ForInvite, Email: email, Roles: splitRoles(roles)}, nil)
		return err
	})
	return t, err
}

func (s *Store) invite(ctx context.Context, i Invitation, offer func(ctx context.Context, tx pgx.Tx, email, roles string) error) error {
	email, err := CanonicalEmail(i.Email)
	if err != nil {
		return err
	}
	roles, err := canonicalRoles(i.Roles)
	if err != nil {
		return err
	}
	err = s.transact(ctx, "invite", func(ctx context.Context, tx pgx.Tx) error {
		owner, err := ownerOf(ctx, tx, email, "")
		if err != nil {
			return err
		}
		if owner != "" {
			return InputError{{"email", Taken, 0}}
		}
		return offer(ctx, tx, email, roles)
	})
	s.outbox.kick()
	s.audit(ctx, "invite", "", Client{}, err)
	return err
}

// AcceptInvitation makes the user a link invites, whether sign-up is open or not, and signs him in. His address and roles are
// those of the invitation, the address a confirmed one. It fails with ErrBadLink, InputError, ErrBusy or ErrUnavailable.
func (s *Store) AcceptInvitation(ctx context.Context, t Token, u NewUser, remember bool, presented Token, c Client) (Issued, error) {
	issued, userID, err := s.acceptInvitation(ctx, t, u, remember, presented, c)
	s.metrics.signUps.WithLabelValues(result(err)).Inc()
	s.audit(ctx, "accept-invitation", userID, c, err)
	return issued, err
}

func (s *Store) acceptInvitation(ctx context.Context, t Token, u NewUser, remember bool, presented Token, c Client) (Issued, string, error) {
	l, err := s.linkFor(ctx, t, isFor(ForInvite))
	if err != nil {
		return Issued{}, "", err
	}
	u.Email, u.Roles = l.Email, l.Roles
	row, err := s.checkNewUser(u)
	if err != nil {
		return Issued{}, "", err
	}
	row.verified = true
	err = s.hashes.turn(ctx, func(derive deriver) error { row.hash = hash(u.Password, derive); return nil })
	if err != nil {
		return Issued{}, "", err
	}
	var issued Issued
	err = s.insertUser(ctx, row, func(tx pgx.Tx) (err error) {
		if err := spend(ctx, tx, t, l, isFor(ForInvite)); err != nil {
			return err
		}
		issued, err = s.issue(ctx, tx, newSession{row.id, remember, c, presented})
		return err
	})
	if errors.Is(err, ErrBadLink) {
		return Issued{}, "", ErrBadLink
	}
	if err == nil {
		s.ended(presented)
	}
	return issued, row.id, err
}
