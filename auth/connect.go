package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/session"
)

// linkToSession connects an identity to the account of the session in which the flow began. The session must still
// be that one: otherwise somebody's finished sign-in would end up in another's account (RFC 9700, section 4.7).
func (s *Store) linkToSession(ctx context.Context, v visit, done *Finished) error {
	if v.presented == "" || v.presented.Hash() != v.flow.session {
		return session.ErrNoSession
	}
	err := s.db.Transact(ctx, "connect an identity", func(ctx context.Context, tx pgx.Tx) error {
		done.connected, done.Took = false, false // of a try before this one
		if _, err := database.LockUser(ctx, tx, v.flow.userID, v.presented); err != nil {
			return err
		}
		if err := s.mayLink(ctx, tx, v); err != nil {
			return err
		}
		l := local{userID: v.flow.userID}
		err := tx.QueryRow(ctx, `SELECT email, email_verified FROM gatepost."user" WHERE id = $1`, l.userID).
			Scan(&l.email, &l.verified)
		if err != nil {
			return err
		}
		var linked bool
		if err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM gatepost.account WHERE issuer = $1 AND account_id = $2 AND user_id = $3)`,
			v.id.Issuer, v.id.Subject, l.userID).Scan(&linked); err != nil {
			return err
		}
		if !linked {
			if err := s.connect(ctx, tx, v, l, true); err != nil {
				return movedOr(err)
			}
			done.connected = true
			if _, err := s.noteClaims(ctx, tx, v, l.userID); err != nil {
				return err
			}
		}
		return s.confirmByConnecting(ctx, tx, v, l, done)
	})
	if errors.Is(err, errMoved) { // the identity is another user's
		err = ErrLinkedElsewhere
	}
	s.outbox.Kick()
	if err == nil {
		s.Changed(v.flow.userID)
	}
	return err
}

// mayLink fails unless the session is that of the flow's user, and may still connect a provider.
func (s *Store) mayLink(ctx context.Context, tx pgx.Tx, v visit) error {
	o, err := s.Own(ctx, tx, v.presented)
	if err == nil && o.UserID != v.flow.userID {
		err = ErrOtherUser
	}
	if err != nil {
		return err
	}
	return atOwnLevel(ctx, tx, o)
}

// connect inserts the identity for a locked user, if the user is still as they were found, and tells the owner.
// Without more a confirmed user keeps to one identity at a provider: an address that went to somebody else there
// leads to no account here.
func (s *Store) connect(ctx context.Context, tx pgx.Tx, v visit, l local, more bool) error {
	var same, other bool
	err := tx.QueryRow(ctx, `
		SELECT email = $2 AND email_verified = $3 AND disabled_at IS NULL,
		    EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id AND a.issuer = $4 AND a.account_id <> $5)
		FROM gatepost."user" u WHERE id = $1`, l.userID, l.email, l.verified, v.id.Issuer, v.id.Subject).
		Scan(&same, &other)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && !same:
		return errMoved
	case err != nil:
		return err
	case other && l.verified && !more:
		return ErrLinkedElsewhere
	}
	if err := insertIdentity(ctx, tx, v, l.userID); err != nil {
		return err
	}
	letter := mail.NewLetter(mail.Linked, l.userID, l.email, v.client)
	letter.Facts.Provider = v.p.Label()
	if err := s.outbox.Post(ctx, tx, letter); err != nil {
		return err
	}
	return s.record(ctx, tx, "link-account", l.userID, v.client, v.detail())
}

// confirmByConnecting confirms the address of a user who connects a provider that proves it. They are known by their
// session, so that the way in by which it was made stays, as with a mailed link; else it would go at their next sign-in
// there, as that of a stranger.
func (s *Store) confirmByConnecting(ctx context.Context, tx pgx.Tx, v visit, l local, done *Finished) (err error) {
	if email, _ := CanonicalEmail(v.id.Email); l.verified || !v.id.EmailProved || email != l.email {
		return nil
	}
	keep := v.keep()
	keep.session = v.presented
	done.Took, err = s.proveMailbox(ctx, tx, l.userID, keep, v.client)
	return err
}
