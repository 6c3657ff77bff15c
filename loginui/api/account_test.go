package api_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
)

// signedInOnly are the endpoints that need a session, with a body that is good otherwise.
var signedInOnly = map[string][]any{
	"/revoke-session": {"token", "x"}, "/revoke-sessions": {}, "/revoke-other-sessions": {},
	"/change-password": {"currentPassword", password, "newPassword", another}, "/verify-password": {"password", password},
	"/update-user": {"name", "Eve"}, "/delete-user": {"password", password}, "/unlink-account": {"accountId", "x"},
	"/change-email": {"newEmail", "eve@example.org", "password", password}, "/link-social": {"provider", "demo"},
}

func TestWhoIsSignedOutIsToldSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	d.signUp(t, "ada@example.com")
	for _, cookie := range []string{"", "nonsense", strings.Repeat("A", 43), "A; gatepost_8080=B"} {
		headers := []string{"Cookie: gatepost_8080=" + cookie}
		for path, pairs := range signedInOnly {
			d.do(t, "POST", "/api/auth"+path, object(pairs...), headers...).must(t, path, 401, "UNAUTHORIZED")
		}
		d.do(t, "POST", "/api/auth/update-user", `{}`, headers...).must(t, "nothing to update", 401, "UNAUTHORIZED")
		d.do(t, "POST", "/api/auth/delete-user", `{"token":"x"}`, headers...).must(t, "a token", 401, "UNAUTHORIZED")
		for _, path := range []string{"/list-sessions", "/list-accounts"} {
			d.do(t, "GET", "/api/auth"+path, "", headers...).must(t, path, 401, "UNAUTHORIZED")
		}
		if a := d.do(t, "GET", "/api/auth/get-session", "", headers...); a.StatusCode != 200 || a.body != "null" {
			t.Errorf("get-session: %d %s", a.StatusCode, a.body)
		}
	}
}

func TestSessionsAreListedAndEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	stranger := d.signUp(t, "bob@example.com")
	first := d.signUp(t, "ada@example.com")
	second, third := d.signIn(t, "ada@example.com", password), d.signIn(t, "ada@example.com", password)
	a := first.get("/list-sessions")
	list, _ := a.json.([]any)
	if len(list) != 3 || list[0].(map[string]any)["token"] != first.session() ||
		strings.Contains(a.body, second.cookies["gatepost_8080"]) {
		t.Fatalf("got %s", a.body)
	}
	for _, key := range []string{"id", "userId", "token", "expiresAt", "createdAt", "updatedAt", "ipAddress",
		"userAgent"} {
		if list[1].(map[string]any)[key] == nil {
			t.Errorf("no %s in %s", key, a.body)
		}
	}
	for _, token := range []string{"unknown", "a\u0000b", stranger.session(), second.cookies["gatepost_8080"]} {
		if a := first.post("/revoke-session", "token", token); a.body != `{"status":true}` {
			t.Errorf("%q: %d %s", token, a.StatusCode, a.body)
		}
	}
	if stranger.session() == "" || second.session() == "" {
		t.Error("a session ended that was not named")
	}
	first.post("/revoke-session", "token", second.session()).must(t, "revoke", 200, "")
	if second.session() != "" || third.session() == "" {
		t.Error("not the session that was named ended")
	}
	first.post("/revoke-other-sessions").must(t, "others", 200, "")
	if third.session() != "" || first.session() == "" {
		t.Error("not the others ended")
	}
	fourth := d.signIn(t, "ada@example.com", password)
	if a := first.post("/revoke-sessions"); a.body != `{"status":true}` || first.cookies["gatepost_8080"] != "" ||
		fourth.session() != "" || stranger.session() == "" {
		t.Errorf("all: %s", a.body)
	}
}

// What ends sessions or changes how to get in needs a recent proof, which verify-password gives.
func TestAnOldSessionHasToBeProvedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withProvider)
	b := d.signUp(t, "ada@example.com")
	d.settle(t)
	own := b.session()
	for path, pairs := range map[string][]any{"/revoke-session": {"token", own}, "/revoke-sessions": {},
		"/revoke-other-sessions": {}, "/link-social": {"provider", "demo"}} {
		b.post(path, pairs...).must(t, path, 403, "SESSION_NOT_FRESH")
	}
	b.get("/list-sessions").must(t, "list", 200, "")
	old := b.cookies["gatepost_8080"]
	b.post("/verify-password", "password", "wrong").must(t, "wrong", 400, "INVALID_PASSWORD")
	b.post("/verify-password", "password", "").must(t, "none", 400, "INVALID_PASSWORD")
	b.post("/verify-password", "password", password).must(t, "right", 200, "")
	if b.cookies["gatepost_8080"] == old || b.session() != own {
		t.Error("the token is the same, or the session is not")
	}
	b.post("/revoke-other-sessions").must(t, "proved", 200, "")
}

func TestANewPassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.signUp(t, "ada@example.com")
	other := d.signIn(t, "ada@example.com", password)
	for _, c := range []struct {
		current, chosen string
		code            string
	}{
		{"wrong", another, "INVALID_PASSWORD"}, {"", another, "INVALID_PASSWORD"}, {password, "short", "PASSWORD_TOO_SHORT"},
		{password, "", "PASSWORD_TOO_SHORT"}, {password, strings.Repeat("x", 9_999), "PASSWORD_TOO_LONG"},
		{password, "password1234", "PASSWORD_COMPROMISED"}, {password, password, "PASSWORD_UNCHANGED"},
	} {
		b.post("/change-password", "currentPassword", c.current, "newPassword", c.chosen).
			must(t, c.current+" to "+c.chosen[:min(9, len(c.chosen))], 400, c.code)
	}
	if other.session() == "" {
		t.Fatal("a refusal ended a session")
	}
	a := b.post("/change-password", "currentPassword", password, "newPassword", another, "revokeOtherSessions", false)
	if a.StatusCode != 200 || a.field("token") != b.session() || a.field("user.email") != "ada@example.com" {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if other.session() != "" {
		t.Error("another session goes on")
	}
	d.signIn(t, "ada@example.com", another)
}

func TestAProfile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.signUp(t, "ada@example.com")
	for _, c := range []struct {
		body   string
		status int
		code   string
	}{
		{`{"name":"Lovelace","image":"https://cdn.example.com/a.png","role":"admin"}`, 200, ""},
		{`{"image":"/b.png"}`, 200, ""}, {`{"name":""}`, 200, ""}, {`{}`, 400, ""}, {`{"role":"admin"}`, 400, ""},
		{``, 400, ""},
		{`{"email":"x@example.com"}`, 400, "EMAIL_CAN_NOT_BE_UPDATED"}, {`{"name":5}`, 400, "VALIDATION_ERROR"},
		{`{"name":null}`, 400, "VALIDATION_ERROR"}, {`{"image":7}`, 400, "VALIDATION_ERROR"},
		{`{"image":"javascript:x"}`, 400, "VALIDATION_ERROR"}, {`{"name":"a\u0007"}`, 400, "VALIDATION_ERROR"},
	} {
		b.do("POST", "/api/auth/update-user", c.body).must(t, c.body, c.status, c.code)
	}
	a := b.get("/get-session")
	if a.field("user.name") != "" || a.field("user.image") != "/b.png" || a.field("user.role") != "user" ||
		a.field("user.email") != "ada@example.com" {
		t.Errorf("got %s", a.body)
	}
	b.do("POST", "/api/auth/update-user", `{"image":null}`).must(t, "no picture", 200, "")
	if a := b.get("/get-session"); a.field("user.image") != nil {
		t.Errorf("got %s", a.body)
	}
}

func TestANewAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	d.signUp(t, "bob@example.com")
	b := d.signUp(t, "ada@example.com")
	for _, c := range []struct {
		to, password string
		code         string
	}{
		{"ada@example.org", "wrong", "INVALID_PASSWORD"}, {"ada@example.com", password, ""},
		{"nonsense", password, "VALIDATION_ERROR"}, {"a%b@example.org", password, "INVALID_EMAIL"},
	} {
		b.post("/change-email", "newEmail", c.to, "password", c.password).must(t, c.to, 400, c.code)
	}
	b.post("/change-email", "newEmail", "ada@example.org").must(t, "without the password", 400, "INVALID_PASSWORD")
	own, old := b.session(), b.cookies["gatepost_8080"]
	for _, to := range []string{"ada@example.org", "bob@example.com"} {
		if a := b.post("/change-email", "newEmail", to, "password", password, "callbackURL", "/x"); a.StatusCode != 200 ||
			a.body != `{"status":true}` {
			t.Errorf("%s: %d %s", to, a.StatusCode, a.body)
		}
	}
	if b.session() != own || b.cookies["gatepost_8080"] == old {
		t.Error("the session is another, or has its token from before")
	}
	if m := d.letter(t, mail.Change); m.To != "ada@example.org" {
		t.Errorf("the mail went to %s", m.To)
	}
	if a := b.get("/get-session"); a.field("user.email") != "ada@example.com" {
		t.Errorf("changed without the link: %s", a.body)
	}
}

func TestAnAccountIsDeleted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b, bob := d.signUp(t, "ada@example.com"), d.signUp(t, "bob@example.com")
	other := d.signIn(t, "ada@example.com", password)
	b.post("/delete-user").must(t, "without the password", 400, "INVALID_PASSWORD")
	b.post("/delete-user", "password", "wrong").must(t, "a wrong one", 400, "INVALID_PASSWORD")
	b.post("/delete-user", "token", "x", "password", password).must(t, "by a token", 404, "INVALID_TOKEN")
	if b.session() == "" {
		t.Fatal("deleted all the same")
	}
	a := b.post("/delete-user", "password", password, "callbackURL", "/bye")
	if a.body != `{"success":true,"message":"User deleted"}` || b.cookies["gatepost_8080"] != "" ||
		other.session() != "" || bob.session() == "" {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}

// Whoever has no password needs a session that was proved recently.
func TestAnAccountWithoutAPassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withProvider, withMail)
	b := d.browser(t)
	b.enter("/home")
	for _, path := range []string{"/change-password", "/verify-password"} {
		b.post(path, "currentPassword", password, "newPassword", another, "password", password).
			must(t, path, 400, "CREDENTIAL_ACCOUNT_NOT_FOUND")
	}
	accounts := b.get("/list-accounts")
	list := accounts.json.([]any)
	if len(list) != 1 {
		t.Fatalf("got %s", accounts.body)
	}
	b.post("/unlink-account", "accountId", list[0].(map[string]any)["id"]).
		must(t, "the last way in", 400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
	d.settle(t)
	b.post("/change-email", "newEmail", "new@example.org").must(t, "another address", 403, "SESSION_NOT_FRESH")
	b.post("/delete-user").must(t, "delete", 400, "SESSION_EXPIRED")
	if _, err := d.db.Exec(t.Context(), `UPDATE gatepost.session SET proved_at = now()`); err != nil {
		t.Fatal(err)
	}
	b.post("/delete-user").must(t, "delete", 200, "")
}
