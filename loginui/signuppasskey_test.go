package loginui_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
)

// Without mail the passkey is made right after the form, and the recovery codes are shown with the session.
func TestASignUpWithAPasskeyOnThePages(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, atSite)
	b := d.browser(t)
	if page := b.get("/signup"); !strings.Contains(page.body, `formaction="/signup/passkey"`) ||
		!strings.Contains(page.body, "<div hidden data-passkey>") {
		t.Errorf("the sign-up has no button\n%s", page.body)
	}
	if page := b.submit("/signup/passkey", "email", "ada@"); page.StatusCode != 422 ||
		!strings.Contains(page.body, `id="email-fault"`) {
		t.Errorf("a wrong address: %d", page.StatusCode)
	}
	page := b.submit("/signup/passkey", "email", "ada@example.com", "name", "<b>Ada", "next", "/dashboard")
	for _, want := range []string{`data-passkey="sign-up"`, `action="/signup/passkey/made"`, `value="&lt;b&gt;Ada"`,
		`name="remember" value=""`} {
		if page.StatusCode != 200 || !strings.Contains(page.body, want) {
			t.Errorf("%d, and no %s\n%s", page.StatusCode, want, page.body)
		}
	}
	if r := b.ask("sign-up"); r.StatusCode != 409 {
		t.Errorf("a question without the form: %d", r.StatusCode)
	}
	who := []string{"email", "ada@example.com", "name", "<b>Ada"}
	asked := b.do("POST", "/.gatepost/passkey", form(append(who, "for", "sign-up")...), "Accept: application/json")
	if asked.StatusCode != 200 || !strings.Contains(asked.body, `"userVerification":"required"`) {
		t.Fatalf("%d %s", asked.StatusCode, asked.body)
	}
	a := passkeytest.New("http://localhost:8080")
	made := b.submit("/signup/passkey/made", append(who, "next", "/dashboard", "answer",
		string(a.Create(t, []byte(asked.body))))...)
	if made.StatusCode != 200 || len(regexp.MustCompile(`<li><code>`).FindAllString(made.body, -1)) != 10 ||
		!strings.Contains(made.body, `href="/dashboard"`) {
		t.Fatalf("%d\n%s", made.StatusCode, made.body)
	}
	if page := b.get("/account"); page.StatusCode != 200 || !strings.Contains(page.body, "ada@example.com") {
		t.Errorf("the account: %d", page.StatusCode)
	}
	if r := b.submit("/signup/passkey/made", append(who, "answer", "{")...); r.StatusCode != 401 {
		t.Errorf("no answer: %d", r.StatusCode)
	}
	closed := newIDDesk(t, atSite, func(s *setting) { s.Options.SignUpClosed, s.Config.SignUpClosed = true, true })
	if r := closed.browser(t).submit("/signup/passkey", who...); r.StatusCode != 403 {
		t.Errorf("where sign-up is closed: %d", r.StatusCode)
	}
}

// Where links are mailed a free and a taken address look alike.
func TestASignUpWithAPasskeyTellsNothingOnThePages(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, atSite, func(s *setting) { s.Options.Verify = auth.VerifyRequired })
	var pages []string
	for range 2 {
		page := d.browser(t).submit("/signup/passkey", "email", "ada@example.com")
		if page.StatusCode != 200 || strings.Contains(page.body, "data-passkey=") {
			t.Fatalf("%d\n%s", page.StatusCode, page.body)
		}
		pages = append(pages, page.body)
	}
	if pages[0] != pages[1] {
		t.Errorf("the pages differ:\n%s\n%s", pages[0], pages[1])
	}
	if n := d.count(t, `"user"`); n != 1 {
		t.Errorf("%d users", n)
	}
}
