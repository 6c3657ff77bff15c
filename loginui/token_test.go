package loginui_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

func withTokens(s *setting) {
	s.Config.Tokens = true
	s.Options.CheckTokenRules = func(rules string) error {
		if strings.HasPrefix(rules, "nonsense") {
			return errWrongRules
		}
		return nil
	}
}

var errWrongRules = &wrongRules{}

type wrongRules struct{}

func (*wrongRules) Error() string { return "no rules" }

var (
	shownToken = regexp.MustCompile(`<code>(gpt_[0-9A-Za-z]{36})</code>`)
	tokenID    = regexp.MustCompile(`(?s)tokens/revoke">\s*<input type="hidden" name="id" value="([^"]+)"`)
)

// A user makes a token on the account page, without a script. It is shown once, in an answer that nobody keeps, and
// works until it is revoked there.
func TestATokenIsMadeShownOnceAndRevoked(t *testing.T) {
	t.Parallel()
	c := newIDDesk(t, withTokens)
	b := c.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	c.exec(t, `UPDATE gatepost."user" SET role = 'user,admin'`)
	if a := b.get("/account"); !strings.Contains(a.body, `action="/account/tokens"`) || tokenID.MatchString(a.body) {
		t.Fatalf("the account page offers none, or has one:\n%s", a.body)
	}
	b.mustLand("begin", b.submit("/account/tokens"), "/account/tokens/make")
	if a := b.get("/account/tokens/make"); a.StatusCode != 200 || !strings.Contains(a.body, `value="user, admin"`) ||
		!strings.Contains(a.body, `value="90"`) {
		t.Fatalf("the form is %d\n%s", a.StatusCode, a.body)
	}
	for name, pairs := range map[string][]string{
		"no name":        {"name", "", "days", "90"},
		"a wrong number": {"name", "x", "days", "many"},
		"too many days":  {"name", "x", "days", "367"},
		"no end":         {"name", "x", "days", "0"},
		"wrong rules":    {"name", "x", "days", "90", "rules", "nonsense"},
		"others' roles":  {"name", "x", "days", "90", "roles", "owner"},
	} {
		if a := b.submit("/account/tokens/make", pairs...); a.StatusCode != 422 || shownToken.MatchString(a.body) ||
			!strings.Contains(a.body, `aria-invalid="true"`) {
			t.Errorf("%s: %d\n%s", name, a.StatusCode, a.body)
		}
	}
	a := b.submit("/account/tokens/make", "name", "Backup <b>", "days", "30", "rules", "GET /api", "roles", "user")
	found := shownToken.FindStringSubmatch(a.body)
	if a.StatusCode != 200 || found == nil || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
		t.Fatalf("made: %d %q\n%s", a.StatusCode, a.Header.Get("Cache-Control"), a.body)
	}
	v, err := c.store.LookupToken(t.Context(), session.Asking{}, secret.APIToken(found[1]))
	if err != nil || v.Grant.Rules != "GET /api" || strings.Join(v.User.Roles, " ") != "user" {
		t.Errorf("it opens %+v, %v", v, err)
	}
	page := b.get("/account").body
	id := tokenID.FindStringSubmatch(page)
	if id == nil || strings.Contains(page, found[1]) || !strings.Contains(page, found[1][:8]+"…") ||
		!strings.Contains(page, "Backup &lt;b&gt;") || !strings.Contains(page, "GET /api") ||
		!strings.Contains(page, `name="tokens"`) && strings.Contains(page, "end-others") {
		t.Fatalf("the account page has\n%s", page)
	}
	grace := c.browser(t)
	grace.submit("/signup", "email", "grace@example.com", "password", password, "remember", "on")
	grace.submit("/account/tokens/revoke", "id", id[1])
	if _, err := c.store.LookupToken(t.Context(), session.Asking{}, secret.APIToken(found[1])); err != nil {
		t.Errorf("somebody else has revoked it: %v", err)
	}
	b.mustLand("revoke", b.submit("/account/tokens/revoke", "id", id[1]), "/account")
	if _, err := c.store.LookupToken(t.Context(), session.Asking{}, secret.APIToken(found[1])); err == nil {
		t.Error("it goes on")
	}
	if page := b.get("/account").body; tokenID.MatchString(page) || !strings.Contains(page, "The API token is revoked") {
		t.Errorf("afterwards the account page has\n%s", page)
	}
	if a := b.submit("/account/tokens/make", "name", "Narrow", "days", "30", "roles", ""); a.StatusCode != 200 ||
		!strings.Contains(b.get("/account").body, "No roles") {
		t.Errorf("a token without roles looks like one with all: %d\n%s", a.StatusCode, b.get("/account").body)
	}
}

// A form that is sent twice makes one token, which both answers show. Another form, or other words in it, makes another
// one.
func TestATokenFormSentTwiceMakesOne(t *testing.T) {
	t.Parallel()
	c := newIDDesk(t, withTokens)
	b := c.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	if a := b.get("/account/tokens/make"); !strings.Contains(a.body, `name="once"`) {
		t.Fatalf("the form is not known\n%s", a.body)
	}
	send := func(pairs ...string) string {
		a := b.submit("/account/tokens/make", append([]string{"name", "x", "roles", "user"}, pairs...)...)
		if found := shownToken.FindStringSubmatch(a.body); found != nil {
			return found[1]
		}
		t.Fatalf("%q: %d\n%s", pairs, a.StatusCode, a.body)
		return ""
	}
	first := send("days", "90", "once", "a")
	if again := send("days", "90", "once", "a"); again != first || c.count(t, "api_token") != 1 {
		t.Errorf("sent twice it made %d", c.count(t, "api_token"))
	}
	others := []string{send("days", "30", "once", "a"), send("days", "90", "once", "b")}
	if slices.Contains(others, first) || c.count(t, "api_token") != 3 {
		t.Errorf("three forms made %d", c.count(t, "api_token"))
	}
	grace := c.browser(t)
	grace.submit("/signup", "email", "grace@example.com", "password", password, "remember", "on")
	a := grace.submit("/account/tokens/make", "name", "x", "roles", "user", "days", "90", "once", "a")
	if strings.Contains(a.body, first) {
		t.Error("somebody else sees it")
	}
	b.submit("/logout")
	if a := b.submit("/account/tokens/make", "name", "x", "roles", "user", "days", "90", "once", "a"); strings.Contains(
		a.body, first) {
		t.Error("it is shown after the logout")
	}
}

// Who was proved too long ago is asked again, and who has a second factor for that one.
func TestATokenTakesAFreshProofOnThePage(t *testing.T) {
	t.Parallel()
	c := newCareful(t, withTokens)
	b := c.b
	c.exec(t, `UPDATE gatepost.session SET second_at = now() - interval '1 hour', proved_at = now() - interval '1 hour'`)
	for _, path := range []string{"/account/tokens", "/account/tokens/make"} {
		if a := b.submit(path, "name", "x", "days", "90"); a.StatusCode != 303 ||
			!strings.HasPrefix(a.Header.Get("Location"), "/account/confirm?next=") {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.Header.Get("Location"))
		}
	}
	if c.count(t, "api_token") != 0 {
		t.Error("one was made")
	}
	d := newIDDesk(t, withTokens)
	b = d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	d.exec(t, `UPDATE gatepost.session SET proved_at = now() - interval '1 hour'`)
	for _, path := range []string{"/account/tokens", "/account/tokens/make"} {
		if a := b.submit(path, "name", "x", "days", "90"); a.StatusCode != 403 || shownToken.MatchString(a.body) ||
			!strings.Contains(a.body, `type="password"`) {
			t.Errorf("%s: %d\n%s", path, a.StatusCode, a.body)
		}
	}
	b.mustLand("with the password", b.submit("/account/tokens", "password", password), "/account/tokens/make")
}

// Where no path takes tokens, none is made. What there is can be seen and revoked all the same.
func TestWhereNoTokensAreTakenNoneIsMade(t *testing.T) {
	t.Parallel()
	c := newIDDesk(t)
	b := c.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	if a := b.get("/account"); strings.Contains(a.body, "/account/tokens") {
		t.Error("the account page offers one")
	}
	if a := b.submit("/account/tokens/make", "name", "x", "days", "90"); a.StatusCode != 404 {
		t.Errorf("made: %d", a.StatusCode)
	}
	c.exec(t, `INSERT INTO gatepost.api_token (id, token, user_id, name)
		SELECT 'one', 'x', id, 'old' FROM gatepost."user"`)
	if a := b.get("/account"); !tokenID.MatchString(a.body) || strings.Contains(a.body, `action="/account/tokens"`) {
		t.Errorf("the account page has\n%s", a.body)
	}
	b.mustLand("revoke", b.submit("/account/tokens/revoke", "id", "one"), "/account")
}

// The mails name the token by how it begins, and say where it is revoked.
func TestTheMailsAboutTokens(t *testing.T) {
	t.Parallel()
	ui := newIDDesk(t, withTokens).ui
	for _, kind := range []mail.Kind{mail.TokenNew, mail.TokenEnds} {
		l, err := ui.Compose(mail.Mail{Kind: kind, To: "ada@example.com", Facts: mail.Facts{Token: "gpt_3xAm"}})
		if err != nil || !strings.Contains(l.Text, "gpt_3xAm…") || !strings.Contains(l.Text, "/account") {
			t.Errorf("%s: %v\n%s", kind, err, l.Text)
		}
		if l, _, err := ui.SampleLetter(string(kind), "en"); err != nil || !strings.Contains(l.Text, "Valid until: ") {
			t.Errorf("the sample of %s: %v\n%s", kind, err, l.Text)
		}
	}
}
