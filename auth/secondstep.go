package auth

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
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
	Passkeys      int  // how many passkeys they have
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
			    (SELECT count(*) FROM gatepost.passkey WHERE user_id = $1)
			FROM gatepost."user" WHERE id = $1`, found.UserID).Scan(&h.Email, &h.RecoveryCodes, &h.App, &h.Passkeys)
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
	issued, err := s.raise(ctx, tx, n)
	if err != nil {
		return Issued{}, err
	}
	return issued, s.trail.Write(ctx, tx, audit.Event{Name: "prove-factor", UserID: userID, SessionID: issued.SessionID,
		Client: c, Details: p.details()})
}

// codeCheck is an attempt at a code of a second factor.
type codeCheck struct {
	event, userID string
	typed         string
	client        secret.Client
	presented     secret.Token
	// counted counts the attempt once it is admitted, before the code is looked at. Nil: nothing more counts it.
	counted func(context.Context) error
	// finish does what the right code is for, in the transaction that uses it up.
	finish func(context.Context, pgx.Tx, codeProof) error
}

// codeProof is a right code.
type codeProof struct {
	method session.Method
	at     time.Time
	both   bool // it proves the first factor as well
	door   throttle.Door
	email  string
}

func (p codeProof) details() audit.Details {
	return audit.Details{{Name: "method", Value: string(p.method)}}
}

// checkCode is the only check of a code, so that every use of one is throttled. The lock on the user makes attempts
// wait for each other: of many at once, only as many are looked at as the limits allow.
func (s *Store) checkCode(ctx context.Context, k codeCheck) error {
	typed := factor.Read(k.typed)
	switch {
	case k.typed == "":
		return InputError{{"code", Missing, 0}}
	case typed == (factor.Typed{}):
		return InputError{{"code", Malformed, 0}}
	}
	var p codeProof
	err := s.db.Transact(ctx, k.event, func(ctx context.Context, tx pgx.Tx) (err error) {
		p, err = s.admitCode(ctx, tx, k)
		return err
	})
	if err == nil && k.counted != nil {
		err = k.counted(ctx)
	}
	if err != nil {
		return err
	}
	hash := ""
	if typed.Recovery != "" {
		if hash, err = s.hashRecovery(ctx, k.userID, p.email, typed.Recovery); err != nil {
			return err
		}
	}
	var verdict error
	// A client that hangs up is counted too.
	err = s.db.Transact(context.WithoutCancel(ctx), k.event, func(ctx context.Context, tx pgx.Tx) error {
		verdict, err = s.judgeCode(ctx, tx, k, typed, hash)
		return err
	})
	if err != nil {
		return err
	}
	return verdict
}

// admitCode finds the door of an attempt, and fails with a *throttle.Error while that has to wait.
func (s *Store) admitCode(ctx context.Context, tx pgx.Tx, k codeCheck) (p codeProof, err error) {
	err = tx.QueryRow(ctx, `SELECT email FROM gatepost."user" WHERE id = $1`, k.userID).Scan(&p.email)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrNoFactor
	}
	if err == nil {
		p.door, err = throttle.DoorTo(ctx, tx, k.userID, k.client)
	}
	if err != nil {
		return p, err
	}
	return p, throttle.FactorDoors(k.userID, k.client, s.offices()).Check(ctx, tx, p.door)
}

// judgeCode looks at a code. A verdict against it is no error, so that what was counted is written.
func (s *Store) judgeCode(ctx context.Context, tx pgx.Tx, k codeCheck, typed factor.Typed,
	hash string) (verdict, err error) {
	if _, err := database.LockUser(ctx, tx, k.userID, k.presented); err != nil {
		return nil, err
	}
	p, err := s.admitCode(ctx, tx, k)
	if err != nil {
		return nil, err
	}
	d := throttle.FactorDoors(k.userID, k.client, s.offices())
	if typed.Recovery != "" {
		p.method = session.Recovery
		verdict, err = s.judgeRecovery(ctx, tx, k, hash, &p)
	} else {
		p.method = session.OTP
		verdict, err = s.judgeApp(ctx, tx, k, typed.App, &p)
	}
	switch {
	case err != nil:
		return nil, err
	case errors.Is(verdict, ErrWrongCode):
		return verdict, s.countWrongCode(ctx, tx, k, d, p.door)
	case verdict != nil:
		return verdict, nil
	}
	if err := d.ForgiveDoor(ctx, tx, p.door); err != nil {
		return nil, err
	}
	return nil, k.finish(ctx, tx, p)
}

// judgeApp looks at a code of an app, and uses it up if it is right.
func (s *Store) judgeApp(ctx context.Context, tx pgx.Tx, k codeCheck, code string, p *codeProof) (verdict, err error) {
	var sealed []byte
	var failures int
	err = tx.QueryRow(ctx, `SELECT secret, failures, clock_timestamp() FROM gatepost.totp WHERE user_id = $1`, k.userID).
		Scan(&sealed, &failures, &p.at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return withoutApp(ctx, tx, k.userID)
	case err != nil:
		return nil, err
	case failures >= throttle.AccountLimit && p.door == throttle.AnyDoor:
		return ErrFactorLocked, nil
	}
	key, err := s.o.Keys.Open(seal.TOTPSecret, k.userID, sealed)
	if err != nil {
		s.o.Log.LogAttrs(ctx, slog.LevelError, "the key of an authenticator app cannot be read",
			slog.String("user", k.userID), slog.String("err", err.Error()))
		return ErrFactorUnreadable, nil
	}
	step, right := factor.Key(key).Match(code, factor.Step(p.at))
	if !right {
		return ErrWrongCode, nil
	}
	tag, err := tx.Exec(ctx, `
		UPDATE gatepost.totp SET last_step = $2, failures = 0, used_at = now() WHERE user_id = $1 AND last_step < $2`,
		k.userID, step)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrUsedCode, nil
	}
	return nil, err
}

// withoutApp is the verdict on a code of an app that a user does not have: wrong, if they have another factor.
func withoutApp(ctx context.Context, tx pgx.Tx, userID string) (verdict, err error) {
	has, err := hasFactor(ctx, tx, userID)
	if err != nil {
		return nil, err
	}
	if !has {
		return ErrNoFactor, nil
	}
	return ErrWrongCode, nil
}

// judgeRecovery uses up a recovery code, if it is right, and mails the user. It also unlocks the app.
func (s *Store) judgeRecovery(ctx context.Context, tx pgx.Tx, k codeCheck, hash string,
	p *codeProof) (verdict, err error) {
	left, used, err := useRecovery(ctx, tx, k.userID, hash)
	if err != nil {
		return nil, err
	}
	if !used {
		return ErrWrongCode, nil
	}
	has, err := hasFactor(ctx, tx, k.userID)
	if err == nil && !has {
		return ErrNoFactor, nil
	}
	if err == nil {
		_, err = tx.Exec(ctx, `UPDATE gatepost.totp SET failures = 0 WHERE user_id = $1`, k.userID)
	}
	if err == nil {
		p.at, err = clock(ctx, tx)
	}
	if err != nil {
		return nil, err
	}
	l := mail.NewLetter(mail.RecoveryUsed, k.userID, p.email, k.client)
	l.Facts.Left = left
	return nil, s.outbox.Post(ctx, tx, l)
}

// countWrongCode counts a wrong code of a locked user.
func (s *Store) countWrongCode(ctx context.Context, tx pgx.Tx, k codeCheck, d throttle.Doors,
	door throttle.Door) error {
	b := &pgx.Batch{}
	b.Queue(`UPDATE gatepost.totp SET failures = least(greatest(failures, 0), 1000000) + 1 WHERE user_id = $1`, k.userID)
	d.CountFailure(b, door, k.userID, k.client)
	return tx.SendBatch(ctx, b).Close()
}
