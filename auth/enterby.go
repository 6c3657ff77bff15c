package auth

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
	"github.com/gatepost/gatepost/internal/share"
)

// The errors of a person whom a provider has named and who does not get in.
var (
	// ErrNoAddress means that the provider gave no usable e-mail address for somebody who has no account here.
	ErrNoAddress = errors.New("the provider gave no usable e-mail address")
	// ErrLinkedElsewhere means that the identity belongs to another user, or that the account with this address
	// belongs to another identity at the provider, or cannot be proved here. It is never moved.
	ErrLinkedElsewhere = errors.New("this identity, or this account, is connected otherwise")
	// errMoved means that what a decision was made by has changed; it is to be made again.
	errMoved = errors.New("changed meanwhile")
)

// enterBy signs in whom a provider has named, makes their account, or asks them to prove the one that has their
// address. An identity is issuer and subject. An address alone signs nobody in: it says which account has to be
// proved.
func (s *Store) enterBy(ctx context.Context, v visit, done *Finished) error {
	for range 3 {
		done.event, done.unseen = "", false // of a try before this one
		err := s.enterOnce(ctx, v, done)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return share.ErrBusy
}

func (s *Store) enterOnce(ctx context.Context, v visit, done *Finished) error {
	if l, err := s.linkOf(ctx, v); err != nil {
		return err
	} else if l != nil {
		return s.enterByLink(ctx, v, *l, done)
	}
	owner, confirmed, err := s.ownerOfIdentity(ctx, v)
	if err != nil {
		return err
	}
	if confirmed {
		return s.enterKnown(ctx, v, owner, done)
	}
	email, err := CanonicalEmail(v.id.Email)
	if owner == "" && err != nil {
		return ErrNoAddress
	}
	if err == nil && s.unseen(v) { // before anything that depends on whether the address has an account
		if err := s.admitSignUp(ctx, v, email); err != nil {
			return err
		}
	}
	if owner != "" {
		return s.enterKnown(ctx, v, owner, done)
	}
	local, err := s.localAccount(ctx, v, email)
	switch {
	case err != nil:
		return err
	case local.userID == "":
		return s.signUpBy(ctx, v, email, done)
	case local.disabled && s.unseen(v):
		return s.answerUnseen(ctx, v, done)
	case local.disabled:
		return ErrBadCredentials
	case v.id.EmailProved && !local.keeps():
		return s.connectAndEnter(ctx, v, local, done)
	}
	return s.askToClaim(ctx, v, local, done)
}

// unseen reports whether the answer must not tell whether the address of a visit has an account: addresses are
// confirmed first, and the provider proves none, so that the visitor may have typed any.
func (s *Store) unseen(v visit) bool { return !v.id.EmailProved && s.o.Verify == VerifyRequired }

// answerUnseen answers as if a mail were on its way. It gives the browser a new token, as sendToMailbox does.
func (s *Store) answerUnseen(ctx context.Context, v visit, done *Finished) error {
	err := s.db.Transact(ctx, "renew the browser", func(ctx context.Context, tx pgx.Tx) (err error) {
		done.Browser, err = throttle.RenewBrowser(ctx, tx, v.client)
		return err
	})
	return cmp.Or(err, ErrUnverified)
}

// admitSignUp checks what an address and a network may, and counts a sign-up.
func (s *Store) admitSignUp(ctx context.Context, v visit, email string) error {
	if _, err := s.canonicalOpen(email); err != nil {
		return err
	}
	limits := throttle.SignUps(v.client.Addr, s.o.SignUpLimit, s.o.SignUpTotal, s.offices())
	if err := limits.Admit(ctx, s.db); err != nil {
		return err
	}
	return s.db.Batch(ctx, "count a sign-up", limits.Count)
}

// ownerOfIdentity returns the user whom an identity belongs to, and whether their address is confirmed. It is empty if
// there is none.
func (s *Store) ownerOfIdentity(ctx context.Context, v visit) (userID string, confirmed bool, err error) {
	err = s.db.Repeat(ctx, "find identity", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, `
			SELECT u.id, u.email_verified FROM gatepost.account a JOIN gatepost."user" u ON u.id = a.user_id
			WHERE a.issuer = $1 AND a.account_id = $2`, v.id.Issuer, v.id.Subject).Scan(&userID, &confirmed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return userID, confirmed, err
}

// local is the account here that has an address.
type local struct {
	userID, email      string // userID is empty: none has it
	verified, disabled bool
	password           bool
	other              bool // it has an identity at the provider already
}

// keeps reports whether only the password can add an identity to the account: see connect.
func (l local) keeps() bool { return l.other && l.verified }

func (s *Store) localAccount(ctx context.Context, v visit, email string) (l local, err error) {
	l.email = email
	err = s.db.Repeat(ctx, "find user", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, `
			SELECT u.id, u.email_verified, u.disabled_at IS NOT NULL, EXISTS (SELECT FROM gatepost.account a
			    WHERE a.user_id = u.id AND a.provider_id = 'credential' AND a.password <> ''),
			    EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id AND a.issuer = $2)
			FROM gatepost."user" u WHERE u.email = $1`, email, v.id.Issuer).
			Scan(&l.userID, &l.verified, &l.disabled, &l.password, &l.other)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return l, err
}

// enterKnown signs in the user whom an identity belongs to. An address that the provider proves confirms the user's
// own, if it is the same.
func (s *Store) enterKnown(ctx context.Context, v visit, userID string, done *Finished) error {
	return s.enterTx(ctx, v, userID, done, func(ctx context.Context, tx pgx.Tx) error {
		var email string
		var verified, disabled bool
		err := tx.QueryRow(ctx, `
			SELECT u.email, u.email_verified, u.disabled_at IS NOT NULL
			FROM gatepost."user" u JOIN gatepost.account a ON a.user_id = u.id
			WHERE u.id = $1 AND a.issuer = $2 AND a.account_id = $3 FOR NO KEY UPDATE OF a`,
			userID, v.id.Issuer, v.id.Subject).Scan(&email, &verified, &disabled)
		if errors.Is(err, pgx.ErrNoRows) {
			return errMoved
		}
		if err != nil {
			return err
		}
		if disabled {
			return ErrBadCredentials
		}
		proved, _ := CanonicalEmail(v.id.Email)
		switch {
		case !verified && v.id.EmailProved && proved == email:
			done.Took, err = s.proveMailbox(ctx, tx, userID, v.keep(), v.client)
			return err
		case !verified && s.o.Verify == VerifyRequired:
			return s.sendToMailbox(ctx, tx, userID, email, v, done)
		}
		return s.noteBrowser(ctx, tx, userID, email, v.client)
	})
}

// noteBrowser mails the user about a sign-in with a browser that is new to their account, as noteVisit does.
func (s *Store) noteBrowser(ctx context.Context, tx pgx.Tx, userID, email string, c secret.Client) error {
	if !s.o.NotifySignIns {
		return nil
	}
	known, err := throttle.Familiar(ctx, tx, userID, c)
	if err == nil && !known {
		_, err = s.postLimited(ctx, tx, mail.NewLetter(mail.SignIn, userID, email, c))
	}
	return err
}

// sendToMailbox mails the link to confirm the address of a user who may not sign in before, and notes the browser, as
// signUpUnseen does. It returns ErrUnverified as the outcome of a transaction that is to be committed: see enterTx.
func (s *Store) sendToMailbox(ctx context.Context, tx pgx.Tx, userID, email string, v visit, done *Finished) error {
	if _, err := s.noteClaims(ctx, tx, v, userID); err != nil {
		return err
	}
	err := s.askToVerify(ctx, tx, userID, email, v.client)
	if err == nil {
		done.Browser, err = throttle.RenewBrowser(ctx, tx, v.client)
	}
	if err == nil {
		err = throttle.NoteSignUp(ctx, tx, userID, done.Browser, signedUpFor)
	}
	if err != nil {
		return err
	}
	return committed{ErrUnverified}
}

// committed is an outcome that is no failure of the transaction it comes from.
type committed struct{ error }

func (c committed) Unwrap() error { return c.error }

// enterTx runs decide for a locked user, and makes the session unless decide returns an error. One that is committed
// keeps what decide wrote.
func (s *Store) enterTx(ctx context.Context, v visit, userID string, done *Finished,
	decide func(context.Context, pgx.Tx) error) error {
	var outcome error
	err := s.db.Transact(ctx, "sign in by a provider", func(ctx context.Context, tx pgx.Tx) error {
		outcome, done.Took, done.connected, done.Issued = nil, false, false, Issued{} // of a try before this one
		if _, err := database.LockUser(ctx, tx, userID, v.presented); err != nil {
			return err
		}
		err := decide(ctx, tx)
		if errors.As(err, new(committed)) {
			outcome = errors.Unwrap(err)
			return nil
		}
		if err != nil {
			return movedOr(err)
		}
		return s.issueBy(ctx, tx, v, userID, done)
	})
	s.outbox.Kick()
	if err == nil {
		err = outcome
	}
	if err == nil {
		s.sessions.Done(v.presented, done.Made)
		s.Changed(userID)
	}
	return err
}

// movedOr turns a violation of the unique identity into errMoved: somebody else wrote it first.
func movedOr(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == "23505" && said.ConstraintName == "account_issuer_account_id_key" {
		return errMoved
	}
	return err
}

// issueBy makes the session of a sign-in at a provider, in the transaction that has locked the user.
func (s *Store) issueBy(ctx context.Context, tx pgx.Tx, v visit, userID string, done *Finished) (err error) {
	n := session.New{UserID: userID, Proof: v.proof(), Remember: v.flow.remember, Client: v.client,
		Presented: v.presented}
	if n.Via, err = s.noteVisit(ctx, tx, v, userID); err != nil {
		return err
	}
	if done.Issued, err = s.issue(ctx, tx, n); err != nil {
		return err
	}
	done.UserID = userID
	return s.recordIn(ctx, tx, cmp.Or(done.event, events[ToSignIn]), userID, done.Issued, v.client)
}

// noteVisit writes down what a provider says at a sign-in of a locked user: claims and tokens. It returns what the
// session is to have of the provider, and fails with ErrLoggedOut if they have logged out there meanwhile.
func (s *Store) noteVisit(ctx context.Context, tx pgx.Tx, v visit, userID string) (session.Via, error) {
	accountID, err := s.noteClaims(ctx, tx, v, userID)
	if err != nil {
		return session.Via{}, err
	}
	if out, err := loggedOut(ctx, tx, v); err != nil || out {
		return session.Via{}, cmp.Or(err, ErrLoggedOut)
	}
	via := session.Via{AccountID: accountID, SessionID: database.Storable(v.id.SessionID)}
	if v.p.Spec().Logout && v.id.IDToken != "" && !s.o.Keys.None() {
		via.Seal = func(ctx context.Context, tx pgx.Tx, sessionID string) ([]byte, error) {
			return s.seal(ctx, tx, seal.SessionIDToken, sessionID, []byte(v.id.IDToken))
		}
	}
	return via, s.keepTokens(ctx, tx, accountID, v.id.Tokens)
}

// proof is how a sign-in at a provider proves a user. Where the provider does not tell when they proved themselves
// there, it was long ago: they may not do here at once what takes a recent proof.
func (v visit) proof() session.Proof {
	p := session.Proved(append(v.also, v.methods()...)...)
	switch {
	case len(v.also) > 0: // a password or a link of ours proved them now
	case v.id.AuthTime.IsZero():
		p.At = time.Unix(0, 0)
	default:
		p.At = v.id.AuthTime
	}
	return p
}

// methods are what a sign-in at a provider has proved somebody by. A second factor of the provider's has no time here:
// it lets in, and takes no factor of this place away.
func (v visit) methods() []session.Method {
	if v.id.SecondFactor {
		return []session.Method{session.Provider, session.Several}
	}
	return []session.Method{session.Provider}
}

// connectAndEnter connects an identity, whose provider proves the address, to the account that has the address. If
// nobody had confirmed the address here, everything that was made before goes.
func (s *Store) connectAndEnter(ctx context.Context, v visit, l local, done *Finished) error {
	return s.enterTx(ctx, v, l.userID, done, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.connect(ctx, tx, v, l, false); err != nil {
			return err
		}
		done.connected = true
		if l.verified {
			return nil
		}
		var err error
		done.Took, err = s.proveMailbox(ctx, tx, l.userID, v.keep(), v.client)
		return err
	})
}
