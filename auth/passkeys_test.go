package auth_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

const (
	passkeyOrigin = "https://app.example.com"
	passkeyHost   = "app.example.com"
)

func atSite(o *auth.Options) { o.PublicURL = &url.URL{Scheme: "https", Host: passkeyHost} }

// aHolder is aKeyed at a site that has passkeys, with a browser that has none yet.
func aHolder(t *testing.T, change ...func(*auth.Options)) (*careful, *passkeytest.Authenticator) {
	t.Helper()
	return aKeyed(t, append([]func(*auth.Options){atSite}, change...)...), passkeytest.New(passkeyOrigin)
}

// ask begins a ceremony, which has to succeed.
func (p *careful) ask(t *testing.T, a auth.PasskeyAsk) auth.PasskeyAsked {
	t.Helper()
	asked, err := p.s.AskForPasskey(t.Context(), a)
	if err != nil {
		t.Fatalf("%s: %v", a.For, err)
	}
	return asked
}

func (p *careful) add(t *testing.T, a *passkeytest.Authenticator) (auth.Added, error) {
	t.Helper()
	asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToAdd, Session: p.token, Client: p.home})
	added, err := p.s.AddPasskey(t.Context(), p.token,
		auth.PasskeyAnswer{Body: a.Create(t, asked.Options), Key: asked.Key, Client: p.home}, "")
	if err == nil {
		p.token, p.home.Browser = added.Session, added.Browser
		if added.Codes != nil {
			p.codes = added.Codes
		}
	}
	return added, err
}

// has adds a passkey, which has to succeed.
func (p *careful) has(t *testing.T, a *passkeytest.Authenticator) auth.Added {
	t.Helper()
	added, err := p.add(t, a)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func (p *careful) alone(t *testing.T, a *passkeytest.Authenticator) (auth.Issued, error) {
	t.Helper()
	asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToSignIn, Client: elsewhere})
	return p.s.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{
		Body: a.Get(t, asked.Options), Key: asked.Key, Client: elsewhere}, Remember: true})
}

// after is a passkey after a right password.
func (p *careful) after(t *testing.T, a *passkeytest.Authenticator) (auth.Issued, error) {
	t.Helper()
	h := p.half(t, elsewhere)
	c := elsewhere
	c.Browser = h.Browser
	asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyAsSecond, Challenge: h.Challenge, Client: c})
	return p.s.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{
		Body: a.Get(t, asked.Options), Key: asked.Key, Client: c}, Challenge: h.Challenge})
}

// A passkey signs in alone, as both factors, and is asked for after a password. Its first one comes with recovery
// codes, and every device that was signed in without one is signed out.
func TestAPasskeySignsIn(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	other, err := signIn(p.s, t.Context(), "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	p.o.collect(t, p.s)
	added := p.has(t, a)
	if len(added.Codes) != factor.RecoveryCodes {
		t.Errorf("%d recovery codes", len(added.Codes))
	}
	if m := p.o.one(t, p.s, mail.PasskeyOn, "ada@example.com"); m.UserAgent != p.home.UserAgent || !m.OthersEnded {
		t.Errorf("the mail is %+v", m)
	}
	if methods, level := p.methods(t, p.token); level != 2 || !slices.Contains(methods, session.HardwareKey) {
		t.Errorf("the session in which it was added has %v", methods)
	}
	if _, err := p.s.Lookup(t.Context(), other); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("another session: %v", err)
	}
	issued, err := p.alone(t, a)
	if err != nil || issued.Session == "" || !issued.Remember {
		t.Fatalf("alone: %+v, %v", issued, err)
	}
	if methods, level := p.methods(t, issued.Session); level != 2 ||
		!slices.Equal(methods, []session.Method{session.HardwareKey, session.Several}) {
		t.Errorf("alone it gives %v", methods)
	}
	if issued, err = p.after(t, a); err != nil {
		t.Fatalf("after a password: %v", err)
	}
	if methods, level := p.methods(t, issued.Session); level != 2 ||
		!slices.Equal(methods, []session.Method{session.Password, session.HardwareKey, session.Several}) {
		t.Errorf("after a password it gives %v", methods)
	}
	if _, err := p.answer(t, here, added.Codes[0].Groups()); err != nil {
		t.Errorf("a recovery code in its place: %v", err)
	}
	if _, err := p.answer(t, here, "123456"); !errors.Is(err, auth.ErrWrongCode) {
		t.Errorf("a code of an app that is not there: %v", err)
	}
	list, err := p.s.Passkeys(t.Context(), p.token)
	if err != nil || len(list) != 1 || list[0].Used.IsZero() || list[0].Synced || !list[0].Alone {
		t.Errorf("%+v, %v", list, err)
	}
	// A second one ends nobody's session, and brings no codes.
	b := passkeytest.New(passkeyOrigin)
	b.Eligible, b.BackedUp = true, true
	p.o.collect(t, p.s)
	if added = p.has(t, b); added.Codes != nil || !added.Passkey.Synced {
		t.Errorf("the second: %+v", added)
	}
	if m := p.o.one(t, p.s, mail.PasskeyOn, "ada@example.com"); m.OthersEnded {
		t.Errorf("the mail about the second is %+v", m)
	}
	if _, err := p.s.Lookup(t.Context(), issued.Session); err != nil {
		t.Errorf("another session: %v", err)
	}
	if issued, err = p.alone(t, b); err != nil {
		t.Fatal(err)
	}
	if methods, _ := p.methods(t, issued.Session); !slices.Contains(methods, session.SoftwareKey) {
		t.Errorf("one on several devices gives %v", methods)
	}
}

// An authenticator that does not tell who the person is, is a second factor and no more.
func TestAPasskeyWithoutVerificationIsOneFactor(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	a.Unsure = true
	if added := p.has(t, a); added.Passkey.Alone {
		t.Error("it can sign in alone")
	}
	if _, err := p.alone(t, a); !errors.Is(err, auth.ErrUnsurePasskey) {
		t.Errorf("alone: %v", err)
	}
	if _, err := p.after(t, a); err != nil {
		t.Errorf("after a password: %v", err)
	}
	a.Unsure = false
	if _, err := p.alone(t, a); err != nil {
		t.Errorf("alone, with verification: %v", err)
	}
	a.Unsure = true // once is not for ever
	if _, err := p.alone(t, a); !errors.Is(err, auth.ErrUnsurePasskey) {
		t.Errorf("alone, and not again: %v", err)
	}
}

// A counter that goes back is noted, and another factor is asked for. Nobody is locked out.
func TestACopiedPasskeyIsOneFactor(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	a.Count = 10
	p.has(t, a)
	a.Count = 5
	issued, err := p.alone(t, a)
	if err != nil || issued.Session != "" || issued.Challenge == "" {
		t.Fatalf("alone: %+v, %v", issued, err)
	}
	if count(t, p.db, "passkey WHERE cloned_at IS NOT NULL") != 1 {
		t.Error("nobody noted it")
	}
	met, err := p.meet(t.Context(), issued, elsewhere, p.codes[0].Groups())
	if err != nil {
		t.Fatal(err)
	}
	if methods, level := p.methods(t, met.Session); level != 2 || !slices.Equal(methods,
		[]session.Method{session.HardwareKey, session.Recovery}) {
		t.Errorf("with a recovery code: %v", methods)
	}
	if _, err := p.after(t, a); !errors.Is(err, auth.ErrClonedPasskey) {
		t.Errorf("after a password: %v", err)
	}
	a.Count = 20
	if issued, err := p.alone(t, a); err != nil || issued.Session == "" {
		t.Errorf("when it counts on: %+v, %v", issued, err)
	}
}

// A passkey that may be copied is not the other factor after itself, once its counter has caught up: the browser is not
// even asked for it. Another one is.
func TestACopiedPasskeyIsNotItsOwnOtherFactor(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	a.Count = 10
	p.has(t, a)
	clone := *a
	half := func(back uint32) (auth.Issued, secret.Client) {
		clone.Count = back
		h, err := p.alone(t, &clone)
		if err != nil || h.Session != "" {
			t.Fatalf("alone: %+v, %v", h, err)
		}
		c := elsewhere
		c.Browser = h.Browser
		return h, c
	}
	h, c := half(3)
	_, err := p.s.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyAsSecond, Challenge: h.Challenge, Client: c})
	if !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("the browser is asked for it: %v", err)
	}
	if half, err := p.s.Half(t.Context(), h.Challenge, c); err != nil || half.Passkeys != 0 {
		t.Errorf("the page offers %d passkeys, %v", half.Passkeys, err)
	}
	b := passkeytest.New(passkeyOrigin)
	p.has(t, b)
	h, c = half(2)
	meet := func(a *passkeytest.Authenticator) (auth.Issued, error) { // whatever the browser was asked for
		asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyAsSecond, Challenge: h.Challenge, Client: c})
		return p.s.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{
			Body: a.Get(t, asked.Options), Key: asked.Key, Client: c}, Challenge: h.Challenge})
	}
	clone.Count = 50
	if issued, err := meet(&clone); !errors.Is(err, auth.ErrClonedPasskey) || issued.Session != "" {
		t.Errorf("after itself: a session %t, %v", issued.Session != "", err)
	}
	if issued, err := meet(b); err != nil || issued.Session == "" {
		t.Errorf("another one: %v", err)
	}
	if list, err := p.s.Passkeys(t.Context(), p.token); err != nil || list[0].Copied.IsZero() || !list[1].Copied.IsZero() {
		t.Errorf("who looks sees %+v, %v", list, err)
	}
	if u, err := p.s.UserByID(t.Context(), p.id); err != nil || u.CopiedPasskeys != 1 {
		t.Errorf("an operator sees %d, %v", u.CopiedPasskeys, err)
	}
	e, err := p.s.Export(t.Context(), p.token, p.home)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if list := e.SecondFactors.Passkeys; list[0].CopiedAt == nil || list[1].CopiedAt != nil {
		t.Errorf("exported: %+v", list)
	}
}

// A challenge is answered once, within its time, in the browser, for the purpose and by the session it was made for.
func TestAChallengeIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	p.has(t, a)
	b := passkeytest.New(passkeyOrigin)
	second := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToAdd, Session: p.token, Client: p.home})
	enter := func(body []byte, key secret.Token) error {
		_, err := p.s.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{Body: body, Key: key,
			Client: elsewhere}})
		return err
	}
	for name, try := range map[string]func(auth.PasskeyAsked) error{
		"again": func(asked auth.PasskeyAsked) error {
			body := a.Get(t, asked.Options)
			if err := enter(body, asked.Key); err != nil {
				t.Errorf("once: %v", err)
			}
			return enter(body, asked.Key)
		},
		"after a wrong answer": func(asked auth.PasskeyAsked) error {
			right := a.Get(t, asked.Options)
			a.Origin = "https://evil.example"
			wrong := a.Get(t, asked.Options)
			a.Origin = passkeyOrigin
			if err := enter(wrong, asked.Key); !errors.Is(err, auth.ErrBadPasskey) {
				t.Errorf("a wrong answer: %v", err)
			}
			return enter(right, asked.Key)
		},
		"too late": func(asked auth.PasskeyAsked) error {
			exec(t, p.db, `UPDATE gatepost.passkey_challenge SET expires_at = now() WHERE purpose = 'sign-in'`)
			return enter(a.Get(t, asked.Options), asked.Key)
		},
		"in another browser": func(asked auth.PasskeyAsked) error {
			return enter(a.Get(t, asked.Options), secret.NewToken())
		},
		"without the key": func(asked auth.PasskeyAsked) error { return enter(a.Get(t, asked.Options), "") },
		"swapped": func(asked auth.PasskeyAsked) error {
			return enter(a.Get(t, second.Options), second.Key) // which was to add one
		},
		"to add one": func(asked auth.PasskeyAsked) error {
			_, err := p.s.AddPasskey(t.Context(), p.token, auth.PasskeyAnswer{Body: b.Create(t, asked.Options), Key: asked.Key,
				Client: p.home}, "")
			return err
		},
		"to confirm": func(asked auth.PasskeyAsked) error {
			_, err := p.s.ConfirmByPasskey(t.Context(), p.token, auth.PasskeyAnswer{Body: a.Get(t, asked.Options),
				Key: asked.Key, Client: p.home})
			return err
		},
	} {
		if err := try(p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToSignIn, Client: elsewhere})); !errors.Is(err,
			auth.ErrNoCeremony) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One that was made in a session adds a passkey in that one alone.
	asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToAdd, Session: p.token, Client: p.home})
	issued, err := p.alone(t, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.s.AddPasskey(t.Context(), issued.Session, auth.PasskeyAnswer{Body: b.Create(t, asked.Options),
		Key: asked.Key, Client: p.home}, ""); !errors.Is(err, auth.ErrNoCeremony) {
		t.Errorf("in another session: %v", err)
	}
}

// A passkey of one user is nothing for another.
func TestAPasskeyIsItsUsersAlone(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	p.has(t, a)
	mine := p.token
	issued, err := p.s.SignUp(t.Context(), auth.NewUser{Email: "bea@example.com", Password: goodPassword}, true, "", here)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = true`)
	p.token = issued.Session
	b := passkeytest.New(passkeyOrigin)
	b.ID = a.ID
	if _, err := p.add(t, b); !errors.Is(err, auth.ErrPasskeyTaken) {
		t.Errorf("the id of another's passkey: %v", err)
	}
	b.ID = nil
	p.has(t, b)
	p.token = mine
	b.Handle = a.Handle // Bea's passkey says that it is Ada's
	if _, err := p.alone(t, b); !errors.Is(err, auth.ErrBadPasskey) {
		t.Errorf("another's handle: %v", err)
	}
	if _, err := p.after(t, b); !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("after Ada's password: %v", err)
	}
	b.ID = a.ID
	if _, err := p.alone(t, b); !errors.Is(err, auth.ErrBadPasskey) {
		t.Errorf("another's id: %v", err)
	}
	b.ID = []byte("nobody's")
	if _, err := p.alone(t, b); !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("nobody's id: %v", err)
	}
	list, err := p.s.Passkeys(t.Context(), issued.Session)
	if !errors.Is(err, session.ErrNoSession) { // which a passkey has ended
		t.Errorf("%+v, %v", list, err)
	}
}

// A passkey is taken away by who has just proved a factor; the last one takes the recovery codes along.
func TestAPasskeyIsRemoved(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	first := p.has(t, a).Passkey
	b := passkeytest.New(passkeyOrigin)
	second := p.has(t, b).Passkey
	other, err := p.alone(t, b)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, p.db, `UPDATE gatepost.session SET second_at = now() - interval '11 minutes'`)
	if _, err := p.s.RemovePasskey(t.Context(), p.token, first.ID, p.home); !errors.Is(err, auth.ErrStaleFactor) {
		t.Errorf("proved long ago: %v", err)
	}
	asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToConfirm, Session: p.token, Client: p.home})
	issued, err := p.s.ConfirmByPasskey(t.Context(), p.token, auth.PasskeyAnswer{Body: a.Get(t, asked.Options),
		Key: asked.Key, Client: p.home})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "nobody's", "\x00"} {
		if _, err := p.s.RemovePasskey(t.Context(), issued.Session, id, p.home); !errors.Is(err, auth.ErrNoPasskey) {
			t.Errorf("%q: %v", id, err)
		}
	}
	p.o.collect(t, p.s)
	if issued, err = p.s.RemovePasskey(t.Context(), issued.Session, first.ID, p.home); err != nil {
		t.Fatal(err)
	}
	p.o.one(t, p.s, mail.PasskeyOff, "ada@example.com")
	if _, err := p.s.Lookup(t.Context(), other.Session); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("another session: %v", err)
	}
	if _, level := p.methods(t, issued.Session); level != 2 || count(t, p.db, "recovery_code") == 0 {
		t.Error("the other passkey counts no more")
	}
	if _, err := p.alone(t, a); !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("the one that is gone: %v", err)
	}
	if issued, err = p.s.RemovePasskey(t.Context(), issued.Session, second.ID, p.home); err != nil {
		t.Fatal(err)
	}
	if _, level := p.methods(t, issued.Session); level != 1 || count(t, p.db, "recovery_code") != 0 {
		t.Error("something is left of the factors")
	}
	if token, err := signIn(p.s, t.Context(), "ada@example.com", goodPassword); err != nil || token == "" {
		t.Errorf("afterwards: %v", err)
	}
}

// Whoever has a passkey and nothing else keeps it.
func TestTheLastWayInIsKept(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	id := p.has(t, a).Passkey.ID
	exec(t, p.db, `DELETE FROM gatepost.account`)
	if _, err := p.s.RemovePasskey(t.Context(), p.token, id, p.home); !errors.Is(err, auth.ErrLastWayIn) {
		t.Errorf("%v", err)
	}
	if n, err := p.s.UsersWithoutAWayIn(t.Context()); n != 0 || err != nil {
		t.Errorf("%d users have no way in, %v", n, err)
	}
}

// The app and passkeys are both there; a reset takes both.
func TestPasskeysBesideAnApp(t *testing.T) {
	t.Parallel()
	p := aCareful(t, atSite)
	a := passkeytest.New(passkeyOrigin)
	a.Unsure = true
	if p.has(t, a); len(p.codes) != 10 {
		t.Error("the recovery codes are others")
	}
	if _, err := p.alone(t, a); !errors.Is(err, auth.ErrUnsurePasskey) {
		t.Errorf("a key that tells nothing took the demand for a code away: %v", err)
	}
	issued, err := p.s.RemoveApp(t.Context(), p.token, p.home)
	if err != nil || count(t, p.db, "recovery_code") == 0 {
		t.Fatalf("the app: %v", err)
	}
	if _, err := p.s.RemoveApp(t.Context(), issued.Session, p.home); !errors.Is(err, auth.ErrNoFactor) {
		t.Errorf("the app, again: %v", err)
	}
	p.o.collect(t, p.s)
	if err := p.s.ResetFactors(t.Context(), p.id); err != nil {
		t.Fatal(err)
	}
	p.o.one(t, p.s, mail.PasskeyOff, "ada@example.com")
	if n := count(t, p.db, "passkey") + count(t, p.db, "recovery_code"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if err := p.s.ResetFactors(t.Context(), p.id); !errors.Is(err, auth.ErrNoFactor) {
		t.Errorf("again: %v", err)
	}
}

// Who may not sign in does not by a passkey either.
func TestAPasskeyOfSomebodyWhoMayNotSignIn(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	p.has(t, a)
	p.s = auth.New(p.db, auth.Options{Log: slog.New(slog.DiscardHandler), Send: p.o.send, Verify: auth.VerifyRequired,
		PublicURL: &url.URL{Scheme: "https", Host: passkeyHost}})
	t.Cleanup(p.s.Close)
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = false`)
	p.o.collect(t, p.s)
	if _, err := p.alone(t, a); !errors.Is(err, auth.ErrUnverified) {
		t.Errorf("unconfirmed: %v", err)
	}
	p.o.one(t, p.s, mail.Verify, "ada@example.com")
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = true, disabled_at = now()`)
	if _, err := p.alone(t, a); !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("disabled: %v", err)
	}
}

// Adding one takes a recent proof, a confirmed address and room.
func TestWhoMayAddAPasskey(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		prepare string
		want    error
	}{
		"proved long ago": {`UPDATE gatepost.session
			SET proved_at = now() - interval '11 minutes', second_at = now() - interval '11 minutes'`, auth.ErrStaleFactor},
		"not confirmed":     {`UPDATE gatepost."user" SET email_verified = false`, auth.ErrUnverified},
		"signed out":        {`DELETE FROM gatepost.session`, session.ErrNoSession},
		"the factor is old": {`UPDATE gatepost.session SET second_at = NULL, methods = 'pwd'`, auth.ErrStaleFactor},
		"fifty": {`INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key)
			SELECT i, (SELECT id FROM gatepost."user"), 'app.example.com', ('x' || i)::bytea, ''
			FROM generate_series(1, 49) i`, auth.ErrManyPasskeys},
	} {
		p, a := aHolder(t)
		p.has(t, a)
		exec(t, p.db, c.prepare)
		_, err := p.s.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyToAdd, Session: p.token, Client: p.home})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if s, _, _ := mailStore(t); s.PasskeysOffered() {
		t.Error("a site without an address has passkeys")
	} else if _, err := s.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyToSignIn}); !errors.Is(err,
		auth.ErrPasskeysOff) {
		t.Errorf("%v", err)
	}
}

// A passkey has the name that its user gives it.
func TestAPasskeyHasAName(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	id := p.has(t, a).Passkey.ID
	got, err := p.s.RenamePasskey(t.Context(), p.token, id, "  Blue key ", p.home)
	if err != nil || got.Name != "Blue key" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, want := range map[string]auth.Problem{strings.Repeat("x", 101): auth.TooLong, "a\nb": auth.Malformed,
		"\xff": auth.Malformed} {
		_, err := p.s.RenamePasskey(t.Context(), p.token, id, name, p.home)
		if input, ok := errors.AsType[auth.InputError](err); !ok || input[0].Problem != want {
			t.Errorf("%.9q: %v", name, err)
		}
	}
	if _, err := p.s.RenamePasskey(t.Context(), p.token, "another", "x", p.home); !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("another's: %v", err)
	}
	e, err := p.s.Export(t.Context(), p.token, p.home)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if list := e.SecondFactors.Passkeys; len(list) != 1 || list[0].Name != "Blue key" || list[0].Domain != passkeyHost ||
		strings.ContainsAny(list[0].CredentialID, "+/=\n") || len(list[0].CredentialID) != 43 {
		t.Errorf("exported: %+v", list)
	}
}

// Challenges of one network leave room for those of others.
func TestChallengesAreBounded(t *testing.T) {
	t.Parallel()
	p, _ := aHolder(t)
	exec(t, p.db, `
		INSERT INTO gatepost.passkey_challenge (id, browser, purpose, rp_id, network, wide, created_at, expires_at)
		SELECT 'x' || i, '', 'sign-in', '', '203.0.113.66', '203.0.113.0/24', 
		    now() - interval '1 minute' + i * interval '1 ms',
		    now() + interval '5 minutes' FROM generate_series(1, 200) i`)
	crowd := secret.Client{Addr: netip.MustParseAddr("203.0.113.66")}
	p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToSignIn, Client: elsewhere})
	if n := count(t, p.db, "passkey_challenge"); n != 201 {
		t.Errorf("%d rows after one from elsewhere", n)
	}
	p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToSignIn, Client: crowd})
	if n := count(t, p.db, "passkey_challenge"); n != 201 || count(t, p.db, "passkey_challenge WHERE id = 'x1'") != 0 {
		t.Errorf("%d rows, or the oldest is there", n)
	}
	exec(t, p.db, `UPDATE gatepost.passkey_challenge SET expires_at = now() - interval '1 s'`)
	if _, err := p.s.Sweep(t.Context()); err != nil || count(t, p.db, "passkey_challenge") != 0 {
		t.Errorf("swept: %v", err)
	}
}

// A gate does not start where the passkeys that there are would be dead.
func TestPasskeysOfAnotherDomain(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	p.has(t, a)
	for address, want := range map[string]string{"https://app.example.com": "", "https://new.app.example.com": "",
		"https://example.com": "1 passkey was", "https://192.0.2.1": "1 passkey was",
		"http://app.example.com": "1 passkey was"} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		err = auth.CheckPasskeys(t.Context(), p.db, u)
		if (want == "") != (err == nil) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	// Of two domains that would each do, those of one would be dead.
	exec(t, p.db, `
		INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key, verified)
		SELECT 'x' || i, user_id, 'example.com', ('x' || i)::bytea, public_key, true
		FROM gatepost.passkey, generate_series(1, 2) i`)
	err := auth.CheckPasskeys(t.Context(), p.db, &url.URL{Scheme: "https", Host: passkeyHost})
	if err == nil || !strings.Contains(err.Error(), `1 for "app.example.com" and 2 for "example.com"`) {
		t.Errorf("two domains: %v", err)
	}
	exec(t, p.db, `DELETE FROM gatepost.passkey WHERE id LIKE 'x%'`)
	// The first one of all is for the domain of the site, unless others came before it.
	b := passkeytest.New(passkeyOrigin)
	asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToAdd, Session: p.token, Client: p.home})
	exec(t, p.db, `UPDATE gatepost.passkey SET rp_id = 'example.com'`)
	if _, err := p.s.AddPasskey(t.Context(), p.token, auth.PasskeyAnswer{Body: b.Create(t, asked.Options), Key: asked.Key,
		Client: p.home}, ""); !errors.Is(err, auth.ErrNoCeremony) {
		t.Errorf("for another domain: %v", err)
	}
	// Below the domain, those of before and new ones are for it.
	exec(t, p.db, `UPDATE gatepost.passkey SET rp_id = 'example.com'`)
	if asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToSignIn}); !strings.Contains(string(asked.Options),
		`"rpId":"example.com"`) {
		t.Errorf("%s", asked.Options)
	}
}

// A passkey as the second step can have the browser trusted, as a code can.
func TestAPasskeyAfterAPasswordMayTrustTheBrowser(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t, func(o *auth.Options) { o.TrustBrowser = time.Hour })
	p.has(t, a)
	for _, trust := range []bool{false, true} {
		h, c := p.half(t, elsewhere), elsewhere
		c.Browser = h.Browser
		asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyAsSecond, Challenge: h.Challenge, Client: c})
		issued, err := p.s.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{
			Body: a.Get(t, asked.Options), Key: asked.Key, Client: c}, Challenge: h.Challenge, Trust: trust})
		if err != nil || (issued.Trust != "") != trust {
			t.Errorf("trust %t: %v, trusted %t", trust, err, issued.Trust != "")
		}
	}
}

// Whoever has more passkeys than the list shows renames the one that they name.
func TestARenamedPasskeyIsTheOneThatWasNamed(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	k := p.has(t, a).Passkey
	exec(t, p.db, `INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key, created_at)
		SELECT 'k' || i, user_id, rp_id, decode(md5(i::text), 'hex'), public_key, created_at - interval '1 hour'
		FROM gatepost.passkey, generate_series(1, 200) AS i`)
	if got, err := p.s.RenamePasskey(t.Context(), p.token, k.ID, "mine", p.home); err != nil || got.ID != k.ID ||
		got.Name != "mine" {
		t.Errorf("renamed %q to %q: %v", got.ID, got.Name, err)
	}
}

// A passkey is proved as often as a password is, for each door of the account: whoever has one does not write sessions
// and records without end.
func TestAPasskeyIsProvedSoOften(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	p.has(t, a)
	var err error
	proved := 0
	for ; proved < 100; proved++ {
		if _, err = p.alone(t, a); err != nil {
			break
		}
	}
	var wait *throttle.Error
	if !errors.As(err, &wait) || proved < 60 || proved > 70 {
		t.Errorf("%d times, %v", proved, err)
	}
	asked := p.ask(t, auth.PasskeyAsk{For: auth.PasskeyToConfirm, Session: p.token, Client: p.home})
	_, err = p.s.ConfirmByPasskey(t.Context(), p.token, auth.PasskeyAnswer{Body: a.Get(t, asked.Options), Key: asked.Key,
		Client: p.home})
	if err != nil {
		t.Errorf("in a browser that is known: %v", err)
	}
}

// Who comes by a passkey that is not there is recorded. To change one that is not there is no decision.
func TestWhoComesByNoPasskeyIsRecorded(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t, audited)
	p.has(t, a)
	exec(t, p.db, `DELETE FROM gatepost.passkey`)
	if _, err := p.alone(t, a); !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("signed in: %v", err)
	}
	if _, err := p.s.RenamePasskey(t.Context(), p.token, "x", "Blue key", here); !errors.Is(err, auth.ErrNoPasskey) {
		t.Errorf("named: %v", err)
	}
	p.s.Close() // writes down what waits
	list := events(t, p.db)
	if !strings.Contains(list, "sign-in=no_passkey") || strings.Contains(list, "rename-passkey") {
		t.Errorf("the record has %s", list)
	}
}
