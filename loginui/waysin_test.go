package loginui_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
)

// user returns the browser of a user with a password.
func (d *idDesk) user(t *testing.T, email string) *browser {
	t.Helper()
	b := d.browser(t)
	b.mustLand("sign up", b.submit("/signup", "email", email, "password", password, "remember", "on"), "/home")
	return b
}

func TestAProviderIsConnectedAndDisconnected(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.user(t, "grace@example.com")
	a := b.get("/account")
	if !strings.Contains(a.body, `<form method="post" action="/account/connect/demo">`) ||
		!strings.Contains(a.body, `aria-label="Connect Demo &lt;ID&gt;"`) ||
		strings.Contains(a.body, "Disconnect") {
		t.Fatalf("the account page:\n%s", a.body)
	}
	values := d.id.Authorize(t, b.leave("/account/connect/demo"))
	if a := d.user(t, "eve@example.com").callback("demo", values); a.StatusCode != 400 {
		t.Errorf("another browser: %d", a.StatusCode)
	}
	b.mustLand("the callback", b.callback("demo", values), "/account")
	a = b.get("/account")
	if !strings.Contains(a.body, "The new way to log in is connected.") || strings.Contains(a.body, "Connect Demo") ||
		strings.Count(a.body, `action="/account/disconnect"`) != 1 {
		t.Fatalf("the account page:\n%s", a.body)
	}
	other := d.user(t, "heidi@example.com")
	if a := other.callback("demo", d.id.Authorize(t, other.leave("/account/connect/demo"))); a.StatusCode != 409 ||
		!strings.Contains(a.body, "connected to another account here") ||
		!strings.Contains(a.body, `href="/account"`) {
		t.Errorf("the identity of another user: %d\n%s", a.StatusCode, a.body)
	}
	id := a.hidden("id")
	d.settle(t)
	if a := b.submit("/account/disconnect", "id", id); a.StatusCode != 403 ||
		!strings.Contains(a.body, `type="password"`) ||
		!strings.Contains(a.body, `formaction="/account/confirm/demo"`) || a.hidden("id") != id {
		t.Errorf("long after the login: %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("disconnect", b.submit("/account/disconnect", "id", id, "password", password), "/account")
	if a := b.get("/account"); !strings.Contains(a.body, "is disconnected.") ||
		!strings.Contains(a.body, "Connect Demo") {
		t.Errorf("the account page:\n%s", a.body)
	}
	d.settle(t)
	if a := b.submit("/account/connect/demo"); a.StatusCode != 403 ||
		!strings.Contains(a.body, `action="/account/connect/demo"`) {
		t.Errorf("connect long after the login: %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("the callback", b.callback("demo",
		d.id.Authorize(t, b.leave("/account/connect/demo", "password", password))), "/account")
}

func TestTheSessionOfAConnectionHasToBeTheSame(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.user(t, "grace@example.com")
	values := d.id.Authorize(t, b.leave("/account/connect/demo"))
	if _, err := d.db.Exec(t.Context(), `DELETE FROM gatepost.session`); err != nil { // from elsewhere
		t.Fatal(err)
	}
	a := b.callback("demo", values)
	if a.StatusCode != 403 || !strings.Contains(a.body, "not logged in as you were") ||
		!strings.Contains(a.body, `href="/login?choose=&amp;next=%2Faccount"`) {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
}

// A login in the same browser ends what waits there for an answer of a provider.
func TestALoginEndsAConnectionUnderWay(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.user(t, "grace@example.com")
	values := d.id.Authorize(t, b.leave("/account/connect/demo"))
	b.submit("/login", "email", "grace@example.com", "password", password)
	if a := b.callback("demo", values); a.StatusCode != 400 ||
		!strings.Contains(a.body, "is not under way in this browser") {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
}

func TestConnectingNeedsALogin(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	for _, target := range []string{"/account/connect/demo", "/account/confirm/demo", "/account/disconnect",
		"/account/prove/mail", "/account/password/mail"} {
		a := d.do(t, "POST", target, form("id", "1"), "Referer: http://localhost:8080/account")
		if strings.HasSuffix(target, "/mail") && a.StatusCode == 404 { // this desk sends none
			continue
		}
		if a.StatusCode != 303 || a.Header.Get("Location") != "/login?next=%2Faccount" {
			t.Errorf("%s: %d %v", target, a.StatusCode, a.Header)
		}
	}
}

func TestTheLastWayInStays(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withMail)
	b := d.browser(t)
	d.id.Misbehave(providertest.Claim("auth_time", nil))
	b.enter(d.id, "demo")
	a := b.get("/account")
	for _, want := range []string{"Not set", "Set a password by mail", "Since <time"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the account page lacks %q:\n%s", want, a.body)
		}
	}
	if strings.Contains(a.body, "Nobody can look it up") || strings.Contains(a.body, `href="/account/password"`) {
		t.Errorf("the account page claims that there is a password:\n%s", a.body)
	}
	id := a.hidden("id")
	a = b.submit("/account/disconnect", "id", id)
	if a.StatusCode != 403 || strings.Contains(a.body, `type="password"`) ||
		strings.Contains(a.body, "your password") ||
		!strings.Contains(a.body, `formaction="/account/confirm/demo"`) ||
		!strings.Contains(a.body, `formaction="/account/prove/mail"`) {
		t.Fatalf("a user without a password: %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("the mail", b.submit("/account/prove/mail"), "/account")
	d.openProof(t, b)
	if a := b.submit("/account/disconnect", "id", id); a.StatusCode != 409 ||
		!strings.Contains(a.body, "last way to log in") ||
		!strings.Contains(a.body, `href="/account"`) {
		t.Errorf("the last way in: %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("a password", b.submit("/account/password/mail"), "/account")
	if d.post.wait(t, mail.Reset).To != "ada@example.com" {
		t.Error("the mail goes elsewhere")
	}
}

func (d *idDesk) openProof(t *testing.T, b *browser) {
	t.Helper()
	m := d.post.wait(t, mail.Prove)
	target := strings.TrimPrefix(d.ui.LinkURL(mail.ForProve, m.Link), "http://localhost:8080")
	other := d.user(t, "eve@example.com")
	other.get(target)
	if a := other.get("/account/prove"); a.StatusCode != 403 || !strings.Contains(a.body, "another account") {
		t.Errorf("another user opens the link: %d\n%s", a.StatusCode, a.body)
	}
	b.get(target)
	a := b.get("/account/prove")
	if a.StatusCode != 200 || !strings.Contains(a.body, "ada@example.com") {
		t.Fatalf("the page of the link: %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("the button", b.submit("/account/prove", "id", a.hidden("id")), "/account")
	if a := b.get("/account"); !strings.Contains(a.body, "Now do again what you were about to do.") {
		t.Errorf("no word about it:\n%s", a.body)
	}
}

// Whoever proves by a mailed link that it is them goes on to the page that asked for it.
func TestAMailedProofLeadsOn(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withMail, needing)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
	d.exec(t, `UPDATE gatepost.session SET proved_at = now() - interval '1 hour'`)
	page := b.get("/account/confirm?next=%2Fbilling")
	if page.hidden("next") != "/billing" || !strings.Contains(page.body, `formaction="/account/prove/mail"`) {
		t.Fatalf("the page has\n%s", page.body)
	}
	b.submit("/account/prove/mail", "next", "/billing")
	m := d.post.wait(t, mail.Prove)
	if m.Next != "/billing" {
		t.Errorf("the mail leads to %q", m.Next)
	}
	target := strings.TrimPrefix(d.ui.LinkURL(mail.ForProve, m.Link), "http://localhost:8080")
	b.mustLand("the link", b.get(target+"&next=%2Fbilling"), "/account/prove?next=%2Fbilling")
	page = b.get("/account/prove?next=%2Fbilling")
	if page.hidden("next") != "/billing" {
		t.Errorf("the page of the link has\n%s", page.body)
	}
	b.mustLand("the button", b.submit("/account/prove", "id", page.hidden("id"), "next", "/billing"), "/billing")
}

func TestAProviderConfirmsWhoItIs(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.browser(t)
	b.enter(d.id, "demo")
	d.settle(t)
	if a := b.submit("/account/export"); a.StatusCode != 403 ||
		!strings.Contains(a.body, "Confirm with Demo &lt;ID&gt;") {
		t.Fatalf("%d\n%s", a.StatusCode, a.body)
	}
	before := b.cookies["gatepost_8080"]
	b.mustLand("the callback", b.callback("demo", d.id.Authorize(t, b.leave("/account/confirm/demo"))), "/account")
	if b.cookies["gatepost_8080"] == before {
		t.Error("the session is the same")
	}
	if a := b.submit("/account/export"); a.StatusCode != 200 {
		t.Errorf("it did not count: %d\n%s", a.StatusCode, a.body)
	}
	d.settle(t)
	d.id.SetPerson(providertest.Person{Subject: "eve-1", Email: "eve@example.com", EmailVerified: new(true)})
	if a := b.callback("demo", d.id.Authorize(t, b.leave("/account/confirm/demo"))); a.StatusCode != 403 ||
		!strings.Contains(a.body, "is not connected to the account you are logged in with") {
		t.Errorf("another person: %d\n%s", a.StatusCode, a.body)
	}
}

// Users without a password need a recent proof for what otherwise takes the password.
func TestDeedsWithoutAPassword(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withMail)
	b := d.browser(t)
	b.enter(d.id, "demo")
	for _, target := range []string{"/account/email", "/account/delete"} {
		if a := b.get(target); a.StatusCode != 200 || strings.Contains(a.body, `type="password"`) {
			t.Errorf("%s: %d\n%s", target, a.StatusCode, a.body)
		}
	}
	b.mustLand("/account/password", b.get("/account/password"), "/account")
	d.settle(t)
	for _, target := range []string{"/account/email", "/account/delete"} {
		if a := b.submit(target, "email", "new@example.com"); a.StatusCode != 403 ||
			!strings.Contains(a.body, `formaction="/account/confirm/demo"`) {
			t.Errorf("%s long after the login: %d\n%s", target, a.StatusCode, a.body)
		}
	}
	b.callback("demo", d.id.Authorize(t, b.leave("/account/confirm/demo")))
	b.mustLand("another address", b.submit("/account/email", "email", "new@example.com"), "/account")
	if a := b.submit("/account/delete"); a.StatusCode != 200 || !strings.Contains(a.body, "Your account is deleted") {
		t.Errorf("delete: %d\n%s", a.StatusCode, a.body)
	}
}

// A provider that cannot confirm anybody, and no mail: the page says so, and has no form to fill in.
func TestAUserWhoCannotShowWhoTheyAre(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, func(s *setting) {
		s.specs = append(s.specs, provider.Spec{Name: "discord", ClientID: "x", ClientSecret: secret.Text("y")})
	})
	b := d.browser(t)
	b.enter(d.id, "demo")
	_, err := d.db.Exec(t.Context(), `
		UPDATE gatepost.account SET provider_id = 'discord', issuer = 'https://discord.com'`)
	if err != nil {
		t.Fatal(err)
	}
	d.settle(t)
	a := b.submit("/account/export")
	if a.StatusCode != 403 || !strings.Contains(a.body, "There is no way here to show that it is you") ||
		strings.Contains(a.body, "<button") {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
	if a := b.submit("/account/confirm/discord"); a.StatusCode != 404 {
		t.Errorf("a provider that does not ask: %d", a.StatusCode)
	}
}

// Who has no password and comes with another account of a provider is sent to their account page, so they can connect
// it there.
func TestAnotherAccountOfAProviderIsConnectedOnTheAccountPage(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withMail)
	first, second := d.browser(t), d.browser(t)
	first.enter(d.id, "demo")
	d.id.SetPerson(providertest.Person{Subject: "ada-2", Email: "ada@example.com", EmailVerified: new(true)})
	if a := second.enter(d.id, "demo"); a.StatusCode != 409 ||
		!strings.Contains(a.body, "connect Demo &lt;ID&gt; on your account page") {
		t.Fatalf("%d\n%s", a.StatusCode, a.body)
	}
	if a := first.get("/account"); !strings.Contains(a.body, "Connect another account of Demo &lt;ID&gt;") {
		t.Fatalf("the account page:\n%s", a.body)
	}
	first.mustLand("the callback", first.callback("demo", d.id.Authorize(t, first.leave("/account/connect/demo"))),
		"/account")
	if a := first.get("/account"); strings.Count(a.body, `action="/account/disconnect"`) != 2 {
		t.Errorf("the account page:\n%s", a.body)
	}
	second.mustLand("the login", second.enter(d.id, "demo"), "/home")
}
