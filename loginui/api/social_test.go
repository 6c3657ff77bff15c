package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/provider/providertest"
)

// enter signs in at the provider, and comes back to a page.
func (b *browser) enter(page string) {
	b.t.Helper()
	a := b.post("/sign-in/social", "provider", "demo", "callbackURL", page)
	address, _ := a.field("url").(string)
	if a.StatusCode != 200 || a.field("redirect") != true || a.Header.Get("Location") != address {
		b.t.Fatalf("got %d %s %v", a.StatusCode, a.body, a.Header)
	}
	b.comeBack(address, page)
}

func (b *browser) comeBack(address, page string) {
	b.t.Helper()
	back := b.do("GET", "/api/auth/callback/demo?"+b.d.id.Authorize(b.t, address).Encode(), "",
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Accept: text/html")
	if back.StatusCode != 303 || back.Header.Get("Location") != page {
		b.t.Fatalf("the callback: %d %v %s", back.StatusCode, back.Header, back.body)
	}
}

func TestSignInAtAProvider(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withProvider)
	b := d.browser(t)
	b.enter("/dashboard?tab=2")
	if a := b.get("/list-accounts"); !strings.Contains(a.body, `"providerId":"demo"`) || len(a.json.([]any)) != 1 ||
		!strings.Contains(a.body, `"scopes":["openid","email","profile"]`) {
		t.Errorf("got %s", a.body)
	}
	a := d.browser(t).post("/sign-in/social", "provider", "demo", "disableRedirect", true)
	if a.field("redirect") != false || a.Header.Get("Location") != "" || a.field("url") == nil {
		t.Errorf("got %s %v", a.body, a.Header)
	}
	d.browser(t).post("/sign-in/social", "provider", "nobody").must(t, "unknown", 404, "PROVIDER_NOT_FOUND")
	d.browser(t).do("POST", "/api/auth/sign-in/social", `{"provider":"demo","idToken":{"token":"x"}}`).
		must(t, "an ID token", 404, "ID_TOKEN_NOT_SUPPORTED")
	for field, code := range map[string]string{"callbackURL": "INVALID_CALLBACK_URL",
		"errorCallbackURL": "INVALID_ERROR_CALLBACK_URL", "newUserCallbackURL": "INVALID_NEW_USER_CALLBACK_URL"} {
		b.post("/sign-in/social", "provider", "demo", field, "https://evil.example/").must(t, field, 403, code)
	}
	newDesk(t).browser(t).post("/sign-in/social", "provider", "demo").must(t, "none", 404, "PROVIDER_NOT_FOUND")
}

func TestAProviderThatIsAwayIsNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withProvider)
	d.id.Stop()
	a := d.browser(t).post("/sign-in/social", "provider", "demo")
	if a.must(t, "away", 503, "PROVIDER_UNAVAILABLE"); a.Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", a.Header)
	}
	set := newDesk(t, withProvider)
	set.id.Misbehave(providertest.Metadata("issuer", "https://other.example"))
	a = set.browser(t).post("/sign-in/social", "provider", "demo")
	if a.must(t, "not set up", 424, "PROVIDER_MISCONFIGURED"); a.Header.Get("Retry-After") != "" {
		t.Errorf("try again: %v", a.Header)
	}
}

func TestAProviderIsLinkedAndUnlinked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withProvider)
	b := d.signUp(t, "grace@example.com")
	link := func() (row, subject string) {
		t.Helper()
		a := b.post("/link-social", "provider", "demo", "callbackURL", "/settings")
		b.comeBack(a.field("url").(string), "/settings")
		for _, one := range b.get("/list-accounts").json.([]any) {
			if m := one.(map[string]any); m["providerId"] == "demo" {
				return m["id"].(string), m["accountId"].(string)
			}
		}
		t.Fatal("it is not linked")
		return "", ""
	}
	row, subject := link()
	accounts := b.get("/list-accounts")
	if list := accounts.json.([]any); len(list) != 2 || list[0].(map[string]any)["providerId"] != "credential" ||
		list[0].(map[string]any)["accountId"] != b.get("/get-session").field("user.id") ||
		!strings.Contains(accounts.body, `"scopes":[]`) ||
		!strings.Contains(accounts.body, `"scopes":["openid","email","profile"]`) {
		t.Errorf("got %s", accounts.body)
	}
	password := accounts.json.([]any)[0].(map[string]any)["id"].(string)
	for _, body := range []string{object("accountId", "unknown"), object("accountId", password),
		object("providerId", "credential"), object("providerId", "demo", "accountId", "unknown"),
		object("accountId", "a\u0000")} {
		b.do("POST", "/api/auth/unlink-account", body).must(t, body, 400, "ACCOUNT_NOT_FOUND")
	}
	b.post("/unlink-account").must(t, "nothing", 400, "VALIDATION_ERROR")
	d.settle(t)
	b.post("/unlink-account", "accountId", row).must(t, "an old session", 403, "SESSION_NOT_FRESH")
	b.post("/verify-password", "password", "correct horse battery").must(t, "prove", 200, "")
	for _, body := range []string{object("accountId", row), object("providerId", "demo"),
		object("providerId", "demo", "accountId", subject)} {
		b.do("POST", "/api/auth/unlink-account", body).must(t, body, 200, "")
		if a := b.get("/list-accounts"); len(a.json.([]any)) != 1 {
			t.Errorf("%s: it is still there: %s", body, a.body)
		}
		row, _ = link()
	}
	other := d.signUp(t, "heidi@example.com")
	other.post("/unlink-account", "accountId", row).must(t, "another's", 400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
	if a := b.get("/list-accounts"); len(a.json.([]any)) != 2 {
		t.Errorf("a stranger has unlinked it: %s", a.body)
	}
}

// Somebody who did not come by the gate is told so on a page that repeats nothing of the address.
func TestTheErrorPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.browser(t).get("/error?error="+url.QueryEscape("<script>alert(1)</script>"), "Accept: text/html")
	if a.StatusCode != 200 || strings.Contains(a.body, "alert") || !strings.Contains(a.body, `href="/login"`) {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}
