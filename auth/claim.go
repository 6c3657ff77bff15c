package auth

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Claim is an account here that has the address of somebody whom a provider has named, and that they have to prove.
type Claim struct {
	ID       string // of the sign-in that it ended (FlowID): the browser may have several claims, in several tabs
	Email    string
	Provider string // its name; Label is how people call it
	Label    string
	Login    string    // how the person is called there, or their address there; empty: the provider does not say
	Began    time.Time // when the sign-in there began
	// ByPassword and ByMail are the ways to prove it. A password of an account whose address was never confirmed
	// proves nothing: anybody may have chosen it.
	ByPassword, ByMail bool
}

// eventClaim is the audit event of a claim.
const eventClaim = "claim-account"

// ClaimError means that there is an account with this address, and that the visitor has to prove that it is theirs.
// Its claim is open for ClaimFor, with the key of the flow.
type ClaimError struct{ Claim }

func (e *ClaimError) Error() string {
	return "there is an account with this address: prove that it is yours"
}

// askToClaim keeps who a provider has named, encrypted with a key that only this browser has, until they prove the
// account that has their address. Where sign-ups must not tell whether an address has an account, a mail is on its way
// at once, and the answer is that of a sign-up.
func (s *Store) askToClaim(ctx context.Context, v visit, l local, done *Finished) error {
	c := s.newClaim(v, l)
	switch {
	case s.unseen(v) && !c.ByMail:
		return s.answerElsewhere(ctx, v, l, done)
	case !c.ByMail && !c.ByPassword:
		return ErrLinkedElsewhere
	}
	if err := s.keepIdentity(ctx, v, l.userID); err != nil {
		return err
	}
	if s.unseen(v) {
		return s.claimUnseen(ctx, v, l, done)
	}
	return &ClaimError{c}
}

// answerElsewhere mails the owner of an account to which nothing is connected by mail how they get in, and answers as
// where the address is free.
func (s *Store) answerElsewhere(ctx context.Context, v visit, l local, done *Finished) error {
	err := s.db.Transact(ctx, "mail a user", func(ctx context.Context, tx pgx.Tx) error {
		_, err := s.tellOwner(ctx, tx, l.email, v.client)
		return err
	})
	if err != nil {
		return err
	}
	s.outbox.Kick()
	return s.answerUnseen(ctx, v, done)
}

// claimUnseen mails the link, and answers as where the address is free.
func (s *Store) claimUnseen(ctx context.Context, v visit, l local, done *Finished) error {
	if err := s.mailClaim(ctx, l.userID, l.email, v.p.Label(), v.client); err != nil {
		return err
	}
	return s.answerUnseen(ctx, v, done)
}

// ClaimOf returns what a browser has to prove. keys are those of its flows, or that of one claim, which is the one
// meant then; so it is with all deeds on claims. It fails with ErrNoFlow or database.ErrUnavailable.
func (s *Store) ClaimOf(ctx context.Context, keys []secret.Token) (Claim, error) {
	return s.claimOf(ctx, keys, "")
}

// ClaimOfLink is ClaimOf for what ClaimByLink would connect with a mailed link.
func (s *Store) ClaimOfLink(ctx context.Context, l Link, keys []secret.Token) (Claim, error) {
	return s.claimOf(ctx, keys, l.userID)
}

func (s *Store) claimOf(ctx context.Context, keys []secret.Token, userID string) (Claim, error) {
	v, l, err := s.openClaim(ctx, keys, userID)
	if err != nil {
		return Claim{}, err
	}
	return s.newClaim(v, l), nil
}

func (s *Store) newClaim(v visit, l local) Claim {
	return Claim{ID: idOf(v.flow.state), Email: l.email, Provider: v.flow.provider, Label: v.p.Label(),
		Login: v.id.Login, Began: v.flow.began, ByMail: s.outbox.Sends() && !l.keeps(),
		ByPassword: l.verified && l.password && !s.o.PasswordsOff}
}

// MailClaim mails the link that proves the account of a claim, when it is opened in this browser. Too many mails are
// dropped. It fails with ErrNoFlow, ErrLinkedElsewhere (only the password proves this one) or database.ErrUnavailable.
func (s *Store) MailClaim(ctx context.Context, keys []secret.Token, c secret.Client) error {
	v, l, err := s.openClaim(ctx, keys, "")
	if err != nil {
		return err
	}
	if l.keeps() {
		return ErrLinkedElsewhere
	}
	return s.mailClaim(ctx, l.userID, l.email, v.p.Label(), c)
}

func (s *Store) mailClaim(ctx context.Context, userID, email, label string, c secret.Client) error {
	letter := mail.NewLetter(mail.Connect, userID, email, c)
	letter.Facts.Provider = label
	err := s.db.Transact(ctx, "mail a claim", func(ctx context.Context, tx pgx.Tx) error {
		_, err := s.postLimited(ctx, tx, letter)
		return err
	})
	s.outbox.Kick()
	s.ask(ctx, "request-connection", userID, c, err)
	return err
}

// ClaimByPassword proves the account of a claim with its password, connects the identity to it, and signs the user
// in. It is throttled as a sign-in is. It fails with ErrNoFlow, ErrLoggedOut, InputError (field "password"),
// ErrBadCredentials, ErrPasswordsOff, ErrLinkedElsewhere, *throttle.Error, share.ErrBusy or database.ErrUnavailable.
func (s *Store) ClaimByPassword(ctx context.Context, keys []secret.Token, p secret.Password, presented secret.Token,
	c secret.Client) (Finished, error) {
	if s.o.PasswordsOff {
		return Finished{}, ErrPasswordsOff
	}
	v, l, err := s.openClaim(ctx, keys, "")
	if err != nil {
		return Finished{}, err
	}
	if !l.verified {
		return Finished{}, ErrBadCredentials
	}
	v.client, v.presented, v.also = c, presented, []session.Method{session.Password}
	done := Finished{Provider: v.flow.provider, Purpose: ToSignIn, Next: v.flow.next, event: eventClaim}
	err = s.attempt(ctx, eventClaim, c, &done.Issued, func() (string, error) {
		if err := checkTyped("password", p).orNil(); err != nil {
			return l.userID, err
		}
		return s.prove(ctx, Credentials{Email: l.email, Password: p, Presented: presented, Client: c}, "",
			func(ctx context.Context, tx pgx.Tx, a candidate) error {
				if a.userID != l.userID {
					return ErrNoFlow
				}
				return s.settleClaim(ctx, tx, v, l, &done, true)
			})
	})
	return s.claimed(ctx, v, l, done, err)
}

// ClaimByLink proves the account of a claim with a mailed link that was opened in the claim's browser. If nobody had
// confirmed the address before, everything that was made before goes. It fails with ErrBadLink, ErrNoFlow (it was
// opened in another browser, or too late), ErrLoggedOut, ErrLinkedElsewhere or database.ErrUnavailable.
func (s *Store) ClaimByLink(ctx context.Context, t secret.Token, keys []secret.Token, presented secret.Token,
	c secret.Client) (Finished, error) {
	link, err := s.linkFor(ctx, t, isFor(mail.ForConnect))
	if err != nil {
		return Finished{}, err
	}
	v, l, err := s.openClaim(ctx, keys, link.userID)
	if err != nil {
		return Finished{}, err
	}
	v.client, v.presented, v.also = c, presented, []session.Method{session.Link}
	done := Finished{Provider: v.flow.provider, Purpose: ToSignIn, Next: v.flow.next, event: eventClaim}
	err = s.db.Transact(ctx, "claim an account", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, l.userID, presented); err != nil {
			return err
		}
		if err := spend(ctx, tx, t, link, isFor(mail.ForConnect)); err != nil {
			return err
		}
		return s.settleClaim(ctx, tx, v, l, &done, false)
	})
	s.audit(ctx, eventClaim, l.userID, c, cmp.Or(err, done.half()))
	return s.claimed(ctx, v, l, done, err)
}

// settleClaim connects the identity of a claim, in the transaction that has locked the user and proved the account.
// more is as in connect: whoever knows the password may add an identity; whoever reads the mail may be somebody else
// than before, as whoever has the address at the provider.
func (s *Store) settleClaim(ctx context.Context, tx pgx.Tx, v visit, l local, done *Finished, more bool) (err error) {
	done.Took, done.Issued = false, Issued{} // of a try before this one
	tag, err := tx.Exec(ctx, `DELETE FROM gatepost.provider_flow WHERE state = $1 AND identity IS NOT NULL`,
		v.flow.state)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrNoFlow
	}
	if err := s.connect(ctx, tx, v, l, more); err != nil {
		return movedOr(err)
	}
	if !l.verified {
		if done.Took, err = s.proveMailbox(ctx, tx, l.userID, v.keep(), v.client); err != nil {
			return err
		}
	}
	return s.issueBy(ctx, tx, v, l.userID, done)
}

func (s *Store) claimed(ctx context.Context, v visit, l local, done Finished, err error) (Finished, error) {
	s.outbox.Kick()
	if errors.Is(err, errMoved) {
		err = ErrLinkedElsewhere
	}
	if err != nil {
		done.Issued = Issued{}
		return done, err
	}
	s.sessions.Done(v.presented, done.Made)
	s.Changed(l.userID)
	done.connected = true
	s.tellOfLink(ctx, v.flow.provider, v.client, done)
	return done, nil
}
