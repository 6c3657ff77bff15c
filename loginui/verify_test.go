package loginui_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider/providertest"
)

// Who signed up with a provider and opens the mailed link in another browser is asked for no password, as they chose
// none, and gets on in either way that the page names.
func TestALinkToConfirmAsksNoPasswordOfWhoChoseNone(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"provider", "password"} {
		d := newIDDesk(t, doubtful, withMail, func(s *setting) { s.Config.ConfirmFirst = true })
		d.id.SetPerson(providertest.Person{Subject: "1", Email: "ada@example.com", EmailVerified: new(true)})
		if a := d.browser(t).enter(d.id, "demo"); a.StatusCode != 200 {
			t.Fatalf("the sign-up: %d\n%s", a.StatusCode, a.body)
		}
		other := d.browser(t)
		other.get(strings.TrimPrefix(d.ui.LinkURL(mail.ForVerify, d.post.wait(t, mail.Verify).Link), "http://localhost:8080"))
		a := other.get("/signup/verify")
		for _, want := range []string{"ada@example.com", "This account was made without a password.",
			`formaction="/login/with/demo"`, `<a href="/login/reset" referrerpolicy="no-referrer">Choose a password</a>`} {
			if !strings.Contains(a.body, want) {
				t.Errorf("the page lacks %s:\n%s", want, a.body)
			}
		}
		if a.StatusCode != 200 || strings.Contains(a.body, `type="password"`) || strings.Contains(a.body, "you chose") ||
			strings.Contains(a.body, `data-busy`) {
			t.Errorf("it asks for a password, or has a button that cannot work: %d\n%s", a.StatusCode, a.body)
		}
		if way == "provider" {
			other.mustLand("the provider", other.enter(d.id, "demo", "id", a.hidden("id")), "/home")
		} else {
			page := other.get("/login/reset")
			other.mustLand("a password", other.submit("/login/reset", "id", page.hidden("id"), "password", password), "/login")
			if a := other.get("/login"); !strings.Contains(a.body, `value="ada@example.com"`) ||
				!strings.Contains(a.body, `class="notice good"`) || strings.Count(a.body, "autofocus") != 1 {
				t.Errorf("the login after a reset: %s", a.body)
			}
			other.mustLand("the login", other.submit("/login", "email", "ada@example.com", "password", password), "/home")
		}
		if a := other.get("/account"); a.StatusCode != 200 || !strings.Contains(a.body, "ada@example.com") {
			t.Errorf("by the %s: %d\n%s", way, a.StatusCode, a.body)
		}
	}
}
