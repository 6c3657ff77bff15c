package loginui_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// The token before a proof, which another tab sends that was under way, shows what the account has and does nothing.
// Its answer clears no cookie: that of the browser is the new one by then.
func TestTheTokenBeforeAProofReadsTheAccount(t *testing.T) {
	t.Parallel()
	c := newCareful(t, needing, atSite, withMail)
	before := string(c.b.token())
	c.b.mustLand("a proof", c.b.submit("/account/confirm", "code", c.code(t), "next", "/vault"), "/vault")
	after := string(c.b.token())
	if after == before {
		t.Fatal("the token is the one before")
	}
	tab := c.browser(t)
	same := func(what string, a answer) {
		t.Helper()
		for _, set := range a.Header.Values("Set-Cookie") {
			if strings.HasPrefix(set, "gatepost_8080=") {
				t.Errorf("%s sets %q", what, set)
			}
		}
		tab.cookies["gatepost_8080"] = before
	}
	tab.cookies["gatepost_8080"] = before
	for _, page := range []string{"/account", "/account/confirm?next=%2Fvault", "/account/recovery", "/account/app/remove",
		"/account/password", "/account/email", "/account/delete"} {
		a := tab.get(page)
		if a.StatusCode != 200 {
			t.Errorf("%s is %d %q", page, a.StatusCode, a.Header.Get("Location"))
		}
		same(page, a)
	}
	if a := tab.get("/api/auth/passkey/list-user-passkeys"); a.StatusCode != 200 {
		t.Errorf("the list of passkeys is %d %s", a.StatusCode, a.body)
	}
	if _, err := c.store.BeginApp(t.Context(), c.b.token()); err != nil {
		t.Fatal(err)
	}
	a := tab.get("/account/app")
	if strings.Contains(a.body, `class="qr"`) {
		t.Error("the key of an app is shown")
	}
	tab.mustLand("the key of an app", a, "/account")
	for _, deed := range []string{"/account/recovery", "/account/app/remove", "/account/sessions/end-others",
		"/account/app", "/account/passkeys", "/account/trusted/end"} {
		a := tab.submit(deed)
		if a.StatusCode == 200 || strings.HasSuffix(a.Header.Get("Location"), "/account") {
			t.Errorf("%s is done: %d %q", deed, a.StatusCode, a.Header.Get("Location"))
		}
		same(deed, a)
	}
	if c.count(t, "totp") != 1 || c.count(t, "recovery_code") != 10 {
		t.Error("something was done")
	}
	tab.cookies["gatepost_8080"] = string(secret.NewToken())
	if a := tab.get("/account"); a.StatusCode != 303 || !strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("a token of nothing gets %d %q", a.StatusCode, a.Header.Get("Set-Cookie"))
	}
	tab.cookies["gatepost_8080"] = after
	if a := tab.get("/account"); a.StatusCode != 200 {
		t.Errorf("the new token gets %d", a.StatusCode)
	}
}
