package api_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
)

func atSite(s *setting) { s.Options.PublicURL = &url.URL{Scheme: "http", Host: "localhost:8080"} }

// The plugin of the client adds a passkey, signs in by it, alone and after a password, renames and removes it.
func TestPasskeysByTheProtocol(t *testing.T) {
	t.Parallel()
	d := newDesk(t, atSite)
	b, key := d.signUp(t, "ada@example.com"), passkeytest.New("http://localhost:8080")
	d.browser(t).get("/passkey/generate-register-options").must(t, "signed out", 401, "UNAUTHORIZED")
	d.settle(t)
	b.get("/passkey/generate-register-options").must(t, "a stale session", 403, "SESSION_NOT_FRESH")
	b.post("/verify-password", "password", password).must(t, "the password", 200, "")
	asked := b.get("/passkey/generate-register-options?authenticatorAttachment=platform")
	if asked.must(t, "options", 200, ""); asked.field("rp.id") != "localhost" ||
		asked.field("authenticatorSelection.authenticatorAttachment") != "platform" ||
		asked.field("attestation") != "none" {
		t.Errorf("the options are %s", asked.body)
	}
	made := json.RawMessage(key.Create(t, []byte(asked.body)))
	a := b.post("/passkey/verify-registration", "response", made, "name", "My phone")
	if a.must(t, "add", 200, ""); a.field("name") != "My phone" || a.field("deviceType") != "singleDevice" ||
		len(a.field("backupCodes").([]any)) != 10 {
		t.Errorf("added: %s", a.body)
	}
	b.post("/passkey/verify-registration", "response", made).must(t, "again", 400, "CHALLENGE_NOT_FOUND")
	id, _ := a.field("id").(string)
	if list := b.get("/passkey/list-user-passkeys"); !strings.Contains(list.body, `"credentialID":"`) ||
		strings.Contains(list.body, "backupCodes") {
		t.Errorf("the list is %s", list.body)
	}
	b.post("/passkey/update-passkey", "id", id, "name", "Key").must(t, "rename", 200, "")
	b.post("/passkey/update-passkey", "id", "x", "name", "Key").must(t, "rename another's", 401, "PASSKEY_NOT_FOUND")

	sign := func(v *browser, from *browser) answer {
		options := v.get("/passkey/generate-authenticate-options")
		options.must(t, "options", 200, "")
		return from.post("/passkey/verify-authentication", "response", json.RawMessage(key.Get(t, []byte(options.body))))
	}
	v := d.browser(t)
	if a := sign(v, v); a.StatusCode != 200 || a.field("user.email") != "ada@example.com" || v.session() == "" {
		t.Errorf("signed in: %d %s", a.StatusCode, a.body)
	}
	sign(d.browser(t), v).must(t, "in another browser", 400, "CHALLENGE_NOT_FOUND")
	key.Unsure = true
	u := d.browser(t)
	sign(u, u).must(t, "not verified", 401, "USER_NOT_VERIFIED")
	half := u.post("/sign-in/email", "email", "ada@example.com", "password", password)
	if half.must(t, "the password", 200, ""); half.field("twoFactorRedirect") != true || u.session() != "" ||
		!strings.Contains(half.body, `"twoFactorMethods":["passkey"]`) {
		t.Errorf("half: %s", half.body)
	}
	if sign(u, u).must(t, "the second step", 200, ""); u.session() == "" {
		t.Error("no session after both")
	}
	u.post("/passkey/delete-passkey", "id", "x").must(t, "another's", 401, "PASSKEY_NOT_FOUND")
	u.post("/passkey/delete-passkey", "id", id).must(t, "remove", 200, "")
	if list := u.get("/passkey/list-user-passkeys"); strings.TrimSpace(list.body) != "[]" {
		t.Errorf("it is there: %s", list.body)
	}
	long := map[string]any{"id": strings.Repeat("A", 9000)}
	for _, response := range []any{nil, "x", 1, []string{}, map[string]any{}, long} {
		for _, path := range []string{"/passkey/verify-authentication", "/passkey/verify-registration"} {
			if a := u.post(path, "response", response); a.StatusCode < 400 || a.StatusCode >= 500 {
				t.Errorf("%s %v: %d", path, response, a.StatusCode)
			}
		}
	}
	newDesk(t).browser(t).get("/passkey/generate-authenticate-options").must(t, "no site", 400, "PASSKEYS_NOT_AVAILABLE")
}

// The page of another site makes no challenge, which would end those of others in the visitor's network.
func TestAnotherSiteBeginsNoCeremony(t *testing.T) {
	t.Parallel()
	b := newDesk(t, atSite).signUp(t, "ada@example.com")
	for _, path := range []string{"/passkey/generate-authenticate-options", "/passkey/generate-register-options"} {
		for what, headers := range map[string][]string{
			"an image":     {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"},
			"a script":     {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Origin: https://evil.example"},
			"a sub-domain": {"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"},
			"a page":       {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"},
		} {
			b.get(path, headers...).must(t, what+" asks "+path, 403, "INVALID_ORIGIN")
		}
		b.get(path, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors").must(t, path, 200, "")
	}
}
