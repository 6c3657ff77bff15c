package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// judgeOwn decides whether a session may do a deed of its user's.
type judgeOwn func(context.Context, pgx.Tx, session.Own) error

// judged returns the user of a session that may do a deed. It only reads, so that a refusal costs nothing; the deed
// judges again where it holds the lock.
func (s *Store) judged(ctx context.Context, t secret.Token, may judgeOwn) (o session.Own, err error) {
	if may == nil {
		return s.own(ctx, t)
	}
	err = s.db.Transact(ctx, "judge a session", func(ctx context.Context, tx pgx.Tx) error {
		if o, err = s.Own(ctx, tx, t); err != nil {
			return err
		}
		return may(ctx, tx, o)
	})
	return o, err
}

// freshFactor allows what takes a second factor away: it has to be proved in this session, a short while ago.
func freshFactor(ctx context.Context, tx pgx.Tx, o session.Own) error {
	had, err := hasFactor(ctx, tx, o.UserID)
	switch {
	case err != nil:
		return err
	case !had:
		return ErrNoFactor
	case !o.SecondFresh:
		return ErrStaleFactor
	}
	return nil
}

// freshSecond allows what takes the second factor of whoever has one: it has to be proved in this session, a short
// while ago. Users without one pass.
func freshSecond(ctx context.Context, tx pgx.Tx, o session.Own) error {
	if o.SecondFresh {
		return nil
	}
	has, err := hasFactor(ctx, tx, o.UserID)
	if err == nil && has {
		err = ErrStaleFactor
	}
	return err
}

// FactorDue reports whether the user of a session has to prove their second factor (ProveFactor) before what takes it.
// It fails with session.ErrNoSession or database.ErrUnavailable.
func (s *Store) FactorDue(ctx context.Context, t secret.Token) (bool, error) {
	_, err := s.judged(ctx, t, freshSecond)
	if errors.Is(err, ErrStaleFactor) {
		return true, nil
	}
	return false, err
}

// mayChangeWaysIn allows what changes how somebody gets into an account, and what nobody can undo: they were proved in
// this session a short while ago, by their second factor if they have one.
func mayChangeWaysIn(ctx context.Context, tx pgx.Tx, o session.Own) error {
	if err := freshSecond(ctx, tx, o); err != nil {
		return err
	}
	if !o.Fresh {
		return session.ErrStale
	}
	return nil
}

// atOwnLevel allows the end of what mayChangeWaysIn let begin: whoever has a second factor has proved one in this
// session.
func atOwnLevel(ctx context.Context, tx pgx.Tx, o session.Own) error {
	if o.Proof.Level() == 2 {
		return nil
	}
	has, err := hasFactor(ctx, tx, o.UserID)
	if err == nil && has {
		err = ErrStaleFactor
	}
	return err
}

// goesOn returns the proof of a session that goes on after a new proof of its user. By a first factor alone the session
// of whoever has a second one gets no fresher: it keeps its time with its second factor, which may be old.
func goesOn(ctx context.Context, tx pgx.Tx, o session.Own, p session.Proof) (session.Proof, error) {
	if p.Level() == 2 {
		return p, nil
	}
	has, err := hasFactor(ctx, tx, o.UserID)
	if has {
		p.At = o.Proof.At
	}
	return p.Keeping(o.Proof), err
}
