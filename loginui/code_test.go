package loginui_test

import (
	"cmp"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/seal"
)

// withKeys lets people have authenticator apps.
func withKeys(s *setting) {
	keys, err := seal.Parse(seal.NewKey())
	if err != nil {
		panic(err)
	}
	s.Keys = keys
}

// careful is Ada, who has an authenticator app.
type careful struct {
	*idDesk
	b     *browser // in which they added it
	key   factor.Key
	codes []factor.RecoveryCode
}

// newCareful is a desk with Ada.
func newCareful(t *testing.T, change ...func(*setting)) *careful {
	t.Helper()
	d := newIDDesk(t, append([]func(*setting){withKeys}, change...)...)
	c := &careful{idDesk: d, b: d.browser(t)}
	c.b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	d.exec(t, `UPDATE gatepost."user" SET email_verified = true`)
	e, err := d.store.BeginApp(t.Context(), c.b.token())
	if err != nil {
		t.Fatal(err)
	}
	c.key = e.Key
	issued, codes, err := d.store.ConfirmApp(t.Context(), c.b.token(), c.code(t), secret.Client{})
	if err != nil {
		t.Fatal(err)
	}
	c.codes, c.b.cookies["gatepost_8080"] = codes, string(issued.Session)
	return c
}

func (d *desk) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := d.db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// token is the session of a browser.
func (b *browser) token() secret.Token {
	t, _ := secret.ParseToken(b.cookies["gatepost_8080"])
	return t
}

// code is what the app shows, by the clock of the database, and counts as never used.
func (c *careful) code(t *testing.T) string {
	t.Helper()
	var now time.Time
	if err := c.db.QueryRow(t.Context(), `SELECT now()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	c.exec(t, `UPDATE gatepost.totp SET last_step = 0`)
	return c.key.Code(factor.Step(now))
}

// half is a browser in which the password was right.
func (c *careful) half(t *testing.T, pairs ...string) *browser {
	t.Helper()
	c.exec(t, `DELETE FROM gatepost.throttle`)
	b := c.browser(t)
	a := b.submit("/login", append([]string{"email", "ada@example.com", "password", password}, pairs...)...)
	page, _, _ := strings.Cut(a.Header.Get("Location"), "?")
	if a.StatusCode != 303 || page != "/login/code" {
		t.Fatalf("the right password: %d %v\n%s", a.StatusCode, a.Header, a.body)
	}
	return b
}

// closed wants nothing to be open in a browser.
func (b *browser) closed(what string) {
	b.t.Helper()
	if a := b.get("/account"); a.StatusCode != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/login") {
		b.t.Errorf("%s: the account page answers %d to %s", what, a.StatusCode, a.Header.Get("Location"))
	}
	if a := b.get("/api/auth/get-session"); strings.TrimSpace(a.body) != "null" {
		b.t.Errorf("%s: get-session answers %s", what, a.body)
	}
	for name, value := range b.cookies { // also under the name of the session
		thief := b.d.browser(b.t)
		thief.cookies["gatepost_8080"] = value
		if a := thief.get("/account"); a.StatusCode != 303 {
			b.t.Errorf("%s: the cookie %s opens the account page", what, name)
		}
	}
}

// A right password leads to the second step and opens nothing before it; a code opens what was asked for.
func TestTheLoginGoesOnWithACode(t *testing.T) {
	t.Parallel()
	c := newCareful(t)
	b := c.half(t, "next", "/dashboard?x=1", "remember", "on")
	b.closed("after the password")
	a := b.get("/login/code?next=%2Fdashboard%3Fx%3D1")
	for _, want := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`, `autofocus`,
		`name="next" value="/dashboard?x=1"`, `value="ada@example.com" hidden`,
		`href="/login/code?next=%2Fdashboard%3Fx%3D1&amp;with=recovery"`} {
		if a.StatusCode != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%d, no %s in\n%s", a.StatusCode, want, a.body)
		}
	}
	code := c.code(t)
	b.mustLand("a code", b.submit("/login/code", "code", code[:3]+" "+code[3:], "next", "/dashboard?x=1"),
		"/dashboard?x=1")
	if a := b.get("/account"); a.StatusCode != 200 {
		t.Errorf("the account page: %d", a.StatusCode)
	}
	if _, ok := b.cookies["gatepost_8080_step"]; ok {
		t.Error("the cookie of the challenge stays")
	}
	b.mustLand("the page afterwards", b.get("/login/code?next=%2Fdashboard"), "/dashboard")
	b.mustLand("sent twice", b.submit("/login/code", "code", code), "/home")

	b = c.half(t)
	a = b.get("/login/code?with=recovery")
	if a.StatusCode != 200 || strings.Contains(a.body, "numeric") || !strings.Contains(a.body, "Recovery code") ||
		!strings.Contains(a.body, `action="/login/code?with=recovery"`) {
		t.Errorf("the page for recovery codes: %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("a recovery code", b.submit("/login/code?with=recovery", "code", strings.ToUpper(c.codes[2].Groups())),
		"/home")
}

// Each way in which a code is refused has its own words, and its cure. Nothing opens.
func TestARefusedCodeSaysWhatHelps(t *testing.T) {
	t.Parallel()
	c := newCareful(t)
	b := c.half(t, "next", "/dashboard")
	used := c.code(t)
	c.exec(t, `UPDATE gatepost.totp SET last_step = 99999999999`)
	for _, r := range []struct {
		page, code, say string
		status          int
	}{
		{"/login/code", "", "Enter the code.", 422},
		{"/login/code", "hello", "The app shows six digits.", 422},
		{"/login/code", used, "was used already", 401},
		{"/login/code?with=recovery", "hello", "does not look like a recovery code", 422},
		{"/login/code?with=recovery", "00000-00000-00000", "That recovery code is not right", 401},
		{"/login/code", c.key.Code(1), "Enter the one that the app shows now.", 401},
	} {
		a := b.submit(r.page, "code", r.code, "next", "/dashboard")
		if a.StatusCode != r.status || !strings.Contains(a.body, r.say) || !strings.Contains(a.body, `aria-invalid`) ||
			!strings.Contains(a.body, `name="next" value="/dashboard"`) ||
			r.code != "" && strings.Contains(a.body, `value="`+r.code) {
			t.Errorf("%s %q: got %d, want %d and %q in\n%s", r.page, r.code, a.StatusCode, r.status, r.say, a.body)
		}
		b.closed(r.say)
	}
	const from = "RemoteAddr: 203.0.113.9:1" // where Ada never was
	b = c.browser(t)
	b.do("POST", "/login", form("email", "ada@example.com", "password", password), from)
	c.exec(t, `UPDATE gatepost.totp SET failures = 100`)
	a := b.do("POST", "/login/code", form("code", c.code(t)), from)
	if a.StatusCode != 403 || !strings.Contains(a.body, "Use a recovery code, or log in with a browser") {
		t.Errorf("locked: %d %s", a.StatusCode, a.body)
	}
	c.exec(t, `UPDATE gatepost.totp SET failures = 0, secret = 'x'`)
	a = b.do("POST", "/login/code", form("code", c.code(t)), from)
	if a.StatusCode != 409 || !strings.Contains(a.body, "cannot be checked at the moment") {
		t.Errorf("unreadable: %d %s", a.StatusCode, a.body)
	}
	b.mustLand("a recovery code", b.submit("/login/code?with=recovery", "code", c.codes[0].Groups()), "/home")
}

// A challenge that takes no answer any more leads to the login, which says why, and goes on where it was to lead.
func TestASecondStepThatEndedLeadsToTheLogin(t *testing.T) {
	t.Parallel()
	c := newCareful(t)
	said := func(what string, b *browser, a answer) {
		t.Helper()
		b.mustLand(what, a, "/login?next=%2Fdashboard")
		if page := b.get("/login?next=%2Fdashboard"); !strings.Contains(page.body, "The second step took too long") {
			t.Errorf("%s: no word about it in\n%s", what, page.body)
		}
		if page := b.get("/login?next=%2Fdashboard"); strings.Contains(page.body, "The second step took too long") {
			t.Errorf("%s: it is said twice", what)
		}
	}
	b := c.half(t)
	c.exec(t, `UPDATE gatepost.challenge SET expires_at = now()`)
	said("late, the page", b, b.get("/login/code?next=%2Fdashboard"))
	b = c.half(t)
	c.exec(t, `UPDATE gatepost.challenge SET expires_at = now()`)
	said("late, a code", b, b.submit("/login/code", "code", c.code(t), "next", "/dashboard"))
	b = c.half(t)
	var last answer
	for range 5 {
		c.exec(t, `DELETE FROM gatepost.throttle`)
		last = b.submit("/login/code", "code", c.key.Code(1), "next", "/dashboard")
	}
	said("five wrong codes", b, last)
	b = c.half(t)
	another := c.browser(t)
	maps.Copy(another.cookies, b.cookies)
	delete(another.cookies, "gatepost_8080_known")
	said("another browser", another, another.get("/login/code?next=%2Fdashboard"))
	stranger := c.browser(t)
	stranger.mustLand("nobody", stranger.get("/login/code?next=%2Fdashboard"), "/login?next=%2Fdashboard")
	if a := stranger.get("/login?next=%2Fdashboard"); strings.Contains(a.body, "second step") {
		t.Error("a stranger is told of a second step")
	}
	b = c.half(t)
	b.submit("/logout")
	if _, ok := b.cookies["gatepost_8080_step"]; ok {
		t.Error("the challenge stays after a log-out")
	}
}

// The answer to a wrong password is the same whether or not there is a second factor.
func TestAWrongPasswordTellsOfNoSecondFactor(t *testing.T) {
	t.Parallel()
	c := newCareful(t)
	c.cookie(t, "grace@example.com")
	var answers []string
	for _, email := range []string{"ada@example.com", "grace@example.com"} {
		a := c.browser(t).submit("/login", "email", email, "password", "wrong password")
		answers = append(answers, strings.ReplaceAll(a.Status+a.body, email, "x"))
	}
	if answers[0] != answers[1] {
		t.Errorf("got\n%s\nand\n%s", answers[0], answers[1])
	}
}

// Whatever proves one factor leads to the second step before anything opens.
func TestEveryWayInAsksForTheSecondStep(t *testing.T) {
	t.Parallel()
	c := newCareful(t, doubtful, withMail)
	step := func(what string, b *browser, a answer, next string) {
		t.Helper()
		want := "/login/code"
		if next != "" {
			want += "?next=" + url.QueryEscape(next)
		}
		b.mustLand(what, a, want)
		b.closed(what)
		c.exec(t, `DELETE FROM gatepost.throttle`)
		b.mustLand(what+", a code", b.submit("/login/code", "code", c.code(t), "next", next), cmp.Or(next, "/home"))
		if a := b.get("/account"); a.StatusCode != 200 {
			t.Errorf("%s: the account page answers %d after the code", what, a.StatusCode)
		}
	}
	claim := func() *browser {
		b := c.browser(t)
		b.mustProve("a provider", b.enter(c.id, "demo", "next", "/dashboard"))
		return b
	}
	c.exec(t, `DELETE FROM gatepost.throttle`)
	c.id.SetPerson(providertest.Ada)
	b := claim()
	step("a provider, connected by the password", b, b.submit("/login/connect", "password", password), "/dashboard")
	b = c.browser(t)
	step("a provider", b, b.enter(c.id, "demo", "next", "/dashboard"), "/dashboard")
	b = c.half(t) // the cookie of the challenge is replaced by the next
	step("a provider after a password", b, b.enter(c.id, "demo"), "")
}

// The deeds that give a new session keep its second factor, and ask for it in a session without. What only raises the
// session does nothing before that.
func TestADeedInASessionWithoutItsSecondFactorAsksForIt(t *testing.T) {
	t.Parallel()
	c := newCareful(t, withMail)
	b := c.half(t)
	b.mustLand("a code", b.submit("/login/code", "code", c.code(t)), "/home")
	weaken := func() { c.exec(t, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL`) }
	b.mustLand("a new password with the second factor", b.submit("/account/password", "current", password, "password",
		"another horse battery"), "/account")
	c.exec(t, `DELETE FROM gatepost.throttle`)
	weaken()
	a := b.submit("/account/password", "current", "another horse battery", "password", password)
	b.mustLand("a new password without", a, "/login/code?next=%2Faccount")
	b.closed("a new password without")
	b.mustLand("a code", b.submit("/login/code", "code", c.code(t), "next", "/account"), "/account")
	c.exec(t, `DELETE FROM gatepost.throttle`)
	weaken()
	b.mustLand("another address", b.submit("/account/email", "email", "new@example.com", "password", password),
		"/account/confirm?next=%2Faccount%2Femail")
	b.mustLand("a code", b.submit("/account/confirm", "code", c.code(t), "next", "/account"), "/account")
	c.exec(t, `DELETE FROM gatepost.throttle`)
	weaken()
	c.settle(t)
	b.mustLand("the password once more", b.submit("/account/export", "password", password),
		"/account/confirm?next=%2Faccount")
	b.mustLand("the password on the page for the code", b.submit("/account/confirm", "password", password, "next",
		"/account"), "/account/confirm?next=%2Faccount")
}

// Whoever has a second factor is asked for it, and not for a password that would do nothing: before a page with a form
// whose deed takes it, so that they type nothing in vain, and in place of the password before a deed in a stale
// session, which the code carries out.
func TestTheSecondFactorIsAskedForBeforeAnythingIsTyped(t *testing.T) {
	t.Parallel()
	c := newCareful(t, withMail, atSite)
	pages := []string{"/account/delete", "/account/email", "/account/app/remove", "/account/recovery"}
	for _, path := range pages {
		if a := c.b.get(path); a.StatusCode != 200 {
			t.Errorf("%s with a fresh factor: %d", path, a.StatusCode)
		}
	}
	c.exec(t, `UPDATE gatepost.session SET proved_at = now() - interval '1 hour', second_at = now() - interval '1 hour'`)
	for _, path := range append(pages, "/account/passkeys/remove?id=x") {
		c.b.mustLand(path, c.b.get(path), "/account/confirm?next="+url.QueryEscape(path))
	}
	end := func(pairs ...string) answer {
		return c.b.do("POST", "/account/sessions/end", form(append([]string{"id", "x"}, pairs...)...),
			"Sec-Fetch-Mode: navigate")
	}
	for what, pairs := range map[string][]string{"a stale session": nil, "a wrong code": {"code", "000000"},
		"no code": {"code", ""}} {
		a := end(pairs...)
		want := map[string]int{"a stale session": 403, "a wrong code": 401, "no code": 422}[what]
		if a.StatusCode != want || strings.Contains(a.body, `type="password"`) || a.hidden("id") != "x" ||
			!strings.Contains(a.body, `action="/account/sessions/end"`) ||
			!strings.Contains(a.body, `href="/account/confirm?next=%2Faccount&amp;with=recovery"`) {
			t.Errorf("%s: %d\n%s", what, a.StatusCode, a.body)
		}
	}
	before := c.b.token()
	c.b.mustLand("a code", end("code", c.code(t)), "/account")
	if c.b.token() == before {
		t.Error("the token is the one before")
	}
	c.exec(t, `UPDATE gatepost.session SET proved_at = now() - interval '1 hour', second_at = now() - interval '1 hour'`)
	c.exec(t, `DELETE FROM gatepost.totp`)
	if a := end("code", "123456"); a.StatusCode != 403 || !strings.Contains(a.body, `type="password"`) {
		t.Errorf("a factor that is gone: %d\n%s", a.StatusCode, a.body)
	}
}

// A form of the app's that met an ended login is sent after both steps.
func TestAKeptFormWaitsForTheSecondStep(t *testing.T) {
	t.Parallel()
	c := newCareful(t)
	b, key := c.b, secret.NewToken()
	b.cookies["gatepost_8080_kept"] = string(key)
	sealed, err := c.store.Keep(t.Context(), auth.SentForm{To: "/notes", Body: "text=Hello"}, key, b.token(),
		secret.Client{})
	if err != nil {
		t.Fatal(err)
	}
	c.exec(t, `DELETE FROM gatepost.throttle`)
	a := b.submit("/login", "email", "ada@example.com", "password", password, "kept", sealed)
	if a.StatusCode != 200 || a.hidden("kept") != sealed {
		t.Fatalf("got %d\n%s", a.StatusCode, a.body)
	}
	a = b.submit("/login/code", "code", c.code(t), "kept", sealed)
	if a.StatusCode != 200 || !strings.Contains(a.body, `name="text" value="Hello"`) {
		t.Errorf("got %d\n%s", a.StatusCode, a.body)
	}
}
