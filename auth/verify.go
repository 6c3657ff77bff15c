package auth

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// ErrUnverified means that the sign-up was accepted but nobody is signed in, because the address has to be
// confirmed first. A mail with a link is on its way, unless there were too many already.
var ErrUnverified = errors.New("the e-mail address has to be confirmed first")

// Verify is what users have to do about their address.
type Verify int

// The ways to verify addresses.
const (
	VerifyOff      Verify = iota // nothing, and no link is mailed
	VerifyOptional               // users get a link, but need not open it
	VerifyRequired               // no sign-in before the user has opened the link
)

// Verification is an attempt to confirm an address.
type Verification struct {
	Link     secret.Token
	Password secret.Password // only a Stranger needs one
	Remember bool
	Session  secret.Token // the session this browser has; empty: none
	Client   secret.Client
}

// Known is how the visitor who opened a link to confirm an address has shown already that they typed the address.
type Known int

// The values of Known. A Stranger needs the password, or chooses a new one (Link.Claimable).
const (
	Stranger  Known = iota
	ByBrowser       // the user signed up in this browser recently, and no sign-in, sign-up or sign-out there followed
	BySession       // the user is signed in
)

// signedUpFor is how long a browser identifies the user who signed up in it, so that a mailed link confirms the
// address there without the password. It equals FreshFor. Mail arrives within minutes; a later visitor types the
// password they chose.
const signedUpFor = session.FreshFor

// Knows reports how the visitor who opened a link to confirm an address is known. It fails with ErrBadLink or
// database.ErrUnavailable.
//
// Without this check a stranger could sign up with another person's address and have its owner confirm it.
func (s *Store) Knows(ctx context.Context, v Verification) (l Link, known Known, err error) {
	if l, err = s.linkFor(ctx, v.Link, isFor(mail.ForVerify)); err != nil {
		return Link{}, Stranger, err
	}
	err = s.db.Transact(ctx, "verify", func(ctx context.Context, tx pgx.Tx) (err error) {
		known, err = s.known(ctx, tx, v, l)
		return err
	})
	return l, known, err
}

func (s *Store) known(ctx context.Context, tx pgx.Tx, v Verification, l Link) (Known, error) {
	err := s.checkSession(ctx, tx, v.Session, l.userID)
	if err == nil {
		return BySession, nil
	}
	if !errors.Is(err, session.ErrNoSession) && !errors.Is(err, ErrOtherUser) {
		return Stranger, err
	}
	signedUp, err := throttle.SignedUp(ctx, tx, l.userID, v.Client.Browser, signedUpFor)
	if err == nil && signedUp {
		return ByBrowser, nil
	}
	return Stranger, err
}

// VerifyEmail confirms the address a link was sent to, and signs the user in unless they are. It fails with
// ErrBadLink, InputError (field "password"), ErrBadCredentials, *throttle.Error, share.ErrBusy or
// database.ErrUnavailable.
func (s *Store) VerifyEmail(ctx context.Context, v Verification) (Issued, error) {
	l, known, err := s.Knows(ctx, v)
	if err != nil {
		s.audit(ctx, "verify-email", l.userID, v.Client, err)
		return Issued{}, err
	}
	if known != Stranger {
		return s.verifyKnown(ctx, v, l)
	}
	var issued Issued
	err = s.attempt(ctx, "verify-email", v.Client, &issued, func() (string, error) {
		if s.o.PasswordsOff {
			return l.userID, ErrPasswordsOff
		}
		if err := checkTyped("password", v.Password).orNil(); err != nil {
			return l.userID, err
		}
		c := Credentials{Email: l.Email, Password: v.Password, Presented: v.Session, Client: v.Client}
		if l.Claimable() {
			c.link = v.Link
		}
		return s.prove(ctx, c, "", func(ctx context.Context, tx pgx.Tx, a candidate) (err error) {
			if err := s.confirmAddress(ctx, tx, v, l, wayIn{password: true}); err != nil {
				return err
			}
			issued, err = s.issue(ctx, tx, session.New{UserID: a.userID,
				Proof: session.Proved(session.Link, session.Password), Remember: v.Remember,
				Client: v.Client, Presented: v.Session})
			if err != nil {
				return err
			}
			return s.recordIn(ctx, tx, "verify-email", a.userID, issued, v.Client)
		})
	})
	if err != nil {
		return Issued{}, err
	}
	s.sessions.Done(v.Session, issued.Made)
	s.Changed(l.userID)
	return issued, nil
}

// verifyKnown confirms the address for a known user, and leaves an existing session of theirs unchanged.
func (s *Store) verifyKnown(ctx context.Context, v Verification, l Link) (issued Issued, err error) {
	err = s.db.Transact(ctx, "verify", func(ctx context.Context, tx pgx.Tx) error {
		issued = Issued{} // of a try before this one
		if _, err := database.LockUser(ctx, tx, l.userID, v.Session); err != nil {
			return err
		}
		known, err := s.known(ctx, tx, v, l)
		if err == nil && known == Stranger { // no longer known
			err = ErrBadLink
		}
		if err == nil {
			err = s.confirmAddress(ctx, tx, v, l, wayIn{session: v.Session, first: known == ByBrowser})
		}
		if err == nil && known == ByBrowser {
			issued, err = s.issue(ctx, tx, session.New{UserID: l.userID, Proof: session.Proved(session.Link),
				Remember: v.Remember, Client: v.Client, Presented: v.Session})
		}
		if err == nil {
			err = s.recordIn(ctx, tx, "verify-email", l.userID, issued, v.Client)
		}
		return err
	})
	s.audit(ctx, "verify-email", l.userID, v.Client, cmp.Or(err, issued.half()))
	if err != nil {
		return Issued{}, err
	}
	if issued.Session != "" {
		s.sessions.Done(v.Session, issued.Made)
	}
	s.Changed(l.userID)
	return issued, nil
}

// confirmAddress spends the link. Of what was made before the address was confirmed only the way in stays by which
// the visitor is known.
func (s *Store) confirmAddress(ctx context.Context, tx pgx.Tx, v Verification, l Link, keep wayIn) error {
	if err := spend(ctx, tx, v.Link, l, isFor(mail.ForVerify)); err != nil {
		return err
	}
	if !l.verified {
		if _, err := s.proveMailbox(ctx, tx, l.userID, keep, v.Client); err != nil {
			return err
		}
	}
	return forgive(ctx, tx, l.userID, l.Email)
}

// forgive forgets the wrong passwords of an account whose address is now confirmed, including sign-ins that were
// too early, so that they do not lock the user out.
func forgive(ctx context.Context, tx pgx.Tx, userID, email string) error {
	b := &pgx.Batch{}
	b.Queue(`UPDATE gatepost.account SET failed_attempts = 0 WHERE user_id = $1 AND provider_id = 'credential'
	    AND failed_attempts > 0`, userID)
	throttle.Forgive(b, userID, email)
	return tx.SendBatch(ctx, b).Close()
}

// RequestVerificationOf is RequestVerification by an address, for whoever is not signed in. It gives the same answer,
// after the same time (Options.AnswerStep), whether the address has an account, is confirmed already, or has had too
// many mails. It fails as RequestReset does.
func (s *Store) RequestVerificationOf(ctx context.Context, email string, c secret.Client) error {
	if s.o.Verify == VerifyOff {
		return nil // no link is mailed
	}
	return s.requestByAddress(ctx, "request-verification", mail.Verify, email, c)
}

// RequestVerification mails the user of a session a link to confirm their address, unless it is confirmed or they
// have had too many. It fails with session.ErrNoSession or database.ErrUnavailable.
func (s *Store) RequestVerification(ctx context.Context, t secret.Token, c secret.Client) error {
	var userID string
	var posted bool
	err := s.db.Transact(ctx, "request verification", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		userID, posted = o.UserID, false
		if err != nil || o.Confirmed {
			return err
		}
		l := mail.NewLetter(mail.Verify, userID, o.Email, c)
		l.Facts.Next = nextOf(c)
		posted, err = s.postLimited(ctx, tx, l)
		if err != nil || !posted {
			return err
		}
		return s.trail.Write(ctx, tx, audit.Event{Name: "request-verification", UserID: userID,
			SessionID: o.ID, Client: c})
	})
	s.outbox.Kick()
	if err == nil && !posted {
		s.ask(ctx, "request-verification", userID, c, nil)
		return nil
	}
	s.audit(ctx, "request-verification", userID, c, err)
	return err
}
