package auth

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// confirmBy proves the user of a session again, by a provider that says how long ago it proved them.
func (s *Store) confirmBy(ctx context.Context, v visit, done *Finished) error {
	if v.presented == "" || v.presented.Hash() != v.flow.session {
		return session.ErrNoSession
	}
	owner, _, err := s.ownerOfIdentity(ctx, v)
	if err != nil {
		return err
	}
	if owner != v.flow.userID {
		return ErrOtherUser
	}
	proof := session.Proof{Methods: v.methods(), At: v.id.AuthTime}
	done.Issued, err = s.proveAgain(ctx, v.presented, owner, proof, v.client,
		func(ctx context.Context, tx pgx.Tx, n *session.New) error { return s.notesAgain(ctx, tx, v, n) })
	if errors.Is(err, errMoved) { // it was disconnected meanwhile
		return ErrOtherUser
	}
	return err
}

// notesAgain writes down what the provider says now of a user who proves themselves again. A session that came by this
// identity goes on with what it has of the provider now, so that a log-out there finds it.
func (s *Store) notesAgain(ctx context.Context, tx pgx.Tx, v visit, n *session.New) error {
	was, err := s.viaOf(ctx, tx, v.presented)
	if err != nil {
		return err
	}
	via, err := s.noteVisit(ctx, tx, v, n.UserID)
	if err == nil && was.AccountID == via.AccountID {
		n.Via = via
	}
	return err
}

// proveAgain raises a session of a user that is still valid, by a new proof (raise). first runs before, in the same
// transaction, and may change what becomes of the session.
func (s *Store) proveAgain(ctx context.Context, t secret.Token, userID string, proof session.Proof, c secret.Client,
	first func(context.Context, pgx.Tx, *session.New) error) (issued Issued, err error) {
	err = s.db.Transact(ctx, "prove again", func(ctx context.Context, tx pgx.Tx) (err error) {
		issued = Issued{} // of a try before this one
		if _, err := database.LockUser(ctx, tx, userID, t); err != nil {
			return err
		}
		o, err := s.Own(ctx, tx, t)
		if err == nil && o.UserID != userID {
			err = ErrOtherUser
		}
		if err != nil {
			return err
		}
		n := session.New{UserID: userID, Proof: proof, Remember: o.Remembered, Client: c, Presented: t}
		if err := first(ctx, tx, &n); err != nil {
			return err
		}
		if issued, err = s.raise(ctx, tx, o, n); err != nil {
			return err
		}
		return s.recordIn(ctx, tx, events[ToConfirm], userID, issued, c)
	})
	if err != nil {
		return Issued{}, err
	}
	s.Changed(userID)
	return issued, nil
}

// RequestProof mails a link with which the user of a session proves themselves again, in the browser of the session.
// Their address has to be confirmed: else the link would prove nothing. It fails with session.ErrNoSession,
// ErrUnverified or database.ErrUnavailable.
func (s *Store) RequestProof(ctx context.Context, t secret.Token, c secret.Client) error {
	var userID string
	err := s.db.Transact(ctx, "request a proof", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		if userID = o.UserID; err != nil {
			return err
		}
		if !o.Confirmed {
			return ErrUnverified
		}
		l := mail.NewLetter(mail.Prove, o.UserID, o.Email, c)
		l.Facts.Next = nextOf(c)
		_, err = s.postLimited(ctx, tx, l)
		return err
	})
	s.outbox.Kick()
	s.ask(ctx, "request-proof", userID, c, err)
	return err
}

// ProveByLink proves the user of a session with a link of RequestProof, opened in the browser of the session, which is
// fresh then and has a new token. It fails with ErrBadLink, session.ErrNoSession, ErrOtherUser,
// ErrStaleFactor or database.ErrUnavailable.
func (s *Store) ProveByLink(ctx context.Context, link, t secret.Token, c secret.Client) (issued Issued, err error) {
	l, err := s.linkFor(ctx, link, isFor(mail.ForProve))
	if err == nil {
		issued, err = s.proveAgain(ctx, t, l.userID, session.Proved(session.Link), c,
			func(ctx context.Context, tx pgx.Tx, _ *session.New) error {
				return spend(ctx, tx, link, l, isFor(mail.ForProve))
			})
	}
	s.audit(ctx, events[ToConfirm], l.userID, c, cmp.Or(err, issued.half()))
	return issued, err
}
