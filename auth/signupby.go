package auth

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
)

// signUpBy makes an account for somebody new, where sign-up is open to their address.
func (s *Store) signUpBy(ctx context.Context, v visit, email string, done *Finished) error {
	if v.id.EmailProved {
		if hash, err := s.invitationTo(ctx, email); err != nil {
			return err
		} else if hash != "" {
			v.flow.link = hash
			return s.enterInvited(ctx, v, done)
		}
	}
	switch {
	case s.o.SignUpClosed && s.unseen(v):
		return s.answerUnseen(ctx, v, done)
	case s.o.SignUpClosed:
		return ErrSignUpClosed
	case !s.unseen(v): // else it was admitted
		if err := s.admitSignUp(ctx, v, email); err != nil {
			return err
		}
	}
	done.event = "sign-up"
	row := userRow{id: secret.NewID(), email: email, name: claimedName(v), roles: DefaultRole,
		verified: v.id.EmailProved}
	err := s.makeUserBy(ctx, v, row, done, func(ctx context.Context, tx pgx.Tx) error {
		if row.verified {
			return nil
		}
		if s.o.Verify != VerifyRequired {
			return s.askToVerify(ctx, tx, row.id, email, v.client)
		}
		return s.sendToMailbox(ctx, tx, row.id, email, v, done)
	})
	if !isTaken(err) {
		return err
	}
	if l, found := s.localAccount(ctx, v, email); found == nil && l.userID != "" { // since it was looked for
		return errMoved
	}
	return err // the address is kept for another user
}

// makeUserBy inserts a user with an identity, and signs them in unless more ends the transaction otherwise.
func (s *Store) makeUserBy(ctx context.Context, v visit, row userRow, done *Finished,
	more func(context.Context, pgx.Tx) error) error {
	var outcome error
	err := s.insertUser(ctx, row, v.presented, func(ctx context.Context, tx pgx.Tx) error {
		outcome, done.unseen, done.Issued = nil, false, Issued{} // of a try before this one
		if err := insertIdentity(ctx, tx, v, row.id); err != nil {
			return movedOr(err)
		}
		err := more(ctx, tx)
		if errors.As(err, new(committed)) {
			outcome, done.unseen = errors.Unwrap(err), true
			return s.recordUnseen(ctx, tx, row.id, v.client)
		}
		if err != nil {
			return err
		}
		return s.issueBy(ctx, tx, v, row.id, done)
	})
	s.outbox.Kick()
	s.metrics.signUps.WithLabelValues(result(cmp.Or(err, outcome))).Inc()
	if err == nil && outcome == nil {
		s.sessions.Done(v.presented, done.Made)
	}
	return cmp.Or(err, outcome)
}
