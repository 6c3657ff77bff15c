package loginui_test

import (
	"html"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/loginui"
)

func off(s *setting)      { s.Config.PasswordsOff = true }
func withMail(s *setting) { s.Config.Mail, s.Config.Confirm = true, true }

func TestEachProviderHasAButton(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, func(s *setting) {
		s.specs = append(s.specs, provider.Spec{Name: "github", ClientID: "x", ClientSecret: "y"},
			provider.Spec{Name: "corp", Issuer: "https://corp.example", ClientID: "x", ClientSecret: "y",
				Logo: "https://cdn.example/a b.svg"})
	})
	for _, page := range []string{"/login?next=/x%3Fy", "/signup?next=/x%3Fy"} {
		a := d.do(t, "GET", page, "")
		for _, want := range []string{
			`formaction="/login/with/demo"`, `Continue with Demo &lt;ID&gt;`, `<svg xmlns`, `Continue with GitHub`,
			`class="mark" src="https://cdn.example/a%20b.svg"`, `<span>or</span>`, `name="next" value="/x?y"`,
		} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s lacks %s:\n%s", page, want, a.body)
			}
		}
		policy := a.Header.Get("Content-Security-Policy")
		if !strings.HasSuffix(policy, "img-src 'self' data: https://cdn.example") {
			t.Errorf("the policy is %s", policy)
		}
		if strings.Index(a.body, `data-busy`) > strings.Index(a.body, "formaction") {
			t.Error("Enter would send the form to a provider")
		}
	}
	d.id.Stop()
	b := d.browser(t)
	if a := b.submit("/login/with/demo"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" ||
		!strings.Contains(a.body, "does not answer at the moment") ||
		!strings.Contains(a.body, `href="/login?choose=`) {
		t.Errorf("a provider that is down: %d %v\n%s", a.StatusCode, a.Header, a.body)
	}
	if a := b.get("/login"); !strings.Contains(a.body, "<small>does not answer at the moment</small>") {
		t.Errorf("the button of a provider that is down says nothing:\n%s", a.body)
	}
}

func TestALoginWithAProviderComesBackToThePageAskedFor(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	for remember, lasts := range map[string]bool{"on": true, "": false} {
		b := d.browser(t)
		a := b.enter(d.id, "demo", "next", "/x?y=1", "remember", remember, "email", "typed", "password", "typed")
		b.mustLand("the callback", a, "/x?y=1")
		if got := strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), "\n"),
			"Max-Age=2592000"); got != lasts {
			t.Errorf("remember %q: the session's cookie lasts: %v", remember, got)
		}
		if a := b.get("/account"); a.StatusCode != 200 || !strings.Contains(a.body, "ada@example.com") ||
			!strings.Contains(a.body, "Ada Lovelace") {
			t.Errorf("the account page: %d\n%s", a.StatusCode, a.body)
		}
		if _, ok := b.cookies["gatepost_8080"]; !ok || len(b.cookies) != 3 {
			t.Errorf("the browser has %v", b.cookies)
		}
	}
}

// A login with a provider leads back to any page that a login with a password leads back to.
func TestALoginWithAProviderLeadsBackToALongPage(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	long := "/dashboard?panel=" + strings.Repeat("a", 50_000)
	b := d.browser(t)
	b.mustLand("the callback", b.enter(d.id, "demo", "next", long), long)
	b = d.browser(t)
	b.mustLand("too long", b.enter(d.id, "demo", "next", "/x?"+strings.Repeat("a", 62_000)), "/home")
}

func TestAPostOfOursNeverRedirectsToAnotherSite(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.browser(t)
	a := b.submit("/login/with/demo", "next", "/x")
	a.mustBeGuarded(t, "the way to the provider", 200)
	if to := b.follow(a); !strings.HasPrefix(to, d.id.URL()+"/authorize?") ||
		!strings.Contains(html.UnescapeString(a.body), `href="`+to+`"`) {
		t.Errorf("it leads to %s:\n%s", to, a.body)
	}
	for range 12 {
		b.leave("/login/with/demo")
	}
	if len(b.cookies) > 8 {
		t.Errorf("%d sign-ins are kept", len(b.cookies))
	}
	if a := d.do(t, "POST", "/login/with/demo", "", "Sec-Fetch-Site: cross-site"); a.StatusCode != 403 {
		t.Errorf("another site begins a login: %d", a.StatusCode)
	}
	if a := b.get("/login/with/demo?next=/x"); a.Header.Get("Location") != "/login?choose=&next=%2Fx" {
		t.Errorf("GET: %v", a.Header)
	}
	if a := b.submit("/login/with/nobody"); a.StatusCode != 404 {
		t.Errorf("no such provider: %d", a.StatusCode)
	}
}

// The rules of a login page that leads to the only provider by itself.
func TestALoginPageLeadsStraightToTheOnlyProvider(t *testing.T) {
	t.Parallel()
	only, both := newIDDesk(t, off), newIDDesk(t)
	two := newIDDesk(t, off, func(s *setting) {
		s.specs = append(s.specs, provider.Spec{Name: "github", ClientID: "x", ClientSecret: "y"})
	})
	down := newIDDesk(t, off)
	down.id.Stop()
	down.browser(t).submit("/login/with/demo")
	const navigate = "Sec-Fetch-Mode: navigate"
	for _, c := range []struct {
		name, method, target string
		d                    *idDesk
		headers              []string
		straight             bool
	}{
		{"sent by the gate", "GET", "/login?next=/x", only, []string{navigate}, true},
		{"no next", "GET", "/login", only, []string{navigate}, false},
		{"choose", "GET", "/login?choose&next=/x", only, []string{navigate}, false},
		{"HEAD", "HEAD", "/login?next=/x", only, []string{navigate}, false},
		{"fetch", "GET", "/login?next=/x", only, []string{"Sec-Fetch-Mode: cors"}, false},
		{"prefetch", "GET", "/login?next=/x", only, []string{navigate, "Sec-Purpose: prefetch"}, false},
		{"after a log-out", "GET", "/login?next=/x", only, []string{navigate, "Cookie: gatepost_8080_left=1"}, false},
		{"after a failure", "GET", "/login?next=/x", only, []string{navigate,
			"Cookie: gatepost_8080_done=astray"}, false},
		{"right after a login", "GET", "/login?next=/x", only, []string{navigate,
			"Cookie: gatepost_8080_done=in"}, false},
		{"passwords are on", "GET", "/login?next=/x", both, []string{navigate}, false},
		{"two providers", "GET", "/login?next=/x", two, []string{navigate}, false},
		{"it is down", "GET", "/login?next=/x", down, []string{navigate}, false},
	} {
		a := c.d.do(t, c.method, c.target, "", c.headers...)
		if got := a.Header.Get("Refresh") != ""; got != c.straight || a.StatusCode != 200 {
			t.Errorf("%s: straight %v, %d\n%s", c.name, got, a.StatusCode, a.body)
		}
		if c.straight == (a.Header.Get("Set-Cookie") == "") {
			t.Errorf("%s: the cookies are %v", c.name, a.Header.Values("Set-Cookie"))
		}
	}
	b := only.browser(t)
	b.mustLand("the callback", b.callback("demo", only.id.Authorize(t, b.follow(b.get("/login?next=/x")))), "/x")
	delete(b.cookies, "gatepost_8080")
	if a := b.get("/login?next=/x"); !strings.Contains(a.body, "Allow cookies for this site") {
		t.Errorf("a browser that keeps no session goes round:\n%s", a.body)
	}
}

// What only the operator can mend is no 5xx, which a browser could bring about, and is in the log.
func TestAProviderThatCannotBeUsedIsInTheLog(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	d := newIDDesk(t, func(s *setting) { s.Config.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	d.id.Misbehave(providertest.Metadata("issuer", "https://other.example"))
	a := d.browser(t).submit("/login/with/demo", "next", "/x")
	a.mustBeGuarded(t, "a provider of another name", 424)
	if !strings.Contains(a.body, "not set up for each other") || !strings.Contains(log.String(), "could not begin") {
		t.Errorf("%s\n%s", log.String(), a.body)
	}
}

func TestPasswordsOff(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, off, withMail)
	for _, target := range []string{"/login", "/signup"} {
		a := d.do(t, "GET", target, "")
		if a.StatusCode != 200 || strings.Contains(a.body, "password") || strings.Contains(a.body, `type="email"`) ||
			!strings.Contains(a.body, "Continue with") || !strings.Contains(a.body, `id="remember"`) {
			t.Errorf("%s: %d\n%s", target, a.StatusCode, a.body)
		}
	}
	b := d.browser(t)
	b.enter(d.id, "demo")
	for _, c := range []struct{ method, target string }{
		{"POST", "/login"}, {"POST", "/signup"}, {"GET", "/login/forgot"}, {"POST", "/login/forgot"},
		{"POST", "/login/reset"}, {"GET", "/account/password"}, {"POST", "/account/password"},
		{"POST", "/account/password/mail"}, {"POST", "/signup/invitation"},
	} {
		a := b.do(c.method, c.target, form("email", "ada@example.com", "password", password))
		if a.StatusCode != 403 || !strings.Contains(a.body, "This site has no passwords.") ||
			!strings.Contains(a.body, `href="/login?choose="`) {
			t.Errorf("%s %s: %d\n%s", c.method, c.target, a.StatusCode, a.body)
		}
	}
	if a := b.get("/account"); strings.Contains(a.body, "Nobody can look it up") ||
		strings.Contains(a.body, "Set a password") {
		t.Errorf("the account page speaks of a password:\n%s", a.body)
	}
}

func TestALogoutGoesOnToTheProvider(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, func(s *setting) { s.specs[0].Logout = true })
	b := d.browser(t)
	b.enter(d.id, "demo")
	session := b.cookies["gatepost_8080"]
	a := b.submit("/logout")
	to, err := url.Parse(b.follow(a))
	if err != nil || to.Path != "/end_session" ||
		to.Query().Get("post_logout_redirect_uri") != "http://localhost:8080/login" ||
		a.Header.Get("Clear-Site-Data") != `"cache"` || b.cookies["gatepost_8080"] != "" {
		t.Errorf("it goes on to %v with %v", to, a.Header)
	}
	if !strings.Contains(a.body, "Log out at Demo &lt;ID&gt;") {
		t.Errorf("it does not say where to:\n%s", a.body)
	}
	if a := d.do(t, "GET", "/account", "", "Cookie: gatepost_8080="+session); a.StatusCode != 303 {
		t.Errorf("the session goes on: %d", a.StatusCode)
	}
	b.enter(d.id, "demo")
	d.id.Misbehave(providertest.Metadata("end_session_endpoint", "javascript:alert(1)"))
	d.id.Stop()
	if a := b.submit("/logout"); a.StatusCode != 200 && a.StatusCode != 303 || b.cookies["gatepost_8080"] != "" {
		t.Errorf("a provider that is down keeps people from logging out: %d", a.StatusCode)
	}
}

// A log-out by way of a provider leads where any log-out does. The provider knows the login alone, which leads on,
// once.
func TestALogoutByWayOfAProviderLeadsOn(t *testing.T) {
	t.Parallel()
	out := func(s *setting) { s.specs[0].Logout = true }
	long := "/goodbye?" + strings.Repeat("a", 3000)
	for name, c := range map[string]struct{ home, next, back, want string }{
		"a page that is named": {"", "/goodbye?a=b", "/login", "/goodbye?a=b"},
		"home":                 {"/bye", "", "/login?state=x", "/bye"},
		"named before home":    {"/bye", "/goodbye", "/login", "/goodbye"},
		"one elsewhere":        {"", "https://evil.example/", "/login", ""},
		"the usual":            {"", "", "/login", ""},
		"too long":             {"", long, "/login", ""},
		"who wants to log in":  {"/bye", "", "/login?next=/x", ""},
		"who chooses how":      {"/bye", "", "/login?choose=", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newIDDesk(t, out, func(s *setting) { s.Config.LogoutHome = c.home })
			b := d.browser(t)
			b.enter(d.id, "demo")
			b.leave("/logout", "next", c.next)
			a := b.get(c.back)
			if got := a.Header.Get("Location"); got != c.want || (got == "") != (a.StatusCode == 200) {
				t.Errorf("back it is %d to %q, want %q", a.StatusCode, got, c.want)
			}
			if a := b.get("/login"); a.StatusCode != 200 {
				t.Errorf("then it is %d to %q", a.StatusCode, a.Header.Get("Location"))
			}
		})
	}
	d := newIDDesk(t, out)
	b := d.browser(t)
	b.cookies["gatepost_8080_on"] = "Ly9ldmlsLmV4YW1wbGUv" // //evil.example/
	if a := b.get("/login"); a.StatusCode != 200 || b.cookies["gatepost_8080_on"] != "" {
		t.Errorf("a note of somebody else's: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
}

func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.browser(t)
	b.enter(d.id, "demo")
	send := func(body string) answer {
		return d.do(t, "POST", "/.gatepost/backchannel/demo", body, "Sec-Fetch-Site: cross-site", "Accept: */*")
	}
	good := d.id.SignLogout("ada-1", "", nil)
	for name, body := range map[string]string{
		"none": "", "empty": "logout_token=", "nonsense": "logout_token=x", "twice": "logout_token=x&logout_token=y",
		"huge": "logout_token=" + strings.Repeat("x", 20_000), "another field": "token=" + good,
		"of another person's key": "logout_token=" + good + "x",
	} {
		a := send(body)
		if a.StatusCode != 400 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
	}
	if a := b.get("/account"); a.StatusCode != 200 {
		t.Fatalf("a bad token ended the session: %d", a.StatusCode)
	}
	if a := send("logout_token=" + good); a.StatusCode != 200 || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a good one: %d %s", a.StatusCode, a.body)
	}
	if a := b.get("/account"); a.StatusCode != 303 {
		t.Errorf("the session goes on: %d", a.StatusCode)
	}
	if a := send("logout_token=" + good); a.StatusCode != 400 {
		t.Errorf("a second time: %d", a.StatusCode)
	}
	if a := d.do(t, "GET", "/.gatepost/backchannel/demo", ""); a.StatusCode != 405 ||
		a.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", a.StatusCode)
	}
	if a := d.do(t, "POST", "/.gatepost/backchannel/nobody", "logout_token="+good); a.StatusCode != 404 &&
		a.StatusCode != 403 {
		t.Errorf("no such provider: %d", a.StatusCode)
	}
}

// Pages without a store know the routes, so that explain and check do.
func TestPagesWithoutAStoreOwnTheCallbacks(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	ui, err := loginui.New(loginui.Config{PublicURL: &url.URL{Scheme: "http", Host: "localhost:8080"},
		Providers: []*provider.Provider{d.by["demo"]}}, nil)
	if err != nil || !ui.Owns("/api/auth/callback/demo") ||
		ui.Owns("/api/auth/callback/other") || ui.Owns("/api/auth/other") ||
		!d.ui.Owns("/login/with/demo") {
		t.Errorf("%v", err)
	}
}
