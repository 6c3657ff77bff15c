package auth_test

import (
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// newcomer is somebody who signs up with a passkey where no mail is sent.
type newcomer struct {
	s   *auth.Store
	db  *pgxpool.Pool
	u   auth.NewUser
	key secret.Token
	a   *passkeytest.Authenticator
}

func aNewcomer(t *testing.T, change ...func(*auth.Options)) *newcomer {
	t.Helper()
	n := &newcomer{u: auth.NewUser{Email: "Ada@Example.com", Name: "Ada"}, a: passkeytest.New(passkeyOrigin)}
	n.s, n.db = authtest.NewStore(t, append([]func(*auth.Options){atSite}, change...)...)
	auth.HashCheaply(n.s)
	return n
}

func (n *newcomer) begin(t *testing.T) {
	t.Helper()
	begun, err := n.s.BeginPasskeySignUp(t.Context(), n.u, n.key, here)
	if err != nil {
		t.Fatal(err)
	}
	n.key = begun.Key
}

// make has the browser make the passkey.
func (n *newcomer) make(t *testing.T, u auth.NewUser) (auth.Added, error) {
	t.Helper()
	asked, err := n.s.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyToSignUp, Key: n.key, Who: u,
		Client: here})
	if err != nil {
		return auth.Added{}, err
	}
	return n.s.SignUpByPasskey(t.Context(), u, auth.PasskeyAnswer{Body: n.a.Create(t, asked.Options), Key: asked.Key,
		Client: here}, true, "")
}

func (n *newcomer) signsUp(t *testing.T) auth.Added {
	t.Helper()
	n.begin(t)
	added, err := n.make(t, n.u)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func (n *newcomer) alone(t *testing.T) (auth.Issued, error) {
	t.Helper()
	asked, err := n.s.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyToSignIn, Client: elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	return n.s.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{
		Body: n.a.Get(t, asked.Options), Key: asked.Key, Client: elsewhere}})
}

// Without mail the user is made together with the passkey, and gets recovery codes.
func TestASignUpWithAPasskey(t *testing.T) {
	t.Parallel()
	n := aNewcomer(t)
	n.begin(t)
	if c := count(t, n.db, `"user"`); c != 0 {
		t.Fatalf("%d users before there is a passkey", c)
	}
	added, err := n.make(t, n.u)
	if err != nil || added.Session == "" || !added.Remember || len(added.Codes) != factor.RecoveryCodes {
		t.Fatalf("%+v, %v", added, err)
	}
	s, err := n.s.Lookup(t.Context(), added.Session)
	if err != nil || s.User.Email != "ada@example.com" || s.User.Name != "Ada" || s.Proof.Level() != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if c := count(t, n.db, "account"); c != 0 {
		t.Errorf("%d rows of account", c)
	}
	if _, err := n.alone(t); err != nil {
		t.Errorf("the passkey does not sign in: %v", err)
	}
	if _, err := n.make(t, n.u); !errors.Is(err, auth.ErrNoCeremony) {
		t.Errorf("again, without another sign-up: %v", err)
	}
	var input auth.InputError
	_, err = n.s.BeginPasskeySignUp(t.Context(), n.u, "", here)
	if !errors.As(err, &input) || input[0].Field != "email" || input[0].Problem != auth.Taken {
		t.Errorf("a taken address: %v", err)
	}
}

// A passkey is made for the sign-up that was admitted, in its browser, and by an authenticator that verifies.
func TestASignUpWithAPasskeyIsTheOneThatWasAdmitted(t *testing.T) {
	t.Parallel()
	n := aNewcomer(t)
	if _, err := n.make(t, n.u); !errors.Is(err, auth.ErrNoCeremony) {
		t.Errorf("none was admitted: %v", err)
	}
	n.begin(t)
	other := n.u
	other.Email = "bob@example.com"
	if _, err := n.make(t, other); !errors.Is(err, auth.ErrNoCeremony) {
		t.Errorf("another address: %v", err)
	}
	key := n.key
	n.key = secret.NewToken()
	if _, err := n.make(t, n.u); !errors.Is(err, auth.ErrNoCeremony) {
		t.Errorf("another browser: %v", err)
	}
	n.key = key
	asked, err := n.s.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyToSignUp, Key: key, Who: n.u,
		Client: here})
	if err != nil {
		t.Fatal(err)
	}
	answer := auth.PasskeyAnswer{Body: n.a.Create(t, asked.Options), Key: key, Client: here}
	if _, err := n.s.SignUpByPasskey(t.Context(), other, answer, true, ""); !errors.Is(err, auth.ErrNoCeremony) {
		t.Errorf("an answer for another address: %v", err)
	}
	n.a.Unsure = true
	if _, err := n.make(t, n.u); !errors.Is(err, auth.ErrUnsurePasskey) {
		t.Errorf("without verification: %v", err)
	}
	n.a.Unsure, n.a.Origin = false, "https://evil.example"
	if _, err := n.make(t, n.u); !errors.Is(err, auth.ErrBadPasskey) {
		t.Errorf("another origin: %v", err)
	}
	if c := count(t, n.db, `"user"`); c != 0 {
		t.Fatalf("%d users", c)
	}
	n.a.Origin = passkeyOrigin
	if _, err := n.make(t, n.u); err != nil {
		t.Errorf("after wrong answers: %v", err)
	}
}

// The sign-up is limited and refused as with a password.
func TestASignUpWithAPasskeyIsRefusedAsOthersAre(t *testing.T) {
	t.Parallel()
	for what, refused := range map[string]struct {
		change func(*auth.Options)
		err    error
	}{
		"closed":        {func(o *auth.Options) { o.SignUpClosed = true }, auth.ErrSignUpClosed},
		"passwords off": {func(o *auth.Options) { o.PasswordsOff = true }, auth.ErrPasswordsOff},
		"no domain":     {func(o *auth.Options) { o.PublicURL = nil }, auth.ErrPasskeysOff},
	} {
		n := aNewcomer(t, refused.change)
		if _, err := n.s.BeginPasskeySignUp(t.Context(), n.u, "", here); !errors.Is(err, refused.err) ||
			n.s.PasskeySignUps() {
			t.Errorf("%s: %v", what, err)
		}
	}
	n := aNewcomer(t, func(o *auth.Options) { o.SignUpTotal = 1 })
	c := here
	c.Trapped = true
	if b, err := n.s.BeginPasskeySignUp(t.Context(), n.u, "", c); err != nil || b.Key == "" ||
		count(t, n.db, "passkey_challenge") != 0 {
		t.Errorf("a bot: %+v, %v", b, err)
	}
	if _, err := n.s.BeginPasskeySignUp(t.Context(), n.u, "", here); !isThrottled(err) {
		t.Errorf("one too many: %v", err)
	}
}

// Where links are mailed, the passkey comes after the link, and nothing tells whether the address was free.
func TestASignUpWithAPasskeyIsConfirmedFirst(t *testing.T) {
	t.Parallel()
	for _, mode := range []func(*auth.Options){required, optional} {
		s, db, o := mailStore(t, atSite, mode)
		auth.HashCheaply(s)
		u := auth.NewUser{Email: "ada@example.com", Name: "Ada"}
		begun, err := s.BeginPasskeySignUp(t.Context(), u, "", here)
		if !errors.Is(err, auth.ErrUnverified) || begun.Browser == "" || begun.Key != "" {
			t.Fatalf("%+v, %v", begun, err)
		}
		link := o.one(t, s, mail.Verify, "ada@example.com").Link
		key := secret.NewToken()
		_, err = s.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyToSignUp, Key: key, Who: u, Client: here})
		if !errors.Is(err, auth.ErrNoCeremony) {
			t.Errorf("a passkey before the link: %v", err)
		}
		stranger := auth.Verification{Link: link, Client: elsewhere}
		if _, known, err := s.Knows(t.Context(), stranger); known != auth.Stranger || err != nil {
			t.Errorf("another browser is %v, %v", known, err)
		}
		if _, err := s.VerifyEmail(t.Context(), stranger); err == nil {
			t.Error("another browser gets in by the link")
		}
		c := here
		c.Browser = begun.Browser
		issued, err := s.VerifyEmail(t.Context(), auth.Verification{Link: link, Client: c})
		if err != nil || issued.Session == "" {
			t.Fatalf("the link: %+v, %v", issued, err)
		}
		if lacks, err := s.LacksWayIn(t.Context(), issued.Session); err != nil || !lacks {
			t.Errorf("a way in before the passkey: %v", err)
		}
		p := &careful{s: s, o: o, token: issued.Session, home: c}
		a := passkeytest.New(passkeyOrigin)
		a.Unsure = true
		if _, err := p.add(t, a); !errors.Is(err, auth.ErrUnsurePasskey) {
			t.Errorf("an only way in that does not verify: %v", err)
		}
		a.Unsure = false
		if added := p.has(t, a); len(added.Codes) != factor.RecoveryCodes {
			t.Errorf("%d recovery codes", len(added.Codes))
		}
		if lacks, err := s.LacksWayIn(t.Context(), p.token); err != nil || lacks {
			t.Errorf("no way in with the passkey: %v", err)
		}
		o.collect(t, s)
		again, err := s.BeginPasskeySignUp(t.Context(), u, "", here)
		if !errors.Is(err, auth.ErrUnverified) || again.Browser == "" || again.Key != "" {
			t.Errorf("a taken address: %+v, %v", again, err)
		}
		o.one(t, s, mail.Exists, "ada@example.com")
		if c := count(t, db, `"user"`); c != 1 {
			t.Errorf("%d users", c)
		}
	}
}

// Without mail a recovery code is the way back for whoever has lost their only passkey, once each; it is nobody else's.
func TestARecoveryCodeAloneIsForPasskeysAlone(t *testing.T) {
	t.Parallel()
	n := aNewcomer(t)
	codes := n.signsUp(t).Codes
	enter := func(code string) (auth.Issued, error) {
		return n.s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: secret.Password(code),
			Client: elsewhere})
	}
	if _, err := enter("00000-00000-00000"); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a wrong code: %v", err)
	}
	issued, err := enter(codes[0].Groups())
	if err != nil || issued.Session == "" {
		t.Fatalf("a right code: %+v, %v", issued, err)
	}
	s, err := n.s.Lookup(t.Context(), issued.Session)
	if err != nil || s.Proof.Level() != 2 || !slices.Equal(s.Proof.Methods, []session.Method{session.Recovery}) {
		t.Errorf("it gives %+v, %v", s.Proof, err)
	}
	if _, err := enter(codes[0].Groups()); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the code again: %v", err)
	}
	exec(t, n.db, `INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
		SELECT 'a', 'https://id.example', 'example', '1', id FROM gatepost."user"`)
	if _, err := enter(codes[1].Groups()); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("of somebody with another way in: %v", err)
	}
	exec(t, n.db, `DELETE FROM gatepost.account`)
	exec(t, n.db, `UPDATE gatepost."user" SET disabled_at = now()`)
	if _, err := enter(codes[1].Groups()); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("of somebody who is disabled: %v", err)
	}
	exec(t, n.db, `UPDATE gatepost."user" SET disabled_at = NULL`)
	mails := auth.New(n.db, auth.Options{Log: slog.New(slog.DiscardHandler), Send: (&office{}).send,
		PublicURL: &url.URL{Scheme: "https", Host: passkeyHost}})
	t.Cleanup(mails.Close)
	auth.HashCheaply(mails)
	_, err = mails.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com",
		Password: secret.Password(codes[1].Groups()), Client: elsewhere})
	if !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("where mail is sent: %v", err)
	}
	if _, err := enter(codes[1].Groups()); err != nil {
		t.Errorf("another code: %v", err)
	}
}
