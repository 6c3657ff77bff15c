package api_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/loginui"
)

var isDate = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

func TestSignUpSignInAndOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.browser(t)
	up := b.post("/sign-up/email", "name", "Ada", "email", "Ada@Example.com", "password", password, "role", "admin",
		"image", "https://cdn.example.com/a.png")
	up.must(t, "sign up", 200, "")
	if up.field("user.email") != "ada@example.com" || up.field("user.role") != "user" ||
		up.field("user.image") != "https://cdn.example.com/a.png" || up.field("user.emailVerified") != false ||
		!isDate.MatchString(up.field("user.createdAt").(string)) {
		t.Errorf("got %s", up.body)
	}
	got := b.get("/get-session")
	if got.field("session.token") != up.field("token") || got.field("session.id") != up.field("token") ||
		got.field("session.ipAddress") != "192.0.2.1" || got.field("session.userAgent") != "test/1" ||
		got.field("session.userId") != up.field("user.id") || got.Header.Get("Cache-Control") != "no-store" ||
		got.Header.Get("Content-Type") != "application/json; charset=utf-8" ||
		!isDate.MatchString(got.field("session.expiresAt").(string)) {
		t.Errorf("got %v %s", got.Header, got.body)
	}
	cookie := b.cookies["gatepost_8080"]
	if strings.Contains(up.body+got.body, cookie) || strings.Contains(up.body+got.body, "argon2") {
		t.Error("a secret is in an answer")
	}
	in := b.post("/sign-in/email", "email", "ADA@example.com", "password", password, "callbackURL", "/a?b=c d")
	in.must(t, "sign in", 200, "")
	if in.field("redirect") != true || in.field("url") != "/a?b=c%20d" || in.Header.Get("Location") != "/a?b=c%20d" ||
		in.field("user.name") != "Ada" || in.field("token") == up.field("token") || b.cookies["gatepost_8080"] == cookie {
		t.Errorf("got %v %s", in.Header, in.body)
	}
	if a := d.do(t, "GET", "/api/auth/get-session", "", "Cookie: gatepost_8080="+cookie); a.body != "null" ||
		a.Header.Get("Set-Cookie") != "" {
		t.Errorf("the session presented goes on, or its cookie is cleared: %s %v", a.body, a.Header)
	}
	plain := d.browser(t).post("/sign-in/email", "email", "ada@example.com", "password", password, "rememberMe", false)
	if plain.field("redirect") != false || plain.field("url") != nil || strings.Contains(sessionLine(plain), "Max-Age") {
		t.Errorf("without a page and not remembered: %s %v", plain.body, plain.Header)
	}
	if line := sessionLine(in); !strings.Contains(line, "HttpOnly") || !strings.Contains(line, "Max-Age=2592000") {
		t.Errorf("the cookie is %s", line)
	}
	cookie = b.cookies["gatepost_8080"]
	out := b.post("/sign-out")
	if out.body != `{"success":true}` || b.cookies["gatepost_8080"] != "" ||
		out.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("sign out: %v %s", out.Header, out.body)
	}
	if a := d.do(t, "GET", "/api/auth/get-session", "", "Cookie: gatepost_8080="+cookie); a.body != "null" {
		t.Errorf("after the sign-out: %s", a.body)
	}
	d.browser(t).post("/sign-out").must(t, "nobody signs out", 200, "")
}

func sessionLine(a answer) string {
	for _, line := range a.Header.Values("Set-Cookie") {
		if strings.HasPrefix(line, "gatepost_8080=") {
			return line
		}
	}
	return ""
}

func TestWhoDoesNotGetIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signUp(t, "ada@example.com")
	long := strings.Repeat("x", 10_000)
	up := func(email, password string) []any { return []any{"name", "", "email", email, "password", password} }
	for _, c := range []struct {
		what, path string
		status     int
		code       string
		pairs      []any
	}{
		{"taken", "/sign-up/email", 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", up("ADA@example.com", password)},
		{"short", "/sign-up/email", 400, "PASSWORD_TOO_SHORT", up("bob@example.com", "short")},
		{"none", "/sign-up/email", 400, "PASSWORD_TOO_SHORT", up("bob@example.com", "")},
		{"long", "/sign-up/email", 400, "PASSWORD_TOO_LONG", up("bob@example.com", long)},
		{"common", "/sign-up/email", 400, "PASSWORD_COMPROMISED", up("bob@example.com", "password1234")},
		{"own address", "/sign-up/email", 400, "PASSWORD_COMPROMISED", up("bob@example.com", "bob@example.com")},
		{"no address", "/sign-up/email", 400, "VALIDATION_ERROR", up("bob", password)},
		{"another reading", "/sign-up/email", 400, "INVALID_EMAIL", up("a%b@example.com", password)},
		{"bad name", "/sign-up/email", 400, "VALIDATION_ERROR",
			[]any{"name", "a\u0000b", "email", "bob@example.com", "password", password}},
		{"long name", "/sign-up/email", 400, "VALIDATION_ERROR",
			[]any{"name", long, "email", "bob@example.com", "password", password}},
		{"bad picture", "/sign-up/email", 400, "VALIDATION_ERROR",
			append(up("bob@example.com", password), "image", "javascript:alert(1)")},
		{"unknown", "/sign-in/email", 401, "INVALID_EMAIL_OR_PASSWORD", []any{"email", "x@example.com", "password",
			password}},
		{"wrong", "/sign-in/email", 401, "INVALID_EMAIL_OR_PASSWORD", []any{"email", "ada@example.com", "password", "x"}},
		{"empty", "/sign-in/email", 401, "INVALID_EMAIL_OR_PASSWORD", []any{"email", "ada@example.com", "password", ""}},
		{"endless", "/sign-in/email", 401, "INVALID_EMAIL_OR_PASSWORD", []any{"email", "ada@example.com", "password", long}},
		{"not one", "/sign-in/email", 400, "INVALID_EMAIL", []any{"email", "ada", "password", password}},
	} {
		b := d.browser(t)
		a := b.post(c.path, c.pairs...)
		if a.must(t, c.what, c.status, c.code); len(b.cookies) > 0 {
			t.Errorf("%s: cookies %v", c.what, b.cookies)
		}
	}
}

// Where addresses are confirmed first, nobody learns from the protocol which have an account.
func TestSignUpTellsNothingWhereAddressesAreConfirmedFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t, required)
	for _, who := range []string{"new", "the same again"} {
		b := d.browser(t)
		a := b.post("/sign-up/email", "name", " Ada ", "email", "Ada@example.com", "password", password, "callbackURL", "/x")
		if a.StatusCode != 200 || a.field("token") != nil || a.field("user.email") != "ada@example.com" ||
			a.field("user.name") != "Ada" || a.field("user.id") == "" || b.cookies["gatepost_8080"] != "" ||
			b.cookies["gatepost_8080_known"] == "" {
			t.Errorf("%s: %d %s %v", who, a.StatusCode, a.body, b.cookies)
		}
	}
	if link := d.link(t, d.letter(t, mail.Verify)); !strings.HasSuffix(link, "&next=%2Fx") {
		t.Errorf("the link is %s", link)
	}
	d.browser(t).post("/sign-in/email", "email", "ada@example.com", "password", password).
		must(t, "the right password", 401, "INVALID_EMAIL_OR_PASSWORD")
}

func TestWhatIsTurnedOffIsRefused(t *testing.T) {
	t.Parallel()
	closed := newDesk(t, func(s *setting) { s.Config.SignUpClosed = true })
	closed.browser(t).post("/sign-up/email", "name", "", "email", "a@example.com", "password", password).
		must(t, "sign-up", 400, "EMAIL_PASSWORD_SIGN_UP_DISABLED")
	off := newDesk(t, withProvider, withMail, func(s *setting) { s.Config.PasswordsOff = true })
	b := off.browser(t)
	for path, code := range map[string]string{
		"/sign-up/email": "EMAIL_PASSWORD_SIGN_UP_DISABLED", "/sign-in/email": "EMAIL_PASSWORD_DISABLED",
		"/request-password-reset": "RESET_PASSWORD_DISABLED", "/reset-password": "RESET_PASSWORD_DISABLED",
		"/change-password": "EMAIL_PASSWORD_DISABLED", "/verify-password": "EMAIL_PASSWORD_DISABLED",
	} {
		b.post(path, "name", "", "email", "a@example.com", "password", password, "newPassword", password,
			"currentPassword", password, "token", "x").must(t, path, 400, code)
	}
	mute := newDesk(t).signUp(t, "ada@example.com")
	for path, code := range map[string]string{"/request-password-reset": "RESET_PASSWORD_DISABLED",
		"/send-verification-email": "VERIFICATION_EMAIL_NOT_ENABLED", "/change-email": "CHANGE_EMAIL_DISABLED"} {
		mute.post(path, "email", "ada@example.com", "newEmail", "a@example.org", "password", password).
			must(t, path+" without mail", 400, code)
	}
}

// A front end is throttled as a page is, and told when to come back.
func TestTooManyAttempts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signUp(t, "ada@example.com")
	for range 5 {
		d.browser(t).post("/sign-in/email", "email", "ada@example.com", "password", "wrong").
			must(t, "wrong", 401, "INVALID_EMAIL_OR_PASSWORD")
	}
	for _, given := range []string{"wrong", password} {
		a := d.browser(t).post("/sign-in/email", "email", "ada@example.com", "password", given)
		if a.StatusCode != 429 || a.body != `{"message":"Too many requests. Please try again later."}` ||
			a.Header.Get("X-Retry-After") == "" || a.Header.Get("Retry-After") != a.Header.Get("X-Retry-After") {
			t.Errorf("got %d %s %v", a.StatusCode, a.body, a.Header)
		}
	}
}

func TestAnOutageIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.signUp(t, "ada@example.com")
	refusePostgres(t, d)
	cookie := b.cookies["gatepost_8080"]
	for _, a := range []answer{b.get("/get-session"), b.get("/list-sessions"), b.get("/list-accounts"),
		b.post("/sign-out"),
		b.post("/update-user", "name", "x"), b.post("/verify-password", "password", password),
		b.post("/sign-in/email", "email", "ada@example.com", "password", password),
		b.post("/sign-up/email", "name", "", "email", "b@example.com", "password", password)} {
		if a.must(t, "an outage", 503, "SERVICE_UNAVAILABLE"); a.Header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", a.Header)
		}
	}
	if b.cookies["gatepost_8080"] != cookie {
		t.Error("the cookie is gone")
	}
	b.get("/ok").must(t, "ok", 200, "")
}

// The cookies of the app's own session end with a sign-out, and with the account of another user.
func TestTheAppsOwnSessionEndsAsOnThePages(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(s *setting) {
		var err error
		if s.AppCookies, err = loginui.ParseAppCookies("PHPSESSID", s.Cookie); err != nil {
			t.Fatal(err)
		}
	})
	d.signUp(t, "bob@example.com")
	b := d.signUp(t, "ada@example.com")
	for _, c := range []struct {
		email string
		ends  bool
	}{{"ada@example.com", false}, {"bob@example.com", true}} {
		b.cookies["PHPSESSID"] = "x"
		b.post("/sign-in/email", "email", c.email, "password", password).must(t, c.email, 200, "")
		if gone := b.cookies["PHPSESSID"] == ""; gone != c.ends {
			t.Errorf("%s: the app's session is gone: %t", c.email, gone)
		}
	}
	b.cookies["PHPSESSID"] = "x"
	if b.post("/sign-out"); b.cookies["PHPSESSID"] != "" {
		t.Error("the app's session outlives the sign-out")
	}
}
