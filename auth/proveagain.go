package auth

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// confirmBy proves the user of a session again, by a provider that says how long ago it proved them, and gives them a
// new session.
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
	return s.renew(ctx, v.presented, session.Proof{Methods: []session.Method{session.Provider}, At: v.id.AuthTime},
		string(ToConfirm), v.client, done)
}

// renew ends a session that is still valid and gives its user a new one, with a new proof.
func (s *Store) renew(ctx context.Context, t secret.Token, proof session.Proof, event string, c secret.Client,
	done *Finished) error {
	o, err := s.own(ctx, t)
	if err != nil {
		return err
	}
	err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) (err error) {
		if _, err := database.LockUser(ctx, tx, o.UserID, t); err != nil {
			return err
		}
		via, err := s.viaOf(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := s.sessions.EndPresented(ctx, tx, o.UserID, t, false); err != nil {
			return err
		}
		done.Issued, err = s.issue(ctx, tx, session.New{UserID: o.UserID, Proof: proof, Remember: o.Remembered,
			Client: c, Via: via})
		if err != nil {
			return err
		}
		return s.recordIn(ctx, tx, event, o.UserID, done.Issued, c)
	})
	if err == nil {
		s.Changed(o.UserID)
	}
	return err
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
		_, err = s.postLimited(ctx, tx, mail.NewLetter(mail.Prove, o.UserID, o.Email, c))
		return err
	})
	s.outbox.Kick()
	s.ask(ctx, "request-proof", userID, c, err)
	return err
}

// ProveByLink proves the user of a session with a link of RequestProof, opened in the browser of the session, and
// gives them a new session, which is fresh. It fails with ErrBadLink, session.ErrNoSession, ErrOtherUser or
// database.ErrUnavailable.
func (s *Store) ProveByLink(ctx context.Context, link, t secret.Token, c secret.Client) (Issued, error) {
	var done Finished
	l, err := s.linkFor(ctx, link, isFor(mail.ForProve))
	if err == nil {
		err = s.db.Transact(ctx, "spend a link", func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, l.userID, t); err != nil {
				return err
			}
			if err := s.checkSession(ctx, tx, t, l.userID); err != nil {
				return err
			}
			return spend(ctx, tx, link, l, isFor(mail.ForProve))
		})
	}
	if err == nil {
		err = s.renew(ctx, t, session.Proved(session.Link), string(ToConfirm), c, &done)
	}
	s.audit(ctx, string(ToConfirm), l.userID, c, err)
	return done.Issued, err
}
