package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// The errors of second factors.
var (
	// ErrFactorsOff means that nobody can add an authenticator app: the operator does not want it (Options.FactorsOff), or
	// there is no key to seal its key with (Options.Keys).
	ErrFactorsOff = errors.New("authenticator apps are off, or need GATEPOST_ENCRYPTION_KEY")
	// ErrNoFactor means that the user has no second factor.
	ErrNoFactor = errors.New("there is no second factor")
	// ErrNoEnrolment means that no key of an app waits for its first code in this session: none was shown, or that was
	// longer than EnrolFor ago, or it was confirmed already. Beginning again helps.
	ErrNoEnrolment = errors.New("no authenticator app is being added in this session")
	// ErrStaleFactor means that the second factor has to be proved first (ProveFactor): it was not in this session, or
	// longer than session.FreshFor ago.
	ErrStaleFactor = errors.New("the second factor has to be proved again first")
	// ErrWrongCode means that a code of an authenticator app, or a recovery code, is wrong.
	ErrWrongCode = errors.New("wrong code")
	// ErrUsedCode means that the code was right, and that it or a later one was accepted before. The next one helps.
	ErrUsedCode = errors.New("the code was used before")
	// ErrFactorLocked means that too many wrong codes came in a row (throttle.AccountLimit). Codes of the app count in
	// familiar places only until one is right. A recovery code helps anywhere.
	ErrFactorLocked = errors.New("too many wrong codes: the authenticator app is locked")
	// ErrFactorUnreadable means that the key of the user's app cannot be read: it is sealed with a key that
	// GATEPOST_ENCRYPTION_KEY lacks, or somebody changed the row. A recovery code helps; else an operator does.
	ErrFactorUnreadable = errors.New("the key of the authenticator app cannot be read")
)

// Factors is what a user has besides the ways in.
type Factors struct {
	App           *App // nil: none
	Passkeys      int  // how many there are
	RecoveryCodes int  // how many are left
	Offered       bool // apps can be added
	Trusted       []TrustedBrowser
}

// Any reports whether there is a second factor. Recovery codes alone are none.
func (f Factors) Any() bool { return f.App != nil || f.Passkeys > 0 }

// App is the authenticator app of a user.
type App struct {
	Since time.Time
	Used  time.Time // when a code was last accepted
}

// Factors returns the second factors of the user of a session. It fails with session.ErrNoSession or
// database.ErrUnavailable.
func (s *Store) Factors(ctx context.Context, t secret.Token) (f Factors, err error) {
	err = s.db.Transact(ctx, "list second factors", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Seen(ctx, tx, t)
		if err == nil {
			f, err = s.factorsOf(ctx, tx, o.UserID)
		}
		return err
	})
	return f, err
}

func (s *Store) factorsOf(ctx context.Context, tx pgx.Tx, userID string) (Factors, error) {
	f := Factors{Offered: s.offersFactors()}
	var a App
	err := tx.QueryRow(ctx, `SELECT `+database.Readable("created_at")+`, `+database.Readable("used_at")+`
		FROM gatepost.totp WHERE user_id = $1`, userID).Scan(&a.Since, &a.Used)
	if err == nil {
		f.App = &a
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return Factors{}, err
	}
	err = tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM gatepost.recovery_code WHERE user_id = $1),
		    (SELECT count(*) FROM gatepost.passkey WHERE user_id = $1)`, userID).Scan(&f.RecoveryCodes, &f.Passkeys)
	if err != nil {
		return Factors{}, err
	}
	f.Trusted, err = s.trustedBrowsers(ctx, tx, userID)
	return f, err
}

// hasFactor reports whether a user has a second factor. Recovery codes alone are none.
func hasFactor(ctx context.Context, tx pgx.Tx, userID string) (yes bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.totp WHERE user_id = $1)
	    OR EXISTS (SELECT FROM gatepost.passkey WHERE user_id = $1)`, userID).Scan(&yes)
	return yes, err
}

// ResetFactors removes all second factors of a user who has lost them, for an operator, ends all their sessions, and
// mails the user. It fails with ErrNoUser, ErrNoFactor or database.ErrUnavailable.
func (s *Store) ResetFactors(ctx context.Context, userID string) error {
	err := s.change(ctx, "reset-factors", userID, func(ctx context.Context, tx pgx.Tx) (audit.Details, error) {
		d, err := dropFactors(ctx, tx, userID)
		if err != nil {
			return nil, err
		}
		if d == (dropped{}) {
			return nil, ErrNoFactor
		}
		ended, err := s.sessions.EndAll(ctx, tx, userID)
		for _, kind := range d.kinds() {
			if err == nil {
				err = s.outbox.Post(ctx, tx, mail.NewLetter(kind, userID, "", secret.Client{}))
			}
		}
		return audit.Details{{Name: "sessions", Value: fmt.Sprint(ended)}}, err
	})
	s.outbox.Kick()
	return err
}

// factorDeed is a change to the second factors of the user of a session.
type factorDeed struct {
	event  string
	token  secret.Token
	client secret.Client
	kind   mail.Kind
	adds   bool // it adds a factor, which is limited
	// allowed judges the session, in the transaction of the deed.
	allowed func(context.Context, pgx.Tx, session.Own) error
	// others reports, after allowed, whether the other sessions end. Nil: they do.
	others func() bool
	// do changes the factors, and returns how the user is proved from now on.
	do func(context.Context, pgx.Tx, session.Own) (session.Proof, error)
}

// changeFactors carries out a deed, ends every session of the user, every half sign-in and the trust in browsers, so
// that no session has a level that the factors do not give any more, and gives the user a new one. Where the deed lets
// the other sessions be, of sessions only the one presented ends.
func (s *Store) changeFactors(ctx context.Context, d factorDeed) (issued Issued, err error) {
	o, err := s.own(ctx, d.token)
	if err == nil {
		err = s.db.Transact(ctx, d.event, func(ctx context.Context, tx pgx.Tx) error {
			issued, err = s.changeFactorsIn(ctx, tx, d, o.UserID)
			return err
		})
	}
	s.auditChange(ctx, d.event, o.UserID, d.client, cmp.Or(err, issued.half()))
	if err != nil {
		return Issued{}, err
	}
	s.Changed(o.UserID)
	s.outbox.Kick()
	return issued, nil
}

// auditChange is audit for what the user of a session does to their factors. What is not there was not changed, and
// nothing was decided about anybody. A sign-in with it is another matter.
func (s *Store) auditChange(ctx context.Context, event, userID string, c secret.Client, err error) {
	if !errors.Is(err, ErrNoFactor) && !errors.Is(err, ErrNoPasskey) {
		s.audit(ctx, event, userID, c, err)
	}
}

func (s *Store) changeFactorsIn(ctx context.Context, tx pgx.Tx, d factorDeed, userID string) (Issued, error) {
	if _, err := database.LockUser(ctx, tx, userID, d.token); err != nil {
		return Issued{}, err
	}
	o, err := s.Own(ctx, tx, d.token)
	if err == nil {
		err = d.allowed(ctx, tx, o)
	}
	if err == nil && d.adds {
		err = throttle.FactorChanges(o.UserID).Take(ctx, tx)
	}
	if err != nil {
		return Issued{}, err
	}
	proof, err := d.do(ctx, tx, o)
	if err != nil {
		return Issued{}, err
	}
	n := session.New{UserID: o.UserID, Proof: proof, Remember: o.Remembered, Client: d.client}
	if n.Via, err = s.viaOf(ctx, tx, d.token); err != nil {
		return Issued{}, err
	}
	letter := mail.NewLetter(d.kind, o.UserID, o.Email, d.client)
	letter.Facts.OthersEnded = d.others == nil || d.others()
	if err := s.sessions.EndPresented(ctx, tx, o.UserID, d.token, letter.Facts.OthersEnded); err != nil {
		return Issued{}, err
	}
	if err := s.sessions.EndSteps(ctx, tx, o.UserID); err != nil {
		return Issued{}, err
	}
	if err := s.outbox.Post(ctx, tx, letter); err != nil {
		return Issued{}, err
	}
	issued, err := s.issue(ctx, tx, n)
	if err != nil {
		return Issued{}, err
	}
	return issued, s.recordIn(ctx, tx, d.event, o.UserID, issued, d.client)
}

// sweepFactors deletes keys that nobody confirmed in time, and the trust in browsers that has run out.
func (s *Store) sweepFactors(ctx context.Context) (int64, error) {
	n, err := s.db.Sweep(ctx, `totp_pending WHERE expires_at < now() ORDER BY expires_at`)
	if err != nil {
		return n, err
	}
	more, err := s.db.Sweep(ctx, `trusted_browser WHERE expires_at < now() ORDER BY expires_at`)
	return n + more, err
}
