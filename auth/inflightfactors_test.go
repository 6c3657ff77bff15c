package auth_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// answering is Ada with an app and a passkey, two sessions, and half a sign-in.
type answering struct {
	*careful
	a           *passkeytest.Authenticator
	mine, other secret.Token
	h           auth.Issued
	app         string // what the app shows
}

// renew puts Ada back to the beginning.
func (p *answering) renew(t *testing.T) {
	t.Helper()
	for _, table := range []string{`"user"`, "outbox", "throttle", "passkey_challenge"} {
		exec(t, p.db, `DELETE FROM gatepost.`+table)
	}
	p.token = signUp(t, p.s, "ada@example.com")
	exec(t, p.db, `UPDATE gatepost."user" SET email_verified = true`)
	u, err := p.s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	p.id = u.ID
	p.a = passkeytest.New(passkeyOrigin)
	p.has(t, p.a)
	begun, err := p.s.BeginApp(t.Context(), p.token)
	if err != nil {
		t.Fatal(err)
	}
	p.key = begun.Key
	issued, _, err := p.s.ConfirmApp(t.Context(), p.token, p.code(t), p.home)
	if err != nil {
		t.Fatal(err)
	}
	p.mine = issued.Session
	second, err := p.answer(t, here, p.code(t))
	if err != nil {
		t.Fatal(err)
	}
	p.other, p.h, p.app = second.Session, p.half(t, here), p.code(t)
	forgetLimits(t, p.db)
}

func (p *answering) asked(t *testing.T, a auth.PasskeyAsk) auth.PasskeyAnswer {
	t.Helper()
	asked := p.ask(t, a)
	return auth.PasskeyAnswer{Body: p.a.Get(t, asked.Options), Key: asked.Key, Client: a.Client}
}

// answers are all that a factor makes or raises a session by. Each is prepared before it is sent.
var answers = map[string]func(*testing.T, *answering) func() error{
	"a code": func(_ *testing.T, p *answering) func() error {
		return func() error { _, err := p.meet(context.Background(), p.h, here, p.app); return err }
	},
	"a recovery code": func(_ *testing.T, p *answering) func() error {
		return func() error { _, err := p.meet(context.Background(), p.h, here, string(p.codes[0])); return err }
	},
	"a passkey after the password": func(t *testing.T, p *answering) func() error {
		at := here
		at.Browser = p.h.Browser
		a := p.asked(t, auth.PasskeyAsk{For: auth.PasskeyAsSecond, Challenge: p.h.Challenge, Client: at})
		return func() error {
			_, err := p.s.SignInByPasskey(context.Background(), auth.PasskeySignIn{PasskeyAnswer: a, Challenge: p.h.Challenge})
			return err
		}
	},
	"a passkey": func(t *testing.T, p *answering) func() error {
		a := p.asked(t, auth.PasskeyAsk{For: auth.PasskeyToSignIn, Client: here})
		return func() error {
			_, err := p.s.SignInByPasskey(context.Background(), auth.PasskeySignIn{PasskeyAnswer: a})
			return err
		}
	},
	"a proof by a code": func(_ *testing.T, p *answering) func() error {
		return func() error { _, err := p.s.ProveFactor(context.Background(), p.mine, p.app, here); return err }
	},
	"a proof by a passkey": func(t *testing.T, p *answering) func() error {
		a := p.asked(t, auth.PasskeyAsk{For: auth.PasskeyToConfirm, Session: p.mine, Client: here})
		return func() error { _, err := p.s.ConfirmByPasskey(context.Background(), p.mine, a); return err }
	},
}

// Factors are dropped, users disabled and passwords changed in the very moment in which a factor is answered. Whichever
// comes first, no session is left but those of whoever did it, or of a passkey, which no password ends; and nobody is
// told of an error that is none of theirs.
func TestNoAnswerOutlivesWhatEndsIt(t *testing.T) {
	t.Parallel()
	enders := map[string]struct {
		do    func(*answering) error
		keeps int  // sessions that it leaves
		alone bool // a passkey alone signs in after it
	}{
		"the factors are reset": {do: func(p *answering) error { return p.s.ResetFactors(context.Background(), p.id) }},
		"the user is disabled":  {do: func(p *answering) error { return p.s.Disable(context.Background(), p.id) }},
		"the user is deleted":   {do: func(p *answering) error { return p.s.DeleteUser(context.Background(), p.id) }},
		"an operator's password": {do: func(p *answering) error {
			return p.s.SetPassword(context.Background(), p.id, chosen)
		}, alone: true},
		"another session's password": {do: func(p *answering) error {
			_, err := p.s.ChangePassword(context.Background(), p.other, goodPassword, chosen, here)
			return err
		}, keeps: 1, alone: true},
		"another session removes the app": {do: func(p *answering) error {
			_, err := p.s.RemoveApp(context.Background(), p.other, here)
			return err
		}, keeps: 1, alone: true},
		"all sessions end": {do: func(p *answering) error {
			_, err := p.s.EndSessions(context.Background(), p.id)
			return err
		}, alone: true},
	}
	expected := []error{session.ErrNoSession, session.ErrNoChallenge, auth.ErrNoCeremony, auth.ErrNoPasskey,
		auth.ErrNoFactor, auth.ErrWrongCode, auth.ErrUsedCode}
	for name, prepare := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &answering{careful: aCareful(t, atSite)}
			for what, end := range enders {
				for round := range 3 {
					p.renew(t)
					answer := prepare(t, p)
					lock, err := p.db.Begin(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if _, err := lock.Exec(t.Context(), `SELECT FROM gatepost."user" FOR UPDATE`); err != nil {
						t.Fatal(err)
					}
					both := []func() error{answer, func() error { return end.do(p) }}
					if round == 1 {
						slices.Reverse(both)
					}
					errs, all := make([]error, 2), sync.WaitGroup{}
					for i, do := range both {
						all.Go(func() { errs[i] = do() })
						eventually(t, "it waits", func() bool { n, _ := waiting(p.db); return n > i })
					}
					if err := lock.Rollback(t.Context()); err != nil {
						t.Fatal(err)
					}
					all.Wait()
					if round == 1 {
						slices.Reverse(errs)
					}
					if errs[1] != nil {
						t.Errorf("%s: %v", what, errs[1])
					}
					if errs[0] != nil && !slices.ContainsFunc(expected, func(e error) bool { return errors.Is(errs[0], e) }) {
						t.Errorf("%s: the answer: %v", what, errs[0])
					}
					most := end.keeps
					if name == "a passkey" && end.alone {
						most++
					}
					if n := count(t, p.db, "session"); n > most {
						t.Errorf("%s: %d sessions are left, after %v", what, n, errs[0])
					}
					if n := count(t, p.db, "challenge"); n > 0 {
						t.Errorf("%s: %d half sign-ins are left", what, n)
					}
				}
			}
		})
	}
}
