package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
	"github.com/gatepost/gatepost/internal/share"
)

// Credentials are one attempt to sign in.
type Credentials struct {
	Email     string // as typed
	Password  secret.Password
	Remember  bool          // keep the session when the browser closes
	Presented secret.Token  // the session this browser had, which ends; empty: none
	Client    secret.Client // where the attempt came from

	// unasked says that the attempt was not asked for a solution, as no sign-ins had failed often.
	unasked bool
	// link was mailed to the address while that was unconfirmed, and is about to confirm it. The attempt has a
	// counter of its own, so that earlier attempts and a stranger's guesses keep no user from confirming.
	link secret.Token
	// recovery says that a recovery code may stand in place of the password (byRecovery).
	recovery bool
}

// Issued holds the secrets that a sign-in gives to the browser.
type Issued struct {
	session.Made
	Browser  secret.Token // identifies the browser later; see Client.Browser
	Trust    secret.Token // by which the browser is trusted from now on (Client.Trust); empty: as before
	Remember bool         // the session's cookie outlives the browser; see Cookie.Set
}

// errHalf is the outcome, for the log and the counters, of a sign-in that needs more before there is a session.
var errHalf = errors.New("more is needed for a session")

// half returns errHalf if there is a challenge, else nil.
func (i Issued) half() error {
	if i.Challenge == "" {
		return nil
	}
	return errHalf
}

// errLocked means a right password from an unfamiliar place after too many wrong ones. Only the log learns of it.
var errLocked = fmt.Errorf("the password is locked: %w", ErrBadCredentials)

// errUnconfirmed means a right password for an address that has to be confirmed first. It looks and counts like a
// wrong one. Otherwise a stranger who signed up with an address would learn whether it was free.
var errUnconfirmed = fmt.Errorf("%w: %w", ErrUnverified, ErrBadCredentials)

// SignIn checks a password and makes a new session. It fails with InputError, ErrBadCredentials, *throttle.Error,
// captcha.ErrMissing, captcha.ErrWrong, share.ErrBusy, share.ErrCrowded or database.ErrUnavailable. An unknown address,
// a wrong password, a disabled user, a locked password and an address that has to be confirmed first take the same work
// and get the same answer, after the same time (Options.AnswerStep).
func (s *Store) SignIn(ctx context.Context, c Credentials) (Issued, error) {
	var issued Issued
	err := s.attempt(ctx, "sign-in", c.Client, &issued, func() (userID string, err error) {
		if s.o.PasswordsOff {
			return "", ErrPasswordsOff
		}
		if c.Email, err = checkSignIn(c); err != nil {
			return "", err
		}
		if c.unasked, err = s.checkHumanAtSignIn(ctx, c); err != nil {
			return "", err
		}
		err = s.trickle(ctx, c, func() error {
			userID, issued, err = s.signIn(ctx, c)
			return err
		})
		return userID, err
	})
	if err != nil {
		return Issued{}, err
	}
	return issued, nil
}

// signIn is SignIn without what is the same for each attempt that needs a password.
func (s *Store) signIn(ctx context.Context, c Credentials) (userID string, issued Issued, err error) {
	c.recovery = true
	userID, err = s.prove(ctx, c, "", func(ctx context.Context, tx pgx.Tx, a candidate) error {
		proof, err := proofOf(ctx, tx, a)
		if err != nil {
			return err
		}
		issued, err = s.issue(ctx, tx, session.New{UserID: a.userID, Proof: proof,
			Remember: c.Remember, Client: c.Client, Presented: c.Presented})
		if err == nil && issued.Challenge == "" {
			err = s.noteSignIn(ctx, tx, a, c)
		}
		if err != nil {
			return err
		}
		return s.recordIn(ctx, tx, "sign-in", a.userID, issued, c.Client)
	})
	if err == nil {
		s.sessions.Done(c.Presented, issued.Made)
	}
	s.outbox.Kick()
	return userID, issued, err
}

// remind mails the confirmation link again after a right password for an unconfirmed address. Its failure does not
// change the answer, because a wrong password has no such step that could fail. It runs inside the turn to hash,
// because a wrong password takes no other turn.
func (s *Store) remind(ctx context.Context, userID string, c Credentials) {
	err := s.db.Transact(ctx, "remind", func(ctx context.Context, tx pgx.Tx) error {
		return s.askToVerify(ctx, tx, userID, c.Email, c.Client)
	})
	if err != nil {
		s.audit(ctx, "request-verification", userID, c.Client, err)
	}
}

// noteSignIn mails the user about a sign-in with a browser that is new to their account, if Options.NotifySignIns
// is set.
func (s *Store) noteSignIn(ctx context.Context, tx pgx.Tx, a candidate, c Credentials) error {
	if !s.o.NotifySignIns || a.door == throttle.BrowserDoor {
		return nil
	}
	_, err := s.postLimited(ctx, tx, mail.NewLetter(mail.SignIn, a.userID, c.Email, c.Client))
	return err
}

// attempt runs an attempt that needs a user's password. It is counted, audited, and if refused answered at the next
// step. issued is what run issues.
func (s *Store) attempt(ctx context.Context, event string, c secret.Client, issued *Issued,
	run func() (userID string, err error)) error {
	began := time.Now()
	userID, err := run()
	outcome := err
	if err == nil {
		outcome = issued.half()
	}
	s.metrics.signIns.WithLabelValues(result(outcome)).Inc()
	s.audit(ctx, event, userID, c, outcome)
	s.settle(ctx, began, err)
	return err
}

// prove checks the password of a canonical address, replaces it by chosen unless that is empty, and runs finish in
// the same transaction. It is the only check of a password, so that every use of one is throttled as a sign-in is.
// It returns the id of the user if that is known.
func (s *Store) prove(ctx context.Context, c Credentials, chosen secret.Password,
	finish func(context.Context, pgx.Tx, candidate) error) (userID string, err error) {
	ctx = share.ForAccount(ctx, c.Email)
	if err := s.hashes.Admit(ctx); err != nil {
		return "", err
	}
	d := throttle.DoorsOf(c.Email, c.Client, s.offices())
	if c.link != "" {
		d = d.ByLink(c.Email, c.link)
	}
	a, err := s.admit(ctx, c.Email, c.Client, d)
	if err != nil {
		return a.userID, err
	}
	var renewed string
	err = s.hashTurn(ctx, func(ctx context.Context, derive password.Crypt) (err error) {
		// The limits are checked again: attempts ahead in the queue may have reached them.
		if a, err = s.admit(ctx, c.Email, c.Client, d); err != nil {
			return err
		}
		if a.failing && c.unasked { // other attempts have failed meanwhile
			return captcha.ErrMissing
		}
		if c.recovery {
			if a, err = s.byRecovery(ctx, a, c.Password); err != nil {
				return err
			}
		}
		right, err := s.right(ctx, &a, c.Password, derive)
		if err != nil {
			return err
		}
		verdict := s.judge(a, c, right)
		if err := s.countAttempt(context.WithoutCancel(ctx), a, c.Client, d, verdict); err != nil {
			return err
		}
		if errors.Is(verdict, errUnconfirmed) {
			s.remind(ctx, a.userID, c)
		}
		if verdict != nil || a.code != "" {
			return verdict
		}
		renewed, err = renew(a.hash, c.Password, chosen, derive)
		return err
	})
	if err == nil {
		err = s.enter(ctx, a, renewed, c.Presented, d, func(ctx context.Context, tx pgx.Tx, a candidate) error {
			if renewed != "" && chosen == "" {
				if err := importer.Rehashed(ctx, tx, a.userID, a.hash, renewed); err != nil {
					return err
				}
			}
			return finish(ctx, tx, a)
		})
	}
	return a.userID, err
}

// countAttempt counts an attempt that was hashed, right or wrong, before it is answered, so that a client that
// hangs up is counted too. If it fails, the verdict is not used.
func (s *Store) countAttempt(ctx context.Context, a candidate, c secret.Client, d throttle.Doors, verdict error) error {
	return s.db.Batch(ctx, "count an attempt", func(b *pgx.Batch) {
		if verdict == nil {
			d.Proof(a.door).Count(b)
			return
		}
		// In the lock order of a sign-in, to avoid deadlocks.
		b.Queue(database.LockUserSQL, a.userID, secret.Token("").Hash())
		b.Queue(`
			UPDATE gatepost.account SET failed_attempts = least(greatest(failed_attempts, 0), 1000000) + 1
			WHERE user_id = $1 AND provider_id = 'credential'`, a.userID)
		d.CountFailure(b, a.door, a.userID, c)
		if a.door != throttle.BrowserDoor {
			s.failures(c).Count(b)
		}
	})
}

// renew returns the hash to store after the password was proved; empty: the old hash stays. Only here does it
// refuse a chosen password equal to the old one: an earlier check would confirm a guess at no cost.
func renew(old string, proved, chosen secret.Password, derive password.Crypt) (string, error) {
	switch {
	case chosen == "" && password.Outdated(old):
		return password.Hash(proved, derive), nil
	case chosen == "":
		return "", nil
	case password.Same(chosen, proved):
		return "", InputError{{"password", Unchanged, 0}}
	}
	return password.Hash(chosen, derive), nil
}

// judge decides whether the account may be entered, given whether the password is right.
func (s *Store) judge(a candidate, c Credentials, right bool) error {
	switch {
	case !right || a.userID == "" || a.disabled:
		return ErrBadCredentials
	case c.link != "":
		return nil
	case s.early(a):
		return errUnconfirmed
	case a.locked && a.door == throttle.AnyDoor:
		return errLocked
	}
	return nil
}

// early reports whether the address of an account has to be confirmed before a sign-in.
func (s *Store) early(a candidate) bool { return s.o.Verify == VerifyRequired && !a.verified }

func checkSignIn(c Credentials) (string, error) {
	email, err := knownEmail(c.Email)
	var faults InputError
	errors.As(err, &faults)
	faults = append(faults, checkTyped("password", c.Password)...)
	return email, faults.orNil()
}

// checkTyped reports an input that cannot be a password, before any work is done for it.
func checkTyped(field string, p secret.Password) (faults InputError) {
	if f, limit := password.Typed(p); f != "" {
		faults.add(field, Problem(f), limit)
	}
	return faults
}

// checkNewPassword judges a password chosen by the user of an address. email is empty if there is no address yet.
func (s *Store) checkNewPassword(p secret.Password, email string) error {
	var faults InputError
	if f, limit := (password.Policy{Min: s.o.PasswordMin, Personal: []string{email, s.o.SiteName}}).Judge(p); f != "" {
		faults.add("password", Problem(f), limit)
	}
	return faults.orNil()
}

// checkBreached refuses a password that somebody chooses if it is known from a breach. Nothing is looked up before the
// throttles have let the attempt pass.
func (s *Store) checkBreached(ctx context.Context, p secret.Password) error {
	if s.o.Breached == nil {
		return nil
	}
	known, err := s.o.Breached(ctx, p)
	if err != nil && ctx.Err() == nil {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "a new password was not looked up among those that are known",
			slog.String("err", err.Error()))
	}
	if err == nil && known {
		return InputError{{Field: "password", Problem: Breached}}
	}
	return ctx.Err()
}

// hashNew hashes a password that somebody chose, unless it is known from a breach.
func (s *Store) hashNew(ctx context.Context, p secret.Password) (hashed string, err error) {
	if err := s.checkBreached(ctx, p); err != nil {
		return "", err
	}
	err = s.hashTurn(ctx, func(_ context.Context, derive password.Crypt) error {
		hashed = password.Hash(p, derive)
		return nil
	})
	return hashed, err
}

// hashTurn runs f in a turn to hash, in which f needs no further turn at the database.
func (s *Store) hashTurn(ctx context.Context, f func(context.Context, password.Crypt) error) error {
	return s.hashes.Turn(ctx, func(ctx context.Context,
		derive password.Crypt) error {
		return f(database.Ahead(ctx), derive)
	})
}

// raise gives the session o, which n presents, what n proves besides and a new token, and makes its place familiar. It
// is the one way in which a session gets fresher, or to a higher level. Whoever has a second factor proves that one: by
// a first factor alone raise fails with ErrStaleFactor, or where the second was proved a short while ago the session
// gets no fresher. It comes last in a transaction, as issue does.
func (s *Store) raise(ctx context.Context, tx pgx.Tx, o session.Own, n session.New) (Issued, error) {
	if n.Proof.Level() < 2 {
		if err := freshSecond(ctx, tx, o); err != nil {
			return Issued{}, err
		}
	}
	var err error
	if n.Proof, err = goesOn(ctx, tx, o, n.Proof); err != nil {
		return Issued{}, err
	}
	made, err := s.sessions.Raise(ctx, tx, n)
	if err != nil {
		return Issued{}, err
	}
	issued := Issued{Made: made, Remember: n.Remember}
	issued.Browser, err = throttle.Befriend(ctx, tx, n.UserID, n.Client)
	return issued, err
}

// issue makes the session, or the challenge before it, and makes its place familiar. It comes last in a
// transaction, because several users share the places of a browser.
func (s *Store) issue(ctx context.Context, tx pgx.Tx, n session.New) (Issued, error) {
	n, err := s.inTrusted(ctx, tx, n)
	if err != nil {
		return Issued{}, err
	}
	browser := cmp.Or(n.Client.Browser, secret.NewToken()) // a challenge can only be met in this browser
	made, err := s.sessions.Make(ctx, tx, n, throttle.BrowserPlace(browser))
	if err != nil {
		return Issued{}, err
	}
	issued := Issued{Made: made, Browser: browser, Remember: n.Remember}
	if made.Session != "" { // a challenge makes no place familiar
		issued.Browser, err = throttle.Befriend(ctx, tx, n.UserID, n.Client)
	}
	return issued, err
}
