package loginui_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/loginui"
)

// needing is a page of the app, /vault, that needs a second factor, and one, /billing, that needs a fresh proof.
func needing(s *setting) {
	s.Config.StepUp = func(path string, v session.Session) *loginui.StepUp {
		switch {
		case path == "/vault" && v.Proof.Level() < 2:
			return &loginui.StepUp{Level: 2}
		case path == "/billing" && v.Age() > session.FreshFor:
			return &loginui.StepUp{MaxAge: session.FreshFor}
		}
		return nil
	}
}

// Whoever has no second factor proves the first, and is led to where one is added, for a page that needs it.
func TestAPageThatNeedsASecondFactorLeadsThroughItsSetUp(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withKeys, needing)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	if _, err := d.db.Exec(t.Context(), `UPDATE gatepost.session SET proved_at = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	const page = "/account/confirm?next=%2Fvault"
	b.mustLand("the login", b.get("/login?next=%2Fvault"), page)
	a := b.get(page)
	if a.StatusCode != 200 || a.hidden("next") != "/vault" || !strings.Contains(a.body, `name="password"`) {
		t.Fatalf("a stale session gets %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("the password", b.submit("/account/confirm", "password", password, "next", "/vault"), "/vault")
	if a = b.get(page); a.StatusCode != 200 || !strings.Contains(a.body, `href="/account?next=%2Fvault#security"`) {
		t.Errorf("a fresh session gets %d\n%s", a.StatusCode, a.body)
	}
	if a = b.get("/account/confirm?next=%2Fbilling"); !strings.Contains(a.body, `name="password"`) {
		t.Errorf("for a page without that need it gets\n%s", a.body)
	}
	if a = b.submit("/account/confirm", "next", "/vault"); a.StatusCode != 400 {
		t.Errorf("a form without anything: %d", a.StatusCode)
	}
	b.mustLand("a code of nobody's", b.submit("/account/confirm", "code", "123456", "next", "/vault"), page)
	b.mustLand("another site", b.submit("/account/confirm", "password", password, "next", "https://evil.example/"), "/home")
}

// Where no second factor can be added, the page says so, and the password opens nothing.
func TestAPageSaysThatNoSecondFactorCanBeAdded(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, needing)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	a := b.get("/account/confirm?next=%2Fvault")
	if a.StatusCode != 200 || strings.Contains(a.body, "#security") ||
		!strings.Contains(a.body, "none can be added here") {
		t.Errorf("got %d\n%s", a.StatusCode, a.body)
	}
}

// Whoever has a second factor proves that one, and the password takes nobody further.
func TestAPageThatNeedsMoreAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()
	c := newCareful(t, needing)
	c.exec(t, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL`)
	const page = "/account/confirm?next=%2Fvault"
	a := c.b.get(page)
	if a.StatusCode != 200 || !strings.Contains(a.body, `autocomplete="one-time-code"`) ||
		strings.Contains(a.body, `type="password"`) || a.hidden("next") != "/vault" {
		t.Fatalf("got %d\n%s", a.StatusCode, a.body)
	}
	if a = c.b.get(page + "&with=recovery"); !strings.Contains(a.body, "/account/confirm?with=recovery") {
		t.Errorf("for a recovery code it is\n%s", a.body)
	}
	if a = c.b.submit("/account/confirm", "code", "", "next", "/vault"); a.StatusCode != 422 {
		t.Errorf("no code: %d", a.StatusCode)
	}
	c.b.mustLand("the password", c.b.submit("/account/confirm", "password", password, "next", "/vault"), page)
	token := c.b.token()
	c.b.mustLand("a code", c.b.submit("/account/confirm", "code", c.code(t), "next", "/vault"), "/vault")
	if c.b.token() == token {
		t.Error("the token is the one before")
	}
	c.exec(t, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL`)
	c.b.mustLand("a recovery code", c.b.submit("/account/confirm?with=recovery", "code", c.codes[0].Groups(), "next",
		"/vault"), "/vault")
	v, err := c.store.Lookup(t.Context(), c.b.token())
	if err != nil || v.Proof.Level() != 2 {
		t.Errorf("the session has %v, %v", v.Proof.Methods, err)
	}
	c.b.cookies["gatepost_8080"] = string(token)
	c.exec(t, `UPDATE gatepost.session SET last_token = token`)
	a = c.b.get("/account/confirm")
	if a.StatusCode != 303 || a.Header.Get("Location") != "/login?next=%2Faccount%2Fconfirm" {
		t.Errorf("signed out: %d %q", a.StatusCode, a.Header.Get("Location"))
	}
}

// Whoever has passkeys and no app is asked for a passkey, not for a code that they cannot have; a recovery code helps
// where no script runs.
func TestAPageThatNeedsMoreAsksForAPasskey(t *testing.T) {
	t.Parallel()
	d, b, a := withPasskey(t, needing)
	d.exec(t, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL`)
	const page = "/account/confirm?next=%2Fvault"
	p := b.get(page)
	for want, has := range map[string]bool{`data-passkey="confirm"`: true, `action="/account/passkeys/confirm"`: true,
		`href="/account/confirm?next=%2Fvault&amp;with=recovery"`: true, `name="code"`: false, `type="password"`: false} {
		if strings.Contains(p.body, want) != has {
			t.Errorf("that the page has %s is %t\n%s", want, !has, p.body)
		}
	}
	if p = b.get(page + "&with=recovery"); !strings.Contains(p.body, `name="code"`) ||
		strings.Contains(p.body, `href="/account/confirm`) {
		t.Errorf("for a recovery code it is\n%s", p.body)
	}
	if p = b.submit("/account/passkeys/confirm", "answer", "{}", "next", "/vault"); p.StatusCode != 403 ||
		!strings.Contains(p.body, `href="/account/confirm?next=%2Fvault"`) {
		t.Errorf("a wrong answer: %d\n%s", p.StatusCode, p.body)
	}
	answer := string(a.Get(t, []byte(b.ask("confirm").body)))
	b.mustLand("the passkey", b.submit("/account/passkeys/confirm", "answer", answer, "next", "/vault"), "/vault")
	v, err := d.store.Lookup(t.Context(), b.token())
	if err != nil || v.Proof.Level() != 2 {
		t.Errorf("the session has %v, %v", v.Proof.Methods, err)
	}
}

// Where a passkey is the one factor that can be added, the page that needs one leads there and on.
func TestAPageThatNeedsASecondFactorLeadsToAPasskey(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, atSite, needing)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
	if p := b.get("/account/confirm?next=%2Fvault"); !strings.Contains(p.body, `href="/account?next=%2Fvault#security"`) {
		t.Fatalf("a fresh session gets %d\n%s", p.StatusCode, p.body)
	}
	if p := b.get("/account?next=%2Fvault"); p.hidden("next") != "/vault" || !strings.Contains(p.body, `id="security"`) {
		t.Errorf("the account page has\n%s", p.body)
	}
	b.mustLand("the account page", b.submit("/account/passkeys", "next", "/vault"), "/account/passkeys/add?next=%2Fvault")
	if p := b.get("/account/passkeys/add?next=%2Fvault"); p.hidden("next") != "/vault" {
		t.Errorf("the page that adds one has\n%s", p.body)
	}
	a := passkeytest.New("http://localhost:8080")
	p := b.submit("/account/passkeys/add", "answer", string(a.Create(t, []byte(b.ask("add").body))), "next", "/vault")
	if p.StatusCode != 200 || !strings.Contains(p.body, `href="/vault"`) {
		t.Errorf("the recovery codes: %d\n%s", p.StatusCode, p.body)
	}
}

// GATEPOST_SECOND_FACTOR=off keeps users from adding passkeys; who has one is asked for it, and signs in by it.
func TestNobodyAddsAPasskeyWhereFactorsAreOff(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, atSite, func(s *setting) { s.Options.FactorsOff = true })
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
	if p := b.get("/account"); strings.Contains(p.body, "/account/passkeys") {
		t.Errorf("the account page has\n%s", p.body)
	}
	if p := b.submit("/account/passkeys"); p.StatusCode != 404 {
		t.Errorf("its form: %d", p.StatusCode)
	}
	if p := b.ask("add"); p.StatusCode != 404 {
		t.Errorf("the script: %d %s", p.StatusCode, p.body)
	}
	if p := d.browser(t).get("/login"); !strings.Contains(p.body, `data-passkey="sign-in"`) {
		t.Errorf("the login has no button\n%s", p.body)
	}
}
