package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
)

// signUpBegun is the purpose of a row that nobody answers: a sign-up that was admitted waits for its passkey.
const signUpBegun PasskeyPurpose = "sign-up-begun"

// BegunSignUp is a sign-up with a passkey that was admitted.
type BegunSignUp struct {
	Key     secret.Token // that the browser keeps for PasskeyFor, as that of PasskeyAsked
	Browser secret.Token // with ErrUnverified: identifies the browser, as that of Issued
}

// PasskeySignUps reports whether visitors may sign up with a passkey and no password. They may not where passwords are
// off: whoever lost the passkey could not choose a password in its place.
func (s *Store) PasskeySignUps() bool {
	return s.PasskeysAddable() && !s.o.SignUpClosed && !s.o.PasswordsOff
}

// BeginPasskeySignUp admits a sign-up without a password. It is limited and refused as SignUp is, and key is that of an
// earlier ceremony in this browser; empty: a new one is made.
//
// Where links are mailed (Options.Verify), it makes the user, who has no way in yet, and fails with ErrUnverified. With
// the mailed link they get a session, in which they add the passkey. An address that has an account gets a mail
// instead; the answer and the time it takes are the same. Else the passkey is made at once, by AskForPasskey and
// SignUpByPasskey, and nobody is made before.
//
// It also fails with ErrPasskeysOff. For a Client who is Trapped it makes nobody, and its answer is that of a success.
func (s *Store) BeginPasskeySignUp(ctx context.Context, u NewUser, key secret.Token,
	c secret.Client) (BegunSignUp, error) {
	began := time.Now()
	b, userID, err := s.beginPasskeySignUp(ctx, u, cmp.Or(key, secret.NewToken()), c)
	if err != nil {
		s.metrics.signUps.WithLabelValues(result(err)).Inc()
	}
	switch {
	case errors.Is(err, ErrUnverified):
		s.trail.Wrote(ctx, audit.Event{Name: "sign-up", Result: result(err), UserID: userID, Client: c})
	case err != nil:
		s.audit(ctx, "sign-up", "", c, err)
	}
	if errors.Is(err, errTrapped) {
		b, err = BegunSignUp{Key: secret.NewToken()}, nil
		if s.o.Verify != VerifyOff {
			b, err = BegunSignUp{Browser: secret.NewToken()}, ErrUnverified
		}
	}
	if errors.Is(err, ErrUnverified) {
		s.hold(ctx, began, s.o.AnswerStep)
	}
	return b, err
}

func (s *Store) beginPasskeySignUp(ctx context.Context, u NewUser, key secret.Token, c secret.Client) (b BegunSignUp,
	userID string, err error) {
	row, err := s.checkPasskeySignUp(u)
	if err != nil {
		return BegunSignUp{}, "", err
	}
	if err := s.admitPasskeySignUp(ctx, row, c); err != nil {
		return BegunSignUp{}, "", err
	}
	if s.o.Verify != VerifyOff {
		defer s.outbox.Kick()
		issued, userID, err := s.signUpUnseen(ctx, row, c)
		return BegunSignUp{Browser: issued.Browser}, userID, err
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id) // it cannot fail
	err = s.db.Transact(ctx, "begin a sign-up", func(ctx context.Context, tx pgx.Tx) error {
		return insertCeremony(ctx, tx, ceremony{purpose: signUpBegun, rpID: s.site.Host, step: signUpOf(key, row)}, id,
			key, c)
	})
	return BegunSignUp{Key: key}, "", err
}

// checkPasskeySignUp is checkSignUp without a password.
func (s *Store) checkPasskeySignUp(u NewUser) (userRow, error) {
	if !s.PasskeysAddable() {
		return userRow{}, ErrPasskeysOff
	}
	u.Password, u.keyed = "", true
	return s.checkSignUp(u)
}

// admitPasskeySignUp counts a sign-up, unless it is refused. Where links are mailed it does not look whether the
// address is taken.
func (s *Store) admitPasskeySignUp(ctx context.Context, row userRow, c secret.Client) error {
	limits := throttle.SignUps(c.Addr, s.o.SignUpLimit, s.o.SignUpTotal, s.offices())
	if err := limits.Admit(ctx, s.db); err != nil {
		return err
	}
	if err := s.checkHuman(ctx, captcha.SignUp, c); err != nil {
		return err
	}
	err := s.db.Transact(ctx, "count a sign-up", func(ctx context.Context, tx pgx.Tx) error {
		return limits.Take(ctx, tx)
	})
	if err == nil {
		err = s.checkNameFree(ctx, row.username)
	}
	if err == nil && s.o.Verify == VerifyOff {
		err = s.checkFree(ctx, row.email)
	}
	return cmp.Or(err, s.trapped(captcha.SignUp, c))
}

// signUpOf tells one sign-up of a browser from another, without saying whose it is.
func signUpOf(key secret.Token, row userRow) string {
	b, _ := json.Marshal([]string{string(key), row.email, row.name, row.username}) // strings can be written
	return secret.Token(b).Hash()
}

// handleOfSignUp is what authenticators call a user who is not there yet. Nobody chooses it, as nobody chooses the
// challenge; so it need not be kept until the answer comes.
func handleOfSignUp(challenge []byte) []byte {
	sum := sha512.Sum512(append([]byte("gatepost: the user of a sign-up: "), challenge...))
	return sum[:]
}

// optionsForSignUp returns what the browser is asked, for a sign-up that was admitted in it. It fails with
// ErrNoCeremony.
func (s *Store) optionsForSignUp(ctx context.Context, tx pgx.Tx, a PasskeyAsk, c *ceremony,
	challenge []byte) (json.RawMessage, error) {
	row, err := s.checkPasskeySignUp(a.Who)
	if err != nil || a.Key == "" {
		return nil, ErrNoCeremony
	}
	c.step = signUpOf(a.Key, row)
	var begun bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.passkey_challenge
		WHERE browser = $1 AND purpose = $2 AND step = $3 AND expires_at > now())`,
		a.Key.Hash(), signUpBegun, c.step).Scan(&begun)
	if err == nil && !begun {
		err = ErrNoCeremony
	}
	u := passkey.User{Handle: handleOfSignUp(challenge), Name: row.email, Shown: cmp.Or(row.name, row.email)}
	return s.site.Creation(c.rpID, u, challenge, nil, attachment(a.Attachment), true), err
}

// SignUpByPasskey makes the user of a sign-up that was admitted (BeginPasskeySignUp), with the passkey that their
// browser has made, and signs them in. u is as it was there. The authenticator has to tell who the person is, as the
// passkey is the only way in. The recovery codes of Added are shown before the user goes on. It fails with
// ErrPasskeysOff, InputError, ErrSignUpClosed, ErrNoCeremony, ErrBadPasskey, ErrUnsurePasskey, ErrPasskeyTaken,
// share.ErrBusy, share.ErrCrowded or database.ErrUnavailable.
func (s *Store) SignUpByPasskey(ctx context.Context, u NewUser, a PasskeyAnswer, remember bool,
	presented secret.Token) (Added, error) {
	added, userID, err := s.signUpByPasskey(ctx, u, a, remember, presented)
	s.metrics.signUps.WithLabelValues(result(err)).Inc()
	s.audit(ctx, "sign-up", userID, a.Client, cmp.Or(err, added.half()), keyDetails(added.Passkey)...)
	if err != nil {
		return Added{}, err
	}
	s.sessions.Done(presented, added.Made)
	return added, nil
}

func (s *Store) signUpByPasskey(ctx context.Context, u NewUser, a PasskeyAnswer, remember bool,
	presented secret.Token) (added Added, userID string, err error) {
	row, err := s.checkPasskeySignUp(u)
	if err != nil {
		return Added{}, "", err
	}
	p, err := s.passkeyOfSignUp(ctx, row, a)
	if err != nil {
		return Added{}, "", err
	}
	set, err := s.newRecoverySet(ctx, row.email)
	if err != nil {
		return Added{}, "", err
	}
	err = s.insertUser(ctx, row, presented, func(ctx context.Context, tx pgx.Tx) error {
		if err := endSignUp(ctx, tx, row, a.Key); err != nil {
			return err
		}
		if err := s.insertFirstPasskey(ctx, tx, row.id, &p, set); err != nil {
			return err
		}
		added.Issued, err = s.issue(ctx, tx, session.New{UserID: row.id, Remember: remember, Client: a.Client,
			Proof: session.Proved(p.method()).And(p.method(), p.Since), Presented: presented})
		if err != nil {
			return err
		}
		return s.trail.Write(ctx, tx, audit.Event{Name: "sign-up", UserID: row.id, SessionID: added.SessionID,
			Client: a.Client, Details: keyDetails(p)})
	})
	if err != nil {
		return Added{}, "", err
	}
	added.Passkey, added.Codes = p, set.codes
	return added, row.id, nil
}

func keyDetails(p Passkey) audit.Details {
	if p.ID == "" {
		return nil
	}
	return provedKey{Passkey: p}.details()
}

// passkeyOfSignUp checks what the browser has made. The challenge is used up, and the sign-up goes on to wait: another
// answer may be right.
func (s *Store) passkeyOfSignUp(ctx context.Context, row userRow, a PasskeyAnswer) (p Passkey, err error) {
	created, err := passkey.ReadCreated(a.Body)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrBadPasskey, err)
	}
	challenge := created.Challenge()
	c, err := s.takeCeremony(ctx, challenge, a.Key)
	if err != nil {
		return p, err
	}
	if c.purpose != PasskeyToSignUp || c.step != signUpOf(a.Key, row) || s.o.Verify != VerifyOff {
		return p, ErrNoCeremony
	}
	if p.key, err = s.site.Check(c.rpID, handleOfSignUp(challenge), created); err != nil {
		return p, fmt.Errorf("%w: %w", ErrBadPasskey, err)
	}
	if !p.key.Verified {
		return p, ErrUnsurePasskey
	}
	p.ID, p.rpID, p.Synced, p.Alone, p.Name = secret.NewID(), c.rpID, p.key.BackedUp, true, p.key.Model()
	return p, nil
}

// endSignUp uses up what admitted a sign-up. It fails with ErrNoCeremony if that was done, or is too long ago.
func endSignUp(ctx context.Context, tx pgx.Tx, row userRow, key secret.Token) error {
	tag, err := tx.Exec(ctx, `DELETE FROM gatepost.passkey_challenge
		WHERE browser = $1 AND purpose = $2 AND step = $3 AND expires_at > now()`,
		key.Hash(), signUpBegun, signUpOf(key, row))
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNoCeremony
	}
	return err
}

// insertFirstPasskey stores the passkey of a user who was just made, with their recovery codes.
func (s *Store) insertFirstPasskey(ctx context.Context, tx pgx.Tx, userID string, p *Passkey, set recoverySet) error {
	_, err := tx.Exec(ctx, `INSERT INTO gatepost.passkey_user (user_id, handle) VALUES ($1, $2)`, userID, p.key.Handle)
	if err == nil {
		err = s.insertPasskey(ctx, tx, userID, p)
	}
	if err == nil {
		err = set.store(ctx, tx, userID)
	}
	return err
}

// LacksWayIn reports whether the user of a session has no way to sign in once it is over: they signed up for a passkey,
// and have none yet. It fails with session.ErrNoSession or database.ErrUnavailable.
func (s *Store) LacksWayIn(ctx context.Context, t secret.Token) (yes bool, err error) {
	err = s.db.Transact(ctx, "find the ways in", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Seen(ctx, tx, t)
		if err == nil {
			yes, err = s.lacksWayIn(ctx, tx, o.UserID)
		}
		return err
	})
	return yes, err
}

func (s *Store) lacksWayIn(ctx context.Context, tx pgx.Tx, userID string) (bool, error) {
	err := s.staysOpen(ctx, tx, userID)
	if errors.Is(err, ErrLastWayIn) {
		return true, nil
	}
	return false, err
}
