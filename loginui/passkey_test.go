package loginui_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
)

// atSite gives a desk passkeys.
func atSite(s *setting) { s.Options.PublicURL = &url.URL{Scheme: "http", Host: "localhost:8080"} }

// ask is what the script is told to ask the browser.
func (b *browser) ask(purpose string) answer {
	b.t.Helper()
	return b.do("POST", "/.gatepost/passkey", form("for", purpose), "Accept: application/json")
}

// withPasskey is a browser that has signed up and added a passkey.
func withPasskey(t *testing.T, change ...func(*setting)) (*idDesk, *browser, *passkeytest.Authenticator) {
	t.Helper()
	d := newIDDesk(t, append([]func(*setting){atSite}, change...)...)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
	b.mustLand("the account page leads on", b.submit("/account/passkeys"), "/account/passkeys/add")
	a := passkeytest.New("http://localhost:8080")
	asked := b.ask("add")
	if asked.StatusCode != 200 {
		t.Fatalf("%d %s", asked.StatusCode, asked.body)
	}
	page := b.submit("/account/passkeys/add", "name", "Blue <key>", "answer", string(a.Create(t, []byte(asked.body))))
	if page.StatusCode != 200 || len(regexp.MustCompile(`<li><code>`).FindAllString(page.body, -1)) != 10 ||
		!strings.Contains(page.body, "in place of a passkey or a code") {
		t.Fatalf("recovery codes: %d\n%s", page.StatusCode, page.body)
	}
	return d, b, a
}

// A passkey is added on the account page, signs in from the login page, is renamed and removed.
func TestPasskeysOnThePages(t *testing.T) {
	t.Parallel()
	d, b, a := withPasskey(t)
	page := b.get("/account")
	for _, want := range []string{"Your passkey is added.", "Blue &lt;key&gt;", "on one device", "never used"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the account page has no %q\n%s", want, page.body)
		}
	}
	add := b.get("/account/passkeys/add").body
	if at := strings.Index(add, ">Cancel</a>"); at < strings.Index(add, "<span>Add the passkey</span>") {
		t.Error("the way back is there before the form, or not at all")
	}
	id := regexp.MustCompile(`passkeys/remove\?id=(\w+)`).FindStringSubmatch(page.body)[1]

	v := d.browser(t)
	login := v.get("/login?next=%2Fdashboard")
	for _, want := range []string{`autocomplete="username webauthn"`, `data-passkey="sign-in"`, `action="/login/passkey"`,
		`hidden data-passkey`, "<noscript>"} {
		if !strings.Contains(login.body, want) {
			t.Errorf("the login has no %s", want)
		}
	}
	policy := login.Header.Get("Content-Security-Policy")
	if !regexp.MustCompile(`script-src \S+/script-\w+\.js \S+/passkey-\w+\.js; `).MatchString(policy) ||
		!strings.HasSuffix(policy, "; connect-src http://localhost:8080/.gatepost/passkey") {
		t.Errorf("the policy is %s", policy)
	}
	if n := d.count(t, "passkey_challenge"); n != 0 {
		t.Errorf("a page made %d challenges", n)
	}
	answer := string(a.Get(t, []byte(v.ask("sign-in").body)))
	v.mustLand("a passkey", v.submit("/login/passkey", "answer", answer, "next", "/dashboard", "remember", "on"),
		"/dashboard")
	again := d.browser(t)
	again.cookies["gatepost_8080_passkey"] = v.cookies["gatepost_8080_passkey"]
	if r := again.submit("/login/passkey", "answer", answer); r.StatusCode != 409 ||
		!strings.Contains(r.body, "took too long") || !strings.Contains(r.body, `data-passkey="sign-in"`) {
		t.Errorf("again: %d\n%s", r.StatusCode, r.body)
	}

	v.mustLand("another name", v.submit("/account/passkeys/rename", "id", id, "name", "Mine"), "/account")
	if page := v.get("/account"); !strings.Contains(page.body, "<bdi>Mine</bdi>") {
		t.Error("it has its old name")
	}
	if r := v.submit("/account/passkeys/rename", "id", id, "name", strings.Repeat("x", 200)); r.StatusCode != 422 {
		t.Errorf("a long name: %d", r.StatusCode)
	}
	v.mustLand("nobody's", v.submit("/account/passkeys/remove", "id", "nobody's"), "/account")
	v.mustLand("removed", v.submit("/account/passkeys/remove", "id", id), "/account")
	if d.count(t, "passkey") != 0 {
		t.Error("it is there")
	}
}

// After a password the passkey is asked for, on the page of the second step.
func TestAPasskeyIsTheSecondStep(t *testing.T) {
	t.Parallel()
	d, _, a := withPasskey(t)
	v := d.browser(t)
	r := v.submit("/login", "email", "ada@example.com", "password", password, "next", "/dashboard")
	v.mustLand("the password", r, "/login/code?next=%2Fdashboard")
	if page := v.get("/login/code?next=%2Fdashboard"); !strings.Contains(page.body, `data-passkey="second-factor"`) ||
		strings.Contains(page.body, `name="code"`) || !strings.Contains(page.body, "with=recovery") {
		t.Errorf("the second step has no passkey\n%s", page.body)
	}
	v.closed("before the passkey")
	a.Unsure = true // it need not know who it is
	a.Origin = "https://evil.example"
	wrong := v.submit("/login/passkey", "answer", string(a.Get(t, []byte(v.ask("second-factor").body))))
	if wrong.StatusCode != 401 || !strings.Contains(wrong.body, `data-passkey="second-factor"`) {
		t.Errorf("another origin: %d\n%s", wrong.StatusCode, wrong.body)
	}
	a.Origin = "http://localhost:8080"
	v.mustLand("the passkey", v.submit("/login/passkey", "answer",
		string(a.Get(t, []byte(v.ask("second-factor").body))), "next", "/dashboard"), "/dashboard")
}

// Who was proved long ago proves a passkey, and goes on; the stale second factor is somebody else's page.
func TestAPasskeyConfirms(t *testing.T) {
	t.Parallel()
	d, b, a := withPasskey(t)
	d.exec(t, `UPDATE gatepost.session SET proved_at = now() - interval '1 hour', second_at = now() - interval '1 hour'`)
	id := regexp.MustCompile(`passkeys/remove\?id=(\w+)`).FindStringSubmatch(b.get("/account").body)[1]
	b.mustLand("remove", b.submit("/account/passkeys/remove", "id", id),
		"/account/confirm?next=%2Faccount%2Fpasskeys%2Fremove%3Fid%3D"+id)
	page := b.do("POST", "/account/export", "", "Sec-Fetch-Mode: navigate")
	if page.StatusCode != 403 || !strings.Contains(page.body, `data-passkey="confirm"`) {
		t.Errorf("%d\n%s", page.StatusCode, page.body)
	}
	b.mustLand("the passkey", b.submit("/account/passkeys/confirm", "answer",
		string(a.Get(t, []byte(b.ask("confirm").body))), "next", "/account/passkeys/remove?id="+id),
		"/account/passkeys/remove?id="+id)
	b.mustLand("remove", b.submit("/account/passkeys/remove", "id", id), "/account")
}

// Nothing that a client sends makes an error of the server.
func TestMalformedPasskeysAreRefused(t *testing.T) {
	t.Parallel()
	d, b, _ := withPasskey(t)
	for _, body := range []string{"", "{", "null", "[]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`,
		strings.Repeat("[", 60000), "\xff"} {
		for _, path := range []string{"/login/passkey", "/account/passkeys/add", "/account/passkeys/confirm"} {
			if r := b.submit(path, "answer", body); r.StatusCode < 400 || r.StatusCode >= 500 {
				t.Errorf("%s %.20q: %d", path, body, r.StatusCode)
			}
		}
	}
	if r := b.submit("/login/passkey", "answer", strings.Repeat("x", 100_000)); r.StatusCode != 413 {
		t.Errorf("a huge answer: %d", r.StatusCode)
	}
	for _, purpose := range []string{"", "other", "second-factor"} {
		if r := b.ask(purpose); r.StatusCode < 400 || r.StatusCode >= 500 {
			t.Errorf("for %q: %d %s", purpose, r.StatusCode, r.body)
		}
	}
	if r := d.browser(t).ask("add"); r.StatusCode != 401 {
		t.Errorf("signed out: %d %s", r.StatusCode, r.body)
	}
	r := b.do("POST", "/.gatepost/passkey", form("for", "sign-in"), "Origin: https://evil.example")
	if r.StatusCode != 403 {
		t.Errorf("from another site: %d", r.StatusCode)
	}
}

// Where browsers make no passkeys, nothing speaks of them.
func TestASiteWithoutPasskeys(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.browser(t)
	if page := b.get("/login"); strings.Contains(page.body, "passkey") || strings.Contains(page.body, "webauthn") {
		t.Error("the login speaks of them")
	}
	if r := b.ask("sign-in"); r.StatusCode != 404 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := b.submit("/login/passkey", "answer", "{}"); r.StatusCode >= 500 || r.StatusCode < 400 {
		t.Errorf("%d", r.StatusCode)
	}
}

// Whoever proves a passkey, or changes their factors, too often is told how long to wait, on each page.
func TestFactorsThatAreChangedTooOften(t *testing.T) {
	t.Parallel()
	d, b, a := withPasskey(t, withKeys)
	id := regexp.MustCompile(`passkeys/remove\?id=(\w+)`).FindStringSubmatch(b.get("/account").body)[1]
	enough := func() {
		t.Helper()
		d.exec(t, `UPDATE gatepost.throttle SET blocked_until = now() + interval '5 minutes',
			expires_at = now() + interval '1 hour'`)
	}
	answer := func(purpose string) string { return string(a.Get(t, []byte(b.ask(purpose).body))) }
	b.submit("/account/passkeys/confirm", "answer", answer("confirm"))
	b.submit("/account/passkeys/rename", "id", id, "name", "Mine")
	enough()
	another := passkeytest.New("http://localhost:8080")
	for path, pairs := range map[string][]string{
		"/account/passkeys/confirm": {"answer", answer("confirm")},
		"/account/passkeys/rename":  {"id", id, "name", "Mine"},
		"/account/passkeys/add":     {"answer", string(another.Create(t, []byte(b.ask("add").body)))},
		"/account/recovery":         {},
	} {
		r := b.do("POST", path, form(pairs...), "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate")
		if r.StatusCode != 429 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.body, "5 minutes") {
			t.Errorf("%s: %d %q\n%s", path, r.StatusCode, r.Header.Get("Retry-After"), r.body)
		}
	}
	r := b.do("POST", "/login/passkey", form("answer", answer("sign-in")), "Sec-Fetch-Mode: navigate")
	if r.StatusCode != 429 || !strings.Contains(r.body, "5 minutes") {
		t.Errorf("the login: %d\n%s", r.StatusCode, r.body)
	}
}
