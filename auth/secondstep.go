package auth

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
)

// SecondStepFor is how long half a sign-in waits for the second factor.
const SecondStepFor = 10 * time.Minute

// secondStep is the kind of a challenge that a second factor meets.
const secondStep = "second-factor"

// demand asks whoever has a second factor for it before they get a session, whatever they were proved by. It is asked
// after a proof alone, so that no wrong password tells whether somebody has a factor.
func (s *Store) demand(ctx context.Context, tx pgx.Tx, n session.New) (*session.Demand, error) {
	if n.Proof.Level() == 2 || n.Proof.Trusted() {
		return nil, nil
	}
	has, err := hasFactor(ctx, tx, n.UserID)
	if err != nil || !has {
		return nil, err
	}
	payload, err := s.parkIDToken(ctx, tx, n)
	return &session.Demand{Kind: secondStep, For: SecondStepFor, Payload: payload}, err
}

// parkIDToken seals the ID token of a sign-in at a provider for the challenge before its session. Nil: there is none.
func (s *Store) parkIDToken(ctx context.Context, tx pgx.Tx, n session.New) ([]byte, error) {
	if n.Via.Seal == nil {
		return nil, nil
	}
	sealed, err := n.Via.Seal(ctx, tx, n.ID())
	if err != nil || sealed == nil {
		return nil, err
	}
	token, err := s.o.Keys.Open(seal.SessionIDToken, n.ID(), sealed)
	if err != nil {
		return nil, err
	}
	return s.seal(ctx, tx, seal.ChallengePayload, n.ID(), token)
}

// unparkIDToken is the part of a challenge in the session that follows it.
func (s *Store) unparkIDToken(c session.Challenge) session.Via {
	via := c.Via
	if c.Payload == nil {
		return via
	}
	via.Seal = func(ctx context.Context, tx pgx.Tx, sessionID string) ([]byte, error) {
		token, err := s.o.Keys.Open(seal.ChallengePayload, c.ID, c.Payload)
		if err != nil { // a key that is gone costs the hint, and no session
			return nil, nil
		}
		return s.seal(ctx, tx, seal.SessionIDToken, sessionID, token)
	}
	return via
}

// SecondStep is the code with which somebody meets a challenge, in the browser where it was made.
type SecondStep struct {
	Challenge secret.Token  // of Issued
	Code      string        // as typed: of the app, or a recovery code
	Trust     bool          // do without the second step in this browser for Options.TrustBrowser, unless that is 0
	Presented secret.Token  // the session this browser has, which ends; empty: none
	Client    secret.Client // Browser is that of Issued
}

// Half is half a sign-in, for the page that asks for the rest.
type Half struct {
	Email         string // of the user, who has proved to be them
	RecoveryCodes int    // how many are left
	Remember      bool
	App           bool // they have an authenticator app
	Passkeys      int  // how many passkeys can be the second factor
}

// Half returns what a challenge is about. It counts no answer. It fails with session.ErrNoChallenge or
// database.ErrUnavailable.
func (s *Store) Half(ctx context.Context, challenge secret.Token, c secret.Client) (h Half, err error) {
	found, err := s.lookAtStep(ctx, challenge, c)
	if err != nil {
		return Half{}, err
	}
	h.Remember = found.Remember
	err = s.db.Repeat(ctx, "describe a challenge", func(ctx context.Context) error {
		return s.db.Pages.QueryRow(ctx, `
			SELECT coalesce(max(email), ''), (SELECT count(*) FROM gatepost.recovery_code WHERE user_id = $1),
			    EXISTS (SELECT FROM gatepost.totp WHERE user_id = $1),
			    (SELECT count(*) FROM gatepost.passkey WHERE user_id = $1 AND NOT ($2 AND coalesce(cloned_at >= $3, false)))
			FROM gatepost."user" WHERE id = $1`, found.UserID, found.Proof.ByKey(), found.Proof.At).
			Scan(&h.Email, &h.RecoveryCodes, &h.App, &h.Passkeys)
	})
	return h, err
}

func (s *Store) lookAtStep(ctx context.Context, challenge secret.Token, c secret.Client) (session.Challenge, error) {
	if challenge == "" || c.Browser == "" {
		return session.Challenge{}, session.ErrNoChallenge
	}
	found, err := s.sessions.Look(ctx, challenge, throttle.BrowserPlace(c.Browser))
	if err == nil && found.Kind != secondStep {
		err = session.ErrNoChallenge
	}
	return found, err
}

// MeetSecondStep gives whoever has proved to be a user a session for a code of their app or a recovery code. A code
// works once. Wrong ones are counted for the account, over all its challenges, as wrong passwords are, and each counts
// as one of the few answers of its challenge. It fails with session.ErrNoChallenge, InputError (field "code"; nothing
// is counted), ErrWrongCode, ErrUsedCode, ErrFactorLocked, ErrFactorUnreadable, *throttle.Error, share.ErrBusy,
// share.ErrCrowded or database.ErrUnavailable.
func (s *Store) MeetSecondStep(ctx context.Context, a SecondStep) (issued Issued, err error) {
	found, err := s.lookAtStep(ctx, a.Challenge, a.Client)
	var details audit.Details
	if err == nil {
		err = s.checkCode(ctx, codeCheck{event: "second-factor", userID: found.UserID, typed: a.Code, client: a.Client,
			presented: a.Presented,
			counted: func(ctx context.Context) error {
				_, err := s.sessions.Answer(ctx, a.Challenge, throttle.BrowserPlace(a.Client.Browser))
				return err
			},
			finish: func(ctx context.Context, tx pgx.Tx, p codeProof) (err error) {
				details = p.details()
				issued, err = s.meet(ctx, tx, found, a, p)
				return err
			}})
	}
	if errors.Is(err, ErrNoFactor) { // it is gone, so that nobody asks for it at the next sign-in
		err = session.ErrNoChallenge
	}
	s.metrics.signIns.WithLabelValues(result(err)).Inc()
	s.audit(ctx, "second-factor", found.UserID, a.Client, err, details...)
	if err != nil {
		return Issued{}, err
	}
	s.sessions.Done(a.Presented, issued.Made)
	s.outbox.Kick()
	return issued, nil
}

// meet makes the session, in the transaction that has used up the code.
func (s *Store) meet(ctx context.Context, tx pgx.Tx, found session.Challenge, a SecondStep,
	p codeProof) (Issued, error) {
	if err := s.sessions.Met(ctx, tx, found); err != nil {
		return Issued{}, err
	}
	issued, err := s.issue(ctx, tx, session.New{UserID: found.UserID, Proof: found.Proof.And(p.method, p.at),
		Remember: found.Remember, Client: a.Client, Presented: a.Presented, Via: s.unparkIDToken(found),
		Since: found.Since})
	if err != nil {
		return Issued{}, err
	}
	if a.Trust && s.o.TrustBrowser > 0 {
		if issued.Trust, err = s.trust(ctx, tx, found.UserID, a.Client); err != nil {
			return Issued{}, err
		}
	}
	if s.o.NotifySignIns && p.door != throttle.BrowserDoor {
		_, err := s.postLimited(ctx, tx, mail.NewLetter(mail.SignIn, found.UserID, p.email, a.Client))
		if err != nil {
			return Issued{}, err
		}
	}
	return issued, s.trail.Write(ctx, tx, audit.Event{Name: "second-factor", UserID: found.UserID,
		SessionID: issued.SessionID, Client: a.Client, Details: p.details()})
}

// ProveFactor has the user of a session prove their second factor, again or for the first time in it, and gives the
// session a new token. How the user was proved before stays as it was. The token presented goes on for a minute, as it
// was. ProveFactor fails as MeetSecondStep does, with session.ErrNoSession and ErrNoFactor in place of
// session.ErrNoChallenge.
func (s *Store) ProveFactor(ctx context.Context, t secret.Token, typed string, c secret.Client) (issued Issued,
	err error) {
	o, err := s.own(ctx, t)
	var details audit.Details
	if err == nil {
		err = s.checkCode(ctx, codeCheck{event: "prove-factor", userID: o.UserID, typed: typed, client: c, presented: t,
			finish: func(ctx context.Context, tx pgx.Tx, p codeProof) (err error) {
				details = p.details()
				issued, err = s.raiseBy(ctx, tx, t, o.UserID, p, c)
				return err
			}})
	}
	s.audit(ctx, "prove-factor", o.UserID, c, err, details...)
	if err != nil {
		return Issued{}, err
	}
	s.Changed(o.UserID)
	s.outbox.Kick()
	return issued, nil
}

// raiseBy raises a session by a code of a second factor.
func (s *Store) raiseBy(ctx context.Context, tx pgx.Tx, t secret.Token, userID string, p codeProof,
	c secret.Client) (Issued, error) {
	o, err := s.Own(ctx, tx, t)
	if err == nil && o.UserID != userID {
		err = session.ErrNoSession
	}
	if err != nil {
		return Issued{}, err
	}
	n := session.New{UserID: userID, Proof: o.Proof.And(p.method, p.at), Remember: o.Remembered, Client: c, Presented: t}
	if p.both {
		n.Proof.At = p.at
	}
	issued, err := s.raise(ctx, tx, o, n)
	if err != nil {
		return Issued{}, err
	}
	return issued, s.trail.Write(ctx, tx, audit.Event{Name: "prove-factor", UserID: userID, SessionID: issued.SessionID,
		Client: c, Details: p.details()})
}
