package auth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// PasskeyPurpose is what a browser is asked for a passkey for.
type PasskeyPurpose string

// The purposes.
const (
	PasskeyToSignIn  PasskeyPurpose = "sign-in"       // to sign in by a passkey alone
	PasskeyAsSecond  PasskeyPurpose = "second-factor" // to meet a challenge (Issued.Challenge)
	PasskeyToConfirm PasskeyPurpose = "confirm"       // to prove the user of a session again
	PasskeyToAdd     PasskeyPurpose = "add"           // to give the user of a session a new passkey
	PasskeyToSignUp  PasskeyPurpose = "sign-up"       // to make a user who has a passkey (BeginPasskeySignUp)
)

// PasskeyFor is how long the answer of a browser is waited for.
const PasskeyFor = passkey.For

// The errors of passkeys, besides those of second factors.
var (
	// ErrPasskeysOff means that browsers make no passkeys for this site, as it has no domain or no https, or that the
	// operator keeps users from adding them (Options.FactorsOff).
	ErrPasskeysOff = errors.New("there are no passkeys at this site, or none can be added")
	// ErrNoPasskey means that there is no such passkey, or that it is another user's.
	ErrNoPasskey = errors.New("there is no such passkey")
	// ErrNoCeremony means that the answer is to no challenge that waits in this browser for this purpose: it was answered,
	// took too long, or was never made. Beginning again helps.
	ErrNoCeremony = errors.New("nobody waits for this answer of an authenticator")
	// ErrBadPasskey means that what came is no answer of an authenticator, or proves nothing here.
	ErrBadPasskey = errors.New("the answer of the authenticator proves nothing")
	// ErrUnsurePasskey means that the authenticator did not tell who the person is (user verification), so that the
	// passkey is one factor alone.
	ErrUnsurePasskey = errors.New("the authenticator did not verify the user")
	// ErrClonedPasskey means that the counter of a passkey went back, so that there may be a copy of it. Another factor
	// helps.
	ErrClonedPasskey = errors.New("there may be a copy of this passkey")
	// ErrManyPasskeys means that the user has as many passkeys as anybody may have (PasskeysMost).
	ErrManyPasskeys = errors.New("there are too many passkeys")
	// ErrPasskeyTaken means that the authenticator's passkey is in use already.
	ErrPasskeyTaken = errors.New("this passkey was added before")
)

// PasskeyAsk is what a browser is to be asked.
type PasskeyAsk struct {
	For        PasskeyPurpose
	Key        secret.Token // that this browser has from earlier; empty: a new one is made
	Session    secret.Token // the session this browser has; PasskeyToConfirm and PasskeyToAdd need one
	Challenge  secret.Token // half a sign-in; PasskeyAsSecond needs one
	Attachment string       // for a new one: "platform" or "cross-platform"; anything else: either
	Who        NewUser      // PasskeyToSignUp needs them, as they were in BeginPasskeySignUp
	Client     secret.Client
}

// PasskeyAsked is what a browser is asked, for the script there.
type PasskeyAsked struct {
	Options json.RawMessage // of navigator.credentials, as JSON
	Key     secret.Token    // that the browser keeps for PasskeyFor; a secret
}

// ceremony is a row of passkey_challenge.
type ceremony struct {
	purpose         PasskeyPurpose
	rpID            string
	userID, session string
	step            string // the hash of half a sign-in, or of a sign-up (signUpOf)

	first session.Proof // of half a sign-in, while it is asked for; not stored
}

// AskForPasskey makes a challenge, and returns what the browser is asked. It fails with ErrPasskeysOff,
// session.ErrNoSession, session.ErrNoChallenge, ErrNoPasskey (there is none to confirm with, or none besides the one
// that came first), the errors of BeginApp and ErrManyPasskeys (a new one), ErrNoCeremony (a sign-up that was not
// admitted), or database.ErrUnavailable.
func (s *Store) AskForPasskey(ctx context.Context, a PasskeyAsk) (asked PasskeyAsked, err error) {
	if s.site == nil {
		return PasskeyAsked{}, ErrPasskeysOff
	}
	c := ceremony{purpose: a.For}
	if a.For == PasskeyAsSecond {
		found, err := s.lookAtStep(ctx, a.Challenge, a.Client)
		if err != nil {
			return PasskeyAsked{}, err
		}
		c.userID, c.step, c.first = found.UserID, a.Challenge.Hash(), found.Proof
	}
	asked.Key = a.Key
	if asked.Key == "" {
		asked.Key = secret.NewToken()
	}
	challenge := make([]byte, 32)
	_, _ = rand.Read(challenge) // it cannot fail
	err = s.db.Transact(ctx, "ask for a passkey", func(ctx context.Context, tx pgx.Tx) (err error) {
		if c.rpID, err = s.rpID(ctx, tx); err != nil {
			return err
		}
		if asked.Options, err = s.optionsFor(ctx, tx, a, &c, challenge); err != nil {
			return err
		}
		return insertCeremony(ctx, tx, c, challenge, asked.Key, a.Client)
	})
	if err != nil {
		return PasskeyAsked{}, err
	}
	return asked, nil
}

// optionsFor returns what the browser is asked, and completes the row.
func (s *Store) optionsFor(ctx context.Context, tx pgx.Tx, a PasskeyAsk, c *ceremony,
	challenge []byte) (json.RawMessage, error) {
	switch a.For {
	case PasskeyToSignIn:
		return s.site.Request(c.rpID, challenge, nil, true), nil
	case PasskeyToSignUp:
		return s.optionsForSignUp(ctx, tx, a, c, challenge)
	}
	var o session.Own
	if a.For != PasskeyAsSecond {
		var err error
		if o, err = s.Own(ctx, tx, a.Session); err != nil {
			return nil, err
		}
		c.userID, c.session = o.UserID, o.ID
	}
	stored, err := passkeysOf(ctx, tx, c.userID)
	if err != nil {
		return nil, err
	}
	if a.For == PasskeyAsSecond {
		stored = othersThan(c.first, stored)
	}
	keys := keysFor(stored, c.rpID)
	if a.For == PasskeyToAdd {
		if err := s.mayAddPasskey(ctx, tx, o, len(stored)); err != nil {
			return nil, err
		}
		only, err := s.lacksWayIn(ctx, tx, o.UserID)
		if err != nil {
			return nil, err
		}
		u, err := passkeyUser(ctx, tx, o)
		return s.site.Creation(c.rpID, u, challenge, keys, attachment(a.Attachment), only), err
	}
	if len(keys) == 0 {
		return nil, ErrNoPasskey
	}
	return s.site.Request(c.rpID, challenge, keys, false), nil
}

func attachment(asked string) string {
	if asked == "platform" || asked == "cross-platform" {
		return asked
	}
	return ""
}

// rpID is the domain that passkeys are made for: that of those that there are, else the host of the site.
func (s *Store) rpID(ctx context.Context, tx pgx.Tx) (rpID string, err error) {
	rpID, err = ownDomain(ctx, tx)
	if err == nil && !s.site.Fits(rpID) {
		rpID = s.site.Host
	}
	return rpID, err
}

// ownDomain is the domain of the passkeys that there are; empty: there are none.
func ownDomain(ctx context.Context, tx pgx.Tx) (rpID string, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(min(rp_id), '') FROM gatepost.passkey`).Scan(&rpID)
	return rpID, err
}

// settledDomain is ownDomain for who adds a passkey. Of many first passkeys at once one decides, and the others wait.
func settledDomain(ctx context.Context, tx pgx.Tx) (rpID string, err error) {
	if rpID, err = ownDomain(ctx, tx); err != nil || rpID != "" {
		return rpID, err
	}
	_, err = tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('gatepost first passkey', 0))`)
	if err != nil {
		return "", err
	}
	return ownDomain(ctx, tx)
}

// passkeyUser is the user of a session as authenticators know them.
func passkeyUser(ctx context.Context, tx pgx.Tx, o session.Own) (u passkey.User, err error) {
	handle := make([]byte, 64)
	_, _ = rand.Read(handle) // it cannot fail
	_, err = tx.Exec(ctx, `INSERT INTO gatepost.passkey_user (user_id, handle) VALUES ($1, $2)
		ON CONFLICT (user_id) DO NOTHING`, o.UserID, handle)
	if err == nil {
		u.Handle, err = handleOf(ctx, tx, o.UserID)
	}
	u.Name, u.Shown = o.Email, o.Name
	if u.Shown == "" {
		u.Shown = o.Email
	}
	return u, err
}

func handleOf(ctx context.Context, tx pgx.Tx, userID string) (handle []byte, err error) {
	err = tx.QueryRow(ctx, `SELECT handle FROM gatepost.passkey_user WHERE user_id = $1`, userID).Scan(&handle)
	return handle, err
}

// challengeID is the name of a challenge in its table.
func challengeID(challenge []byte) string { return secret.Token(challenge).Hash() }

// insertCeremony writes the challenge down, and ends the oldest of whoever has too many.
func insertCeremony(ctx context.Context, tx pgx.Tx, c ceremony, challenge []byte, key secret.Token,
	client secret.Client) error {
	n := networkOf(client.Addr)
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.passkey_challenge (id, browser, purpose, rp_id, user_id, session_id, step, network, wide,
		    expires_at)
		VALUES ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), nullif($7, ''), $8, $9, now() + $10::interval)`,
		challengeID(challenge), key.Hash(), c.purpose, c.rpID, c.userID, c.session, c.step, n.narrow, n.wide, PasskeyFor)
	if err != nil {
		return err
	}
	return n.bound(ctx, tx, "passkey_challenge", "id")
}

// takeCeremony ends the ceremony that an answer is to, right or wrong: a challenge is answered once. It fails with
// ErrNoCeremony.
func (s *Store) takeCeremony(ctx context.Context, challenge []byte, key secret.Token) (c ceremony, err error) {
	if s.site == nil {
		return c, ErrPasskeysOff
	}
	if len(challenge) == 0 || key == "" {
		return c, ErrNoCeremony
	}
	ctx = context.WithoutCancel(ctx) // a client that hangs up has answered
	err = s.db.Transact(ctx, "take a challenge", func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			DELETE FROM gatepost.passkey_challenge WHERE id = $1 AND browser = $2 AND expires_at > now()
			RETURNING purpose, rp_id, coalesce(user_id, ''), coalesce(session_id, ''), coalesce(step, '')`,
			challengeID(challenge), key.Hash()).Scan(&c.purpose, &c.rpID, &c.userID, &c.session, &c.step)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoCeremony
	}
	return c, err
}

// sweepCeremonies deletes challenges that nobody answered.
func (s *Store) sweepCeremonies(ctx context.Context) (int64, error) {
	return s.db.Sweep(ctx, `passkey_challenge WHERE expires_at < now() ORDER BY expires_at`)
}
