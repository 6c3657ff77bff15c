package auth_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// A provider that says so in the words of the operator is both factors: whoever has an app here is not asked for its
// code, and has not proved it, so that nothing is removed by it. Without those words they are asked.
func TestAProviderThatAskedForTwoFactors(t *testing.T) {
	t.Parallel()
	ks := keys(t, seal.NewKey())
	g := newGateway(t, func(o *auth.Options) { o.Keys = ks })
	token := signUp(t, g.s, "ada@example.com")
	exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
	ada := someone("1", "ada@example.com")
	if _, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	e, err := g.s.BeginApp(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.s.ConfirmApp(t.Context(), token, e.Key.Code(factor.Step(time.Now())), here); err != nil {
		t.Fatal(err)
	}
	for _, methods := range [][]string{nil, {"pwd"}, {"pwd", "otp"}} {
		ada.Claims = map[string]any{"amr": methods}
		if done, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil || done.Session != "" ||
			done.Challenge == "" {
			t.Errorf("%v: %+v, %v", methods, done, err)
		}
	}
	ada.Claims = map[string]any{"amr": []string{"pwd", "mfa"}}
	done, err := g.come(t, ada, auth.Flow{Provider: "corp"})
	if err != nil || done.Session == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	v, err := g.s.Lookup(t.Context(), done.Session)
	if err != nil || v.Proof.Level() != 2 || !v.Proof.SecondAt.IsZero() {
		t.Errorf("proved by %+v, %v", v.Proof, err)
	}
	if _, err := g.s.RemoveApp(t.Context(), done.Session, here); !errors.Is(err, auth.ErrStaleFactor) {
		t.Errorf("removed: %v", err)
	}
}

// A provider is one factor. What the session comes from goes on over the second step, and what ends it ends the half
// sign-in, too.
func TestAProviderIsOneFactor(t *testing.T) {
	t.Parallel()
	ks := keys(t, seal.NewKey())
	g := newGateway(t, func(o *auth.Options) { o.Keys = ks })
	token := signUp(t, g.s, "ada@example.com")
	exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"sid": "s1"}
	if _, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	e, err := g.s.BeginApp(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	code := func() string {
		exec(t, g.db, `UPDATE gatepost.totp SET last_step = 0`)
		return e.Key.Code(factor.Step(time.Now()))
	}
	issued, _, err := g.s.ConfirmApp(t.Context(), token, code(), here)
	if err != nil {
		t.Fatal(err)
	}
	half := func(p providertest.Person) auth.Issued {
		t.Helper()
		done, err := g.come(t, p, auth.Flow{Provider: "corp", Remember: true})
		if err != nil || done.Session != "" || done.Challenge == "" {
			t.Fatalf("%+v, %v", done, err)
		}
		return done.Issued
	}
	meet := func(h auth.Issued) (auth.Issued, error) {
		at := elsewhere
		at.Browser = h.Browser
		return g.s.MeetSecondStep(t.Context(), auth.SecondStep{Challenge: h.Challenge, Code: code(), Client: at})
	}
	second, err := meet(half(ada))
	if err != nil {
		t.Fatal(err)
	}
	v, err := g.s.Lookup(t.Context(), second.Session)
	if err != nil || !slices.Equal(v.Proof.Methods, []session.Method{session.Provider, session.OTP}) {
		t.Errorf("proved by %v, %v", v.Proof.Methods, err)
	}
	to, _, err := g.s.LogoutURL(t.Context(), second.Session, "http://gate.example/login")
	if err != nil || to == nil || to.Query().Get("id_token_hint") == "" {
		t.Errorf("the ID token is lost: %v, %v", to, err)
	}
	sub := g.idp["corp"]
	for what, end := range map[string]func() error{
		"its session there ended": func() error {
			return g.s.EndByProvider(t.Context(), "corp", sub.SignLogout("", "s1", nil), here)
		},
		"all of theirs there ended": func() error {
			return g.s.EndByProvider(t.Context(), "corp", sub.SignLogout("1", "", nil), here)
		},
	} {
		h := half(ada)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if _, err := meet(h); !errors.Is(err, session.ErrNoChallenge) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h := half(ada)
	ways, err := g.s.WaysIn(t.Context(), issued.Session)
	if err != nil || len(ways) != 2 {
		t.Fatalf("%+v, %v", ways, err)
	}
	for _, w := range ways {
		if err := g.s.Unlink(t.Context(), issued.Session, w.ID, here); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := meet(h); !errors.Is(err, session.ErrNoChallenge) {
		t.Errorf("disconnected: %v", err)
	}
	if h, err := g.s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: goodPassword,
		Client: here}); err != nil || h.Session != secret.Token("") {
		t.Errorf("disconnecting switches the factor off: %+v, %v", h, err)
	}
}
