package auth_test

import (
	"errors"
	"log/slog"
	"net/url"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// A challenge is made by one gate and answered at another. It is used once, also of fifty answers at once at both: to
// sign in, after a password, to confirm and to add.
func TestAChallengeIsAnsweredOnceAtTwoGates(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	p.has(t, a)
	second := auth.New(p.db, auth.Options{Log: slog.New(slog.DiscardHandler), Keys: p.keys,
		PublicURL: &url.URL{Scheme: "https", Host: passkeyHost}})
	t.Cleanup(second.Close)
	auth.HashCheaply(second)
	gates := []*auth.Store{p.s, second}
	h := p.half(t, elsewhere)
	step := elsewhere
	step.Browser = h.Browser
	b := passkeytest.New(passkeyOrigin)
	renewed := make(chan secret.Token, 50) // sessions in place of those before
	for _, c := range []struct {
		ask  auth.PasskeyAsk
		does func(gate *auth.Store, body []byte, key secret.Token) error
	}{
		{auth.PasskeyAsk{For: auth.PasskeyToSignIn, Client: elsewhere}, func(gate *auth.Store, body []byte,
			key secret.Token) error {
			_, err := gate.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{Body: body,
				Key: key, Client: elsewhere}})
			return err
		}},
		{auth.PasskeyAsk{For: auth.PasskeyAsSecond, Challenge: h.Challenge, Client: step}, func(gate *auth.Store,
			body []byte, key secret.Token) error {
			_, err := gate.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{Body: body,
				Key: key, Client: step}, Challenge: h.Challenge})
			return err
		}},
		{auth.PasskeyAsk{For: auth.PasskeyToAdd, Session: p.token, Client: p.home}, func(gate *auth.Store, body []byte,
			key secret.Token) error {
			added, err := gate.AddPasskey(t.Context(), p.token, auth.PasskeyAnswer{Body: body, Key: key, Client: p.home}, "")
			if err == nil {
				renewed <- added.Session
			}
			return err
		}},
		{auth.PasskeyAsk{For: auth.PasskeyToConfirm, Session: p.token, Client: p.home}, func(gate *auth.Store, body []byte,
			key secret.Token) error {
			_, err := gate.ConfirmByPasskey(t.Context(), p.token, auth.PasskeyAnswer{Body: body, Key: key, Client: p.home})
			return err
		}},
	} {
		if len(renewed) > 0 {
			p.token = <-renewed
		}
		if c.ask.Session != "" {
			c.ask.Session = p.token
		}
		asked := p.ask(t, c.ask)
		body := []byte(nil)
		if c.ask.For == auth.PasskeyToAdd {
			body = b.Create(t, asked.Options)
		} else {
			body = a.Get(t, asked.Options)
		}
		if c.ask.For == auth.PasskeyToSignIn { // at the other one alone, and then at neither
			once := p.ask(t, c.ask)
			answer := a.Get(t, once.Options)
			if err := c.does(second, answer, once.Key); err != nil {
				t.Errorf("%s, at another gate: %v", c.ask.For, err)
			}
			if err := c.does(p.s, answer, once.Key); !errors.Is(err, auth.ErrNoCeremony) {
				t.Errorf("%s, again at the first: %v", c.ask.For, err)
			}
		}
		tries := make(chan int, 50)
		for i := range 50 {
			tries <- i
		}
		ok := 0
		for _, err := range atOnce(50, func() error { return c.does(gates[<-tries%2], body, asked.Key) }) {
			switch {
			case err == nil:
				ok++
			case !errors.Is(err, auth.ErrNoCeremony) && !errors.Is(err, session.ErrNoSession) &&
				!errors.Is(err, session.ErrNoChallenge): // the one that counts has ended these, too
				t.Errorf("%s: %v", c.ask.For, err)
			}
		}
		if ok != 1 {
			t.Errorf("%s: %d of fifty answers count", c.ask.For, ok)
		}
	}
}
