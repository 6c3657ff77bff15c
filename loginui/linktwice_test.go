package loginui_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
)

func mayConfirm(s *setting) { withMail(s); s.Options.Verify = auth.VerifyOptional }

// open opens a mailed link, up to its form, and returns the form's id.
func (d *idDesk) open(b *browser, p mail.Purpose, m mail.Mail) (id string) {
	b.t.Helper()
	a := b.get(strings.TrimPrefix(d.ui.LinkURL(p, m.Link), "http://localhost:8080"))
	a = b.get(a.Header.Get("Location"))
	if id = a.hidden("id"); a.StatusCode != 200 || id == "" {
		b.t.Fatalf("the link opens %d\n%s", a.StatusCode, a.body)
	}
	return id
}

// twice sends a form twice with the same cookies, as after a double click without scripts. Both answers have to lead to
// the same page, with the same cookies.
func (b *browser) twice(to, page string, pairs ...string) {
	b.t.Helper()
	before := maps.Clone(b.cookies)
	first := b.submit(page, pairs...)
	b.mustLand(page, first, to)
	after := maps.Clone(b.cookies)
	b.cookies = before
	second := b.submit(page, pairs...)
	b.mustLand(page+" once more", second, to)
	for name, value := range after {
		if b.cookies[name] != value && !strings.HasSuffix(name, "_email") {
			b.t.Errorf("%s: after the second %s is %q, after the first %q", page, name, b.cookies[name], value)
		}
	}
}

// Each form of a mailed link has one outcome, also where a browser sends it twice.
func TestTheFormOfALinkThatIsSentTwice(t *testing.T) {
	t.Parallel()
	const chosen = "another quiet river"
	for name, way := range map[string]func(*testing.T, *idDesk){
		"confirm, signed in": func(t *testing.T, d *idDesk) {
			b := d.user(t, "ada@example.com")
			id := d.open(b, mail.ForVerify, d.post.wait(t, mail.Verify))
			b.twice("/account", "/signup/verify", "id", id)
		},
		"confirm, in another browser": func(t *testing.T, d *idDesk) {
			d.user(t, "ada@example.com")
			b := d.browser(t)
			id := d.open(b, mail.ForVerify, d.post.wait(t, mail.Verify))
			b.twice("/home", "/signup/verify", "id", id, "password", password)
			if a := b.get("/account"); a.StatusCode != 200 || d.count(t, "session") != 1 {
				t.Errorf("the account is %d, of %d sessions", a.StatusCode, d.count(t, "session"))
			}
		},
		"a new password": func(t *testing.T, d *idDesk) {
			d.user(t, "ada@example.com")
			b := d.browser(t)
			b.submit("/login/forgot", "email", "ada@example.com")
			id := d.open(b, mail.ForReset, d.post.wait(t, mail.Reset))
			b.twice("/login", "/login/reset", "id", id, "password", chosen)
			b.mustLand("the login", b.submit("/login", "email", "ada@example.com", "password", chosen), "/home")
		},
		"another address, and back": func(t *testing.T, d *idDesk) {
			b := d.user(t, "ada@example.com")
			d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
			b.submit("/account/email", "email", "new@example.com", "password", password)
			id := d.open(b, mail.ForChange, d.post.wait(t, mail.Change))
			b.twice("/account", "/account/email/confirm", "id", id)
			id = d.open(b, mail.ForUndo, d.post.wait(t, mail.Changed))
			b.twice("/login", "/account/email/undo", "id", id, "password", chosen)
		},
		"an invitation": func(t *testing.T, d *idDesk) {
			b := d.browser(t)
			d.invite(t, "ada@example.com")
			id := d.open(b, mail.ForInvite, d.post.wait(t, mail.Invite))
			b.twice("/home", "/signup/invitation", "id", id, "password", password)
		},
		"a proof": func(t *testing.T, d *idDesk) {
			b := d.user(t, "ada@example.com")
			d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
			d.settle(t)
			b.submit("/account/prove/mail")
			id := d.open(b, mail.ForProve, d.post.wait(t, mail.Prove))
			b.twice("/account", "/account/prove", "id", id)
		},
		"a claim, by the password": func(t *testing.T, d *idDesk) {
			d.user(t, "ada@example.com")
			d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
			b := d.browser(t)
			claim := b.get(d.mustClaim(t, b, "ada", "ada@example.com", "next", "/x")).hidden("claim")
			if a := b.submit("/login/connect", "claim", claim, "password", "a wrong one"); a.StatusCode != 401 {
				t.Errorf("a wrong password: %d", a.StatusCode)
			}
			b.twice("/x", "/login/connect", "claim", claim, "password", password)
		},
		"a claim, by its link": func(t *testing.T, d *idDesk) {
			d.user(t, "ada@example.com")
			b := d.browser(t)
			claim := b.get(d.mustClaim(t, b, "ada", "ada@example.com", "next", "/x")).hidden("claim")
			b.submit("/login/connect/mail", "claim", claim)
			id := d.open(b, mail.ForConnect, d.post.wait(t, mail.Connect))
			b.twice("/account/taken?next=%2Fx", "/login/connect/link", "id", id, "claim", claim)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way(t, newIDDesk(t, doubtful, mayConfirm))
		})
	}
}

// A form that gives somebody who is signed in a new session has one outcome, too: the second answer would end it.
func TestTheFormOfSomebodySignedInThatIsSentTwice(t *testing.T) {
	t.Parallel()
	const chosen = "another quiet river"
	d := newIDDesk(t, mayConfirm)
	b := d.user(t, "ada@example.com")
	d.settle(t)
	b.twice("/home", "/account/confirm", "password", password)
	d.settle(t)
	b.twice("/account", "/account/sessions/end-others", "password", password)
	old := maps.Clone(b.cookies)
	b.twice("/account", "/account/password", "current", password, "password", chosen)
	if a := b.get("/account"); a.StatusCode != 200 || d.count(t, "session") != 1 {
		t.Errorf("the account is %d, of %d sessions", a.StatusCode, d.count(t, "session"))
	}
	b.cookies = old
	if a := b.submit("/account/password", "current", "a guess", "password", chosen); a.Header.Get("Location") != "/login" {
		t.Errorf("whoever has the old session, and does not know what was typed: %d to %q", a.StatusCode,
			a.Header.Get("Location"))
	}
}

// Recovery codes are shown once, and a form that is sent twice shows its second answer.
func TestTheFormThatAddsAnAppIsSentTwice(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withKeys)
	b := d.user(t, "ada@example.com")
	b.submit("/account/app")
	key := b.get("/account/app").key(t)
	old, code := maps.Clone(b.cookies), key.Code(d.now(t))
	first := b.submit("/account/app/code", "code", code)
	b.cookies = maps.Clone(old)
	second := b.submit("/account/app/code", "code", code)
	codes := shownCodes.FindAllString(first.body, -1)
	if len(codes) != 10 || !slices.Equal(codes, shownCodes.FindAllString(second.body, -1)) {
		t.Errorf("first %d %s\nthen %d %s", first.StatusCode, first.body, second.StatusCode, second.body)
	}
	if a := b.get("/account"); a.StatusCode != 200 || d.count(t, "recovery_code") != 10 {
		t.Errorf("the account is %d", a.StatusCode)
	}
	b.cookies = old
	if a := b.submit("/account/app/code", "code", "123456"); a.StatusCode == 200 {
		t.Errorf("whoever has the session before, and another code: %d %s", a.StatusCode, a.body)
	}
}

// The second answer is for the same browser alone: whoever else has the link gets nothing by it.
func TestTheFormOfALinkIsKnownByItsBrowser(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, mayConfirm, func(s *setting) { s.Config.ConfirmFirst = true })
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password)
	m := d.post.wait(t, mail.Verify)
	id := d.open(b, mail.ForVerify, m)
	other := d.browser(t)
	other.cookies["gatepost_8080_link"] = b.cookies["gatepost_8080_link"]
	b.mustLand("the first", b.submit("/signup/verify", "id", id), "/home")
	if a := other.submit("/signup/verify", "id", id); a.StatusCode != 410 || other.cookies["gatepost_8080"] != "" {
		t.Errorf("another browser gets %d and %v", a.StatusCode, other.cookies)
	}
}

// A used link says so to the user who used it, in any browser of theirs, and to nobody else.
func TestAUsedLinkIsKnownToItsUser(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, mayConfirm)
	b, other := d.user(t, "ada@example.com"), d.browser(t)
	verify := d.post.wait(t, mail.Verify)
	b.submit("/signup/verify", "id", d.open(b, mail.ForVerify, verify))
	b.submit("/account/email", "email", "new@example.com", "password", password)
	change := d.post.wait(t, mail.Change)
	grace := d.user(t, "grace@example.com")
	d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
	other.submit("/login", "email", "ada@example.com", "password", password)
	again := func(b *browser, page, token string) answer {
		a := b.get(b.get(page + "?token=" + token).Header.Get("Location"))
		if to := a.Header.Get("Location"); a.StatusCode == 303 && to == "/account" {
			a = b.get(to)
		}
		return a
	}
	is := func(what string, a answer, status int, say string) {
		t.Helper()
		if a.StatusCode != status || !strings.Contains(a.body, say) {
			t.Errorf("%s: %d, without %q\n%s", what, a.StatusCode, say, a.body)
		}
	}
	const already, moved = "Your e-mail address is already confirmed.", "Your e-mail address is changed."
	nonsense := strings.Repeat("A", len(verify.Link))
	is("their link", again(b, "/signup/verify", string(verify.Link)), 200, already)
	is("their link elsewhere", again(other, "/signup/verify", string(verify.Link)), 200, already)
	is("another's", again(grace, "/signup/verify", string(verify.Link)), 410, "")
	is("nonsense", again(b, "/signup/verify", nonsense), 410, "")
	is("of another page", again(b, "/account/email/confirm", string(verify.Link)), 410, "")
	b.mustLand("the new address", b.submit("/account/email/confirm", "id", d.open(b, mail.ForChange, change)), "/account")
	is("the change", again(b, "/account/email/confirm", string(change.Link)), 200, moved)
	is("the change elsewhere", again(other, "/account/email/confirm", string(change.Link)), 200, moved)
	is("another's change", again(grace, "/account/email/confirm", string(change.Link)), 410, "")
	is("their old address", again(b, "/signup/verify", string(verify.Link)), 410, "")
	d.exec(t, `UPDATE gatepost.verification SET expires_at = now()`)
	is("after its time", again(b, "/account/email/confirm", string(change.Link)), 410, "")
	if n := d.count(t, fmt.Sprintf(`verification WHERE identifier LIKE '%s%%'`, mail.Used)); n != 2 {
		t.Errorf("%d used links are known", n)
	}
}

// A page that is loaded before anybody asks for it uses up neither a notice nor a link.
func TestAPrefetchUsesNothingUp(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, mayConfirm)
	b := d.user(t, "ada@example.com")
	verify := d.post.wait(t, mail.Verify)
	const early = "Sec-Purpose: prefetch;prerender"
	id := d.open(b, mail.ForVerify, verify)
	b.get("/signup/verify", early)
	b.mustLand("the form", b.submit("/signup/verify", "id", id), "/account")
	for range 2 {
		if a := b.get("/account", early); !strings.Contains(a.body, "Your e-mail address is confirmed.") {
			t.Fatalf("the notice is used up:\n%s", a.body)
		}
	}
	b.get("/account")
	if a := b.get("/account"); strings.Contains(a.body, `class="notice`) {
		t.Errorf("the notice stays:\n%s", a.body)
	}
}
