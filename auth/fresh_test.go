package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// age is how long ago the user of a session was proved, as rules ask it.
func (p *careful) age(t *testing.T, token secret.Token) time.Duration {
	t.Helper()
	v, err := p.s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return v.Age()
}

// By a first factor alone, whichever and wherever, no session of whoever has a second one gets fresher or comes to a
// higher level.
func TestAFirstFactorAloneMakesNoSessionFresher(t *testing.T) {
	t.Parallel()
	states := map[string]string{
		"level 2, long ago": `methods = 'pwd,otp', second_at = now() - interval '5 hours',
			proved_at = now() - interval '5 hours'`,
		"level 2 by a provider": `methods = 'fed,mfa', second_at = NULL, proved_at = now() - interval '5 hours'`,
		"level 1":               `methods = 'pwd,trusted', second_at = NULL, proved_at = now() - interval '5 hours'`,
	}
	ways := map[string]func(*testing.T, *careful) (auth.Issued, error){
		"the password": func(t *testing.T, p *careful) (auth.Issued, error) {
			return p.s.Confirm(t.Context(), p.token, goodPassword, p.home)
		},
		"a change of address": func(t *testing.T, p *careful) (auth.Issued, error) {
			return p.s.RequestEmailChange(t.Context(), p.token, goodPassword, "new@example.com", p.home)
		},
		"a mailed link": func(t *testing.T, p *careful) (auth.Issued, error) {
			if err := p.s.RequestProof(t.Context(), p.token, p.home); err != nil {
				t.Fatal(err)
			}
			link := p.o.one(t, p.s, mail.Prove, "ada@example.com").Link
			return p.s.ProveByLink(t.Context(), link, p.token, p.home)
		},
	}
	p := aCareful(t)
	for state, set := range states {
		for way, prove := range ways {
			exec(t, p.db, `DELETE FROM gatepost.throttle`)
			exec(t, p.db, `DELETE FROM gatepost.verification`)
			exec(t, p.db, `UPDATE gatepost.session SET `+set)
			before := p.row(t)
			if _, err := prove(t, p); !errors.Is(err, auth.ErrStaleFactor) {
				t.Errorf("%s, %s: %v", state, way, err)
			}
			if after := p.row(t); after != before {
				t.Errorf("%s, %s: the session was %s, and is %s", state, way, before, after)
			}
		}
	}
	// While the second factor is fresh, the deed is done, and the session is as old as it was.
	exec(t, p.db, `UPDATE gatepost.session SET methods = 'pwd,otp', second_at = now() - interval '9 minutes',
		proved_at = now() - interval '5 hours'`)
	issued, err := ways["the password"](t, p)
	if err != nil || p.age(t, issued.Session) < 8*time.Minute {
		t.Fatalf("a fresh second factor: %v, or it gets fresher", err)
	}
	p.token = issued.Session
	exec(t, p.db, `UPDATE gatepost.session SET second_at = now() - interval '5 hours'`)
	issued, err = p.s.ChangePassword(t.Context(), p.token, goodPassword, chosen, p.home)
	if err != nil || p.age(t, issued.Session) < time.Hour {
		t.Errorf("a new password: %v, or the session is fresher", err)
	}
}

// row is what was proved in the only session.
func (p *careful) row(t *testing.T) (text string) {
	t.Helper()
	if err := p.db.QueryRow(t.Context(), `SELECT token || methods || proved_at || coalesce(second_at::text, '')
		FROM gatepost.session`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// What changes how somebody gets in, and what nobody can undo, takes the second factor of whoever has one, a short
// while ago; a session in a trusted browser, and one whose second factor is old, have to prove it first.
func TestWhatChangesTheWaysInTakesTheSecondFactor(t *testing.T) {
	t.Parallel()
	ks := keys(t, seal.NewKey())
	g := newGateway(t, func(o *auth.Options) { o.Keys = ks })
	auth.HashCheaply(g.s)
	token := signUp(t, g.s, "ada@example.com")
	exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
	e, err := g.s.BeginApp(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	issued, _, err := g.s.ConfirmApp(t.Context(), token, e.Key.Code(factor.Step(time.Now())), here)
	if err != nil {
		t.Fatal(err)
	}
	token = issued.Session
	link := func(o auth.Flow) error { _, err := g.s.BeginProvider(t.Context(), o); return err }
	deeds := map[string]func() error{
		"connect a provider": func() error {
			return link(auth.Flow{Provider: "corp", Purpose: auth.ToLink, Session: token, Client: here})
		},
		"disconnect one": func() error { return g.s.Unlink(t.Context(), token, "x", here) },
		"delete the account": func() error {
			return g.s.DeleteAccount(t.Context(), token, goodPassword, here)
		},
		"another address": func() error {
			_, err := g.s.RequestEmailChange(t.Context(), token, goodPassword, "new@example.com", here)
			return err
		},
		"another app":    func() error { _, err := g.s.BeginApp(t.Context(), token); return err },
		"recovery codes": func() error { _, err := g.s.NewRecoveryCodes(t.Context(), token, here); return err },
	}
	for state, set := range map[string]string{
		"in a trusted browser": `methods = 'pwd,trusted', second_at = NULL, proved_at = now()`,
		"the second is old":    `methods = 'pwd,otp', second_at = now() - interval '11 minutes', proved_at = now()`,
		"both are old": `methods = 'pwd,otp', second_at = now() - interval '11 minutes',
			proved_at = now() - interval '11 minutes'`,
	} {
		exec(t, g.db, `UPDATE gatepost.session SET `+set)
		for what, do := range deeds {
			if err := do(); !errors.Is(err, auth.ErrStaleFactor) {
				t.Errorf("%s, %s: %v", state, what, err)
			}
		}
	}
	exec(t, g.db, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL, proved_at = now()`)
	for what, do := range map[string]func() error{ // which the trust is for, and what keeps others out
		"export": func() error {
			e, err := g.s.Export(t.Context(), token, here)
			if err == nil {
				e.Close()
			}
			return err
		},
		"rename":                 func() error { return g.s.Rename(t.Context(), token, "Ada", here) },
		"end the other sessions": func() error { _, err := g.s.EndOtherSessions(t.Context(), token, here); return err },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	exec(t, g.db, `UPDATE gatepost.session SET methods = 'pwd,otp', second_at = now(), proved_at = now()`)
	for _, what := range []string{"connect a provider", "disconnect one", "delete the account"} {
		if err := deeds[what](); err != nil {
			t.Errorf("with both factors, %s: %v", what, err)
		}
	}
}

// A provider that was to be connected at a level that the session has not is connected to nothing.
func TestALinkThatBeganBeforeTheFactorConnectsNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	token := signUp(t, g.s, "ada@example.com")
	thief := someone("666", "eve@example.org")
	f := auth.Flow{Provider: "corp", Purpose: auth.ToLink, Session: token, Client: here}
	begun, answer := g.begin(t, thief, f)
	exec(t, g.db, `INSERT INTO gatepost.totp (user_id, secret, last_step) SELECT id, '', 0 FROM gatepost."user"`)
	if _, err := g.finish(t, f, begun, answer); !errors.Is(err, auth.ErrStaleFactor) {
		t.Errorf("connected: %v", err)
	}
	if n := count(t, g.db, "account WHERE provider_id = 'corp'"); n != 0 {
		t.Errorf("%d identities", n)
	}
}

// A change of factors ends the trust in browsers and half sign-ins, also where it leaves the other sessions be.
func TestAChangeOfFactorsEndsHalfSignIns(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*testing.T, *careful){
		"one more passkey": func(t *testing.T, p *careful) { p.has(t, passkeytest.New(passkeyOrigin)) },
		"new recovery codes": func(t *testing.T, p *careful) {
			if _, err := p.s.NewRecoveryCodes(t.Context(), p.token, p.home); err != nil {
				t.Fatal(err)
			}
		},
	} {
		p := aCareful(t, atSite, func(o *auth.Options) { o.TrustBrowser = time.Hour })
		other, err := p.answer(t, elsewhere, p.code(t))
		if err != nil {
			t.Fatal(err)
		}
		exec(t, p.db, `INSERT INTO gatepost.trusted_browser (id, user_id, token, expires_at)
			SELECT 'x', id, 'x', now() + interval '1 hour' FROM gatepost."user"`)
		h := p.half(t, elsewhere)
		change(t, p)
		if _, err := p.meet(t.Context(), h, elsewhere, p.code(t)); !errors.Is(err, session.ErrNoChallenge) {
			t.Errorf("%s: half a sign-in of before: %v", what, err)
		}
		if n := count(t, p.db, "trusted_browser"); n != 0 {
			t.Errorf("%s: %d browsers are trusted", what, n)
		}
		if _, err := p.s.Lookup(t.Context(), other.Session); err != nil {
			t.Errorf("%s: another session: %v", what, err)
		}
	}
}
