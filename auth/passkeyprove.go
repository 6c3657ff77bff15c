package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// PasskeySignIn is an answer to PasskeyToSignIn or PasskeyAsSecond.
type PasskeySignIn struct {
	PasskeyAnswer
	Challenge secret.Token // half a sign-in; PasskeyAsSecond needs it
	Presented secret.Token // the session this browser has, which ends; empty: none
	Remember  bool         // of a sign-in by a passkey alone
	Trust     bool         // as in SecondStep
}

// SignInByPasskey gives whoever has proved a passkey a session. Alone, the authenticator has to tell in this very
// answer who the person is (user verification): then it is both factors. After a password, which a challenge stands
// for, it need not. A passkey whose counter went back is one factor, alone, and none after another: Issued is a
// challenge then. It fails with ErrPasskeysOff, ErrNoCeremony, ErrBadPasskey, ErrNoPasskey, ErrUnsurePasskey,
// ErrClonedPasskey, ErrUnverified (the address has to be confirmed first; a mail is on its way),
// session.ErrNoChallenge, *throttle.Error or database.ErrUnavailable.
func (s *Store) SignInByPasskey(ctx context.Context, a PasskeySignIn) (issued Issued, err error) {
	event, userID := "sign-in", ""
	var details audit.Details
	asserted, c, err := s.takeProof(ctx, a.PasskeyAnswer, PasskeyToSignIn, PasskeyAsSecond)
	switch {
	case err != nil:
	case c.purpose == PasskeyAsSecond:
		event, userID = "second-factor", c.userID
		issued, details, err = s.meetByPasskey(ctx, a, c, asserted)
	default:
		issued, userID, details, err = s.enterByPasskey(ctx, a, c, asserted)
	}
	s.metrics.signIns.WithLabelValues(result(cmp.Or(err, issued.half()))).Inc()
	s.audit(ctx, event, userID, a.Client, cmp.Or(err, issued.half()), details...)
	s.outbox.Kick()
	if err != nil {
		return Issued{}, err
	}
	s.sessions.Done(a.Presented, issued.Made)
	return issued, nil
}

// takeProof reads an answer and ends its ceremony, which has to be for one of the purposes.
func (s *Store) takeProof(ctx context.Context, a PasskeyAnswer, purposes ...PasskeyPurpose) (p passkey.Asserted,
	c ceremony, err error) {
	if p, err = passkey.ReadAsserted(a.Body); err != nil {
		return p, c, fmt.Errorf("%w: %w", ErrBadPasskey, err)
	}
	if c, err = s.takeCeremony(ctx, p.Challenge(), a.Key); err != nil {
		return p, c, err
	}
	for _, purpose := range purposes {
		if c.purpose == purpose {
			return p, c, nil
		}
	}
	return p, c, ErrNoCeremony
}

// provedKey is a passkey that was proved.
type provedKey struct {
	Passkey
	passkey.Use
	at   time.Time
	door throttle.Door
}

func (p provedKey) details() audit.Details {
	return audit.Details{{Name: "method", Value: string(p.method())}, {Name: "passkey", Value: p.ID}}
}

// proveKey checks an answer, by a passkey of a locked user, and writes down that it was used. So many proofs are taken
// as of right passwords.
func (s *Store) proveKey(ctx context.Context, tx pgx.Tx, userID string, c ceremony, a passkey.Asserted,
	client secret.Client) (p provedKey, err error) {
	var owner string
	if p.Passkey, owner, err = passkeyBy(ctx, tx, a.ID()); err == nil && owner != userID {
		err = ErrNoPasskey
	}
	if err != nil {
		return p, err
	}
	if p.Use, err = s.site.Prove(c.rpID, p.key, a, c.purpose == PasskeyToSignIn); err != nil {
		return p, fmt.Errorf("%w: %w", ErrBadPasskey, err)
	}
	if p.door, err = throttle.DoorTo(ctx, tx, userID, client); err == nil {
		err = throttle.FactorDoors(userID, client, s.offices()).Proof(p.door).Take(ctx, tx)
	}
	if err != nil {
		return p, err
	}
	if p.Cloned {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "there may be a copy of a passkey, as its counter went back",
			slog.String("user", userID), slog.String("passkey", p.ID))
	}
	err = tx.QueryRow(ctx, `
		UPDATE gatepost.passkey SET sign_count = $2, backed_up = $3, verified = verified OR $4 AND NOT $5,
		    used_at = now(), cloned_at = CASE WHEN $5 THEN now() ELSE cloned_at END
		WHERE id = $1 RETURNING clock_timestamp()`, p.ID, int64(p.Use.Count), p.BackedUp, p.Use.Verified, p.Cloned).
		Scan(&p.at)
	return p, err
}

// enterByPasskey signs in by a passkey alone.
func (s *Store) enterByPasskey(ctx context.Context, a PasskeySignIn, c ceremony, answer passkey.Asserted) (
	issued Issued, userID string, details audit.Details, err error) {
	err = s.db.Repeat(ctx, "find a passkey", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, `SELECT user_id FROM gatepost.passkey WHERE credential_id = $1`, answer.ID()).
			Scan(&userID)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoPasskey
		}
		return err
	})
	if err != nil {
		return Issued{}, "", nil, err
	}
	var outcome error
	err = s.db.Transact(ctx, "sign in by a passkey", func(ctx context.Context, tx pgx.Tx) error {
		issued, outcome = Issued{}, nil // of a try before this one
		if _, err := database.LockUser(ctx, tx, userID, a.Presented); err != nil {
			return err
		}
		p, err := s.proveKey(ctx, tx, userID, c, answer, a.Client)
		if err != nil {
			return err
		}
		details = p.details()
		switch outcome, err = s.mayEnterByKey(ctx, tx, userID, p, a.Client); {
		case err != nil:
			return err
		case outcome != nil:
			return nil // what the passkey told is kept
		}
		n := session.New{UserID: userID, Proof: session.Proved(p.method()), Remember: a.Remember, Client: a.Client,
			Presented: a.Presented}
		if !p.Cloned { // else it is one factor, and another is asked for
			n.Proof = n.Proof.And(p.method(), p.at)
		}
		if issued, err = s.issue(ctx, tx, n); err != nil {
			return err
		}
		return s.trail.Write(ctx, tx, audit.Event{Name: "sign-in", Result: result(issued.half()), UserID: userID,
			SessionID: issued.SessionID, Client: a.Client, Details: details})
	})
	return issued, userID, details, cmp.Or(err, outcome)
}

// mayEnterByKey judges a proof by a passkey alone. An outcome is no failure of the transaction.
func (s *Store) mayEnterByKey(ctx context.Context, tx pgx.Tx, userID string, p provedKey, c secret.Client) (outcome,
	err error) {
	var email string
	var confirmed, disabled bool
	err = tx.QueryRow(ctx, `SELECT email, email_verified, disabled_at IS NOT NULL FROM gatepost."user" WHERE id = $1`,
		userID).Scan(&email, &confirmed, &disabled)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNoPasskey, nil
	case err != nil:
		return nil, err
	case disabled:
		return ErrNoPasskey, nil
	case !p.Use.Verified:
		return ErrUnsurePasskey, nil
	case !confirmed && s.o.Verify == VerifyRequired:
		return ErrUnverified, s.askToVerify(ctx, tx, userID, email, c)
	}
	return nil, s.noteBrowser(ctx, tx, userID, email, c)
}

// meetByPasskey meets a challenge by a passkey.
func (s *Store) meetByPasskey(ctx context.Context, a PasskeySignIn, c ceremony, answer passkey.Asserted) (issued Issued,
	details audit.Details, err error) {
	if a.Challenge == "" || a.Challenge.Hash() != c.step {
		return Issued{}, nil, ErrNoCeremony
	}
	found, err := s.lookAtStep(ctx, a.Challenge, a.Client)
	if err != nil {
		return Issued{}, nil, err
	}
	var outcome error
	err = s.db.Transact(ctx, "meet a challenge by a passkey", func(ctx context.Context, tx pgx.Tx) error {
		issued, outcome = Issued{}, nil // of a try before this one
		if _, err := database.LockUser(ctx, tx, found.UserID, a.Presented); err != nil {
			return err
		}
		p, err := s.proveKey(ctx, tx, found.UserID, c, answer, a.Client)
		if err != nil {
			return err
		}
		details = p.details()
		if outcome = asSecond(p, found.Proof); outcome != nil {
			return nil // what the passkey told is kept
		}
		code := codeProof{method: p.method(), at: p.at, door: p.door}
		if err := tx.QueryRow(ctx, `SELECT email FROM gatepost."user" WHERE id = $1`, found.UserID).
			Scan(&code.email); err != nil {
			return err
		}
		issued, err = s.meet(ctx, tx, found, SecondStep{Challenge: a.Challenge, Presented: a.Presented, Client: a.Client,
			Trust: a.Trust}, code)
		return err
	})
	return issued, details, cmp.Or(err, outcome)
}

// asSecond judges a passkey that comes after another proof. After a passkey it has to be another one, whatever its
// counter says by now, and to tell who the person is.
func asSecond(p provedKey, first session.Proof) error {
	switch {
	case p.Cloned, p.wasFirst(first):
		return ErrClonedPasskey
	case first.ByKey() && !p.Use.Verified:
		return ErrUnsurePasskey
	}
	return nil
}

// ConfirmByPasskey has the user of a session prove a passkey again: the second factor, and the first one too if the
// authenticator told who the person is. The session gets another token; that of before lasts as raise says. It fails
// with ErrPasskeysOff, session.ErrNoSession, ErrNoCeremony, ErrBadPasskey, ErrNoPasskey, ErrClonedPasskey,
// *throttle.Error or database.ErrUnavailable.
func (s *Store) ConfirmByPasskey(ctx context.Context, t secret.Token, a PasskeyAnswer) (issued Issued, err error) {
	const event = "prove-factor"
	var details audit.Details
	o, err := s.own(ctx, t)
	if err == nil {
		issued, details, err = s.confirmByPasskey(ctx, t, o, a)
	}
	s.audit(ctx, event, o.UserID, a.Client, err, details...)
	if err != nil {
		return Issued{}, err
	}
	s.Changed(o.UserID)
	return issued, nil
}

func (s *Store) confirmByPasskey(ctx context.Context, t secret.Token, o session.Own, a PasskeyAnswer) (issued Issued,
	details audit.Details, err error) {
	answer, c, err := s.takeProof(ctx, a, PasskeyToConfirm)
	if err == nil && (c.userID != o.UserID || c.session != o.ID) {
		err = ErrNoCeremony
	}
	if err != nil {
		return Issued{}, nil, err
	}
	var outcome error
	err = s.db.Transact(ctx, "prove a passkey again", func(ctx context.Context, tx pgx.Tx) error {
		issued, outcome = Issued{}, nil // of a try before this one
		if _, err := database.LockUser(ctx, tx, o.UserID, t); err != nil {
			return err
		}
		p, err := s.proveKey(ctx, tx, o.UserID, c, answer, a.Client)
		if err != nil {
			return err
		}
		if details = p.details(); p.Cloned {
			outcome = ErrClonedPasskey
			return nil // that it may be copied is kept
		}
		issued, err = s.raiseBy(ctx, tx, t, o.UserID,
			codeProof{method: p.method(), at: p.at, both: p.Use.Verified}, a.Client)
		return err
	})
	return issued, details, cmp.Or(err, outcome)
}
