package loginui_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
)

// Each way in which a provider or a browser misbehaves has one page with a way on, and makes nobody and no session.
func TestEachKindOfFailureHasAPage(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	const script = "<script>alert(1)</script>"
	change := func(name, value string) func(*browser, url.Values) {
		return func(_ *browser, v url.Values) { v.Set(name, value) }
	}
	for _, c := range []struct {
		name   string
		faults []providertest.Fault
		change func(*browser, url.Values)
		status int
		say    string
	}{
		{"refused", []providertest.Fault{providertest.Refuse("access_denied")}, nil, 403, "It was stopped at Demo"},
		{"interaction", []providertest.Fault{providertest.Refuse("login_required")}, nil, 403,
			"wants you to do something"},
		{"not fresh", []providertest.Fault{providertest.Refuse("unmet_authentication_requirements")}, nil,
			403, "did not check"},
		{"told it is down", []providertest.Fault{providertest.Refuse("server_error")}, nil, 424, "does not answer"},
		{"told it is ours", []providertest.Fault{providertest.Refuse("invalid_scope")}, nil, 424,
			"not set up for each other"},
		{"an unknown word", []providertest.Fault{providertest.Refuse(script)}, nil, 424, "answered with an error"},
		{"a used code", nil, change("code", "nonsense"), 400, "was used already or is too old"},
		{"another issuer", nil, change("iss", "https://evil.example"), 400, "does not belong to this login"},
		{"a wrong key", []providertest.Fault{providertest.WrongKey()}, nil, 400, "does not belong to this login"},
		{"another audience", []providertest.Fault{providertest.Claim("aud", "other")}, nil, 400, "does not belong"},
		{"no subject", []providertest.Fault{providertest.Claim("sub", "")}, nil, 424, "did not say who you are"},
		{"no address", []providertest.Fault{providertest.Claim("email", nil), providertest.UserInfo("email",
			nil)}, nil, 403,
			"gave no e-mail address"},
		{"it is down", []providertest.Fault{providertest.Answer("token", 503, "busy")}, nil, 503, "does not answer"},
		{"it answers nonsense", []providertest.Fault{providertest.Answer("token", 200, "<html>")}, nil, 424,
			"Trying again does not help"},
		{"no state", nil, change("state", ""), 400, "not under way in this browser"},
		{"another state", nil, change("state", script), 400, "not under way in this browser"},
		{"a huge state", nil, change("state", strings.Repeat("x", 5000)), 400, "not under way in this browser"},
		{"two states", nil, func(_ *browser, v url.Values) { v.Add("state", v.Get("state")) }, 400, "not under way"},
		{"two codes", nil, func(_ *browser, v url.Values) { v.Add("code", "x") }, 400,
			"not under way in this browser"},
		{"another browser", nil, func(b *browser, _ url.Values) { clear(b.cookies) }, 400,
			"not under way in this browser"},
		{"neither code nor error", nil, func(_ *browser, v url.Values) { v.Del("code") }, 400, "not under way"},
	} {
		b := d.browser(t)
		d.id.Misbehave(c.faults...)
		values := d.id.Authorize(t, b.leave("/login/with/demo", "next", "/x?y"))
		if c.change != nil {
			c.change(b, values)
		}
		a := b.callback("demo", values)
		d.id.Behave()
		a.mustBeGuarded(t, c.name, c.status)
		if !strings.Contains(a.body, c.say) || strings.Contains(a.body, "alert(1)") ||
			!strings.Contains(a.body, `href="/login?choose=`) || b.cookies["gatepost_8080"] != "" ||
			a.StatusCode >= 500 != (c.status == 503) || (a.StatusCode == 503) != (a.Header.Get("Retry-After") != "") {
			t.Errorf("%s: %d %v\n%s", c.name, a.StatusCode, a.Header, a.body)
		}
		known := len(values["state"]) == 1 && !strings.Contains(c.say, "not under way")
		if known && !strings.Contains(a.body, `href="/login?choose=&amp;next=%2Fx%3Fy"`) {
			t.Errorf("%s: the page asked for is lost:\n%s", c.name, a.body)
		}
		if second := b.callback("demo", values); second.StatusCode >= 500 || second.StatusCode < 400 {
			t.Errorf("%s, a second time: %d", c.name, second.StatusCode)
		}
	}
	if n := d.count(t, `"user"`) + d.count(t, "session"); n != 0 {
		t.Errorf("there are %d users and sessions", n)
	}
}

// An answer at the wrong provider's path, or the same one again, takes nothing from the sign-in that it names.
func TestAStrayAnswerEndsNoSignIn(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, func(s *setting) {
		s.specs = append(s.specs, provider.Spec{Name: "evil", Issuer: "https://evil.example", ClientID: "x",
			ClientSecret: "y"})
	})
	b := d.browser(t)
	values := d.id.Authorize(t, b.leave("/login/with/demo"))
	for range 2 {
		if a := b.callback("evil", values); a.StatusCode != 400 || a.Header.Get("Set-Cookie") == "" {
			t.Errorf("at another provider: %d %v", a.StatusCode, a.Header)
		}
	}
	b.mustLand("the right one", b.callback("demo", values), "/home")
}

// Who logs out at the provider while they log in here is told so.
func TestALogoutAtTheProviderMeanwhileIsTold(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.browser(t)
	values := d.id.Authorize(t, b.leave("/login/with/demo", "next", "/x"))
	d.do(t, "POST", "/.gatepost/backchannel/demo", "logout_token="+d.id.SignLogout("ada-1", "", nil))
	a := b.callback("demo", values)
	if a.mustBeGuarded(t, "the callback", 403); !strings.Contains(a.body, "told this site that you logged out there") ||
		!strings.Contains(a.body, `href="/login?choose=&amp;next=%2Fx"`) {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
}

func TestAnAnswerWorksOnceAndByGETAlone(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.browser(t)
	values := d.id.Authorize(t, b.leave("/login/with/demo"))
	target := "/api/auth/callback/demo?" + values.Encode()
	for _, method := range []string{"HEAD", "POST", "PUT"} {
		if a := b.do(method, target, ""); a.StatusCode != 405 || a.Header.Get("Allow") != "GET" {
			t.Errorf("%s: %d, Allow: %s", method, a.StatusCode, a.Header.Get("Allow"))
		}
	}
	before := map[string]string{}
	for name, value := range b.cookies {
		before[name] = value
	}
	b.mustLand("GET", b.callback("demo", values), "/home")
	b.cookies = before
	if a := b.callback("demo", values); a.StatusCode != 400 || b.cookies["gatepost_8080"] != "" {
		t.Errorf("a second time: %d", a.StatusCode)
	}
}

func TestTheWordsOfARefusalToPrograms(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	a := d.do(t, "GET", "/api/auth/callback/demo?state=x", "", "Accept: application/json")
	if a.StatusCode != 400 || !strings.Contains(a.body, `"code":"BAD_REQUEST"`) ||
		!strings.Contains(a.body, "not under way") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// Apple posts its answer across sites. The post needs no origin and no cookie, sets nothing and opens nothing.
func TestAnAnswerThatIsPostedIsParked(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, func(s *setting) {
		apple := s.specs[0]
		apple.Name, apple.Label, apple.TrustEmail = "apple", "", false
		apple.ClientSecret, apple.Apple = "", provider.AppleKey{TeamID: "TEAM123456", KeyID: "KEY1234567",
			PrivateKey: appleKey(t)}
		s.specs = append(s.specs, apple)
	})
	d.id.Misbehave(providertest.Metadata("token_endpoint_auth_methods_supported", []string{"client_secret_post"}))
	b := d.browser(t)
	values := d.id.Authorize(t, b.leave("/login/with/apple", "next", "/x"))
	a := d.do(t, "POST", "/api/auth/callback/apple", values.Encode(), "Origin: https://appleid.apple.com",
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
	back := "/api/auth/callback/apple?state=" + url.QueryEscape(values.Get("state"))
	if a.StatusCode != 303 || a.Header.Get("Location") != back || a.Header.Get("Set-Cookie") != "" {
		t.Fatalf("the post: %d %v\n%s", a.StatusCode, a.Header, a.body)
	}
	if a := d.do(t, "GET", back, ""); a.StatusCode != 400 || a.Header.Get("Set-Cookie") == "" {
		t.Errorf("another browser comes for the answer: %d", a.StatusCode)
	}
	b.mustLand("the browser comes for the answer", b.get(back), "/x")
	if b.cookies["gatepost_8080"] == "" {
		t.Error("nobody is logged in")
	}
	for name, body := range map[string]string{
		"unknown": "state=x&code=y", "twice": "state=x&state=y&code=z", "nothing": "",
		"huge":    "state=" + strings.Repeat("x", 9999),
		"escaped": "state=" + url.QueryEscape("\r\nSet-Cookie: x=y&a=<b>"),
	} {
		a := d.do(t, "POST", "/api/auth/callback/apple", body, "Sec-Fetch-Site: cross-site")
		if a.StatusCode != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/api/auth/callback/apple?state=") ||
			a.Header.Get("Set-Cookie") != "" || strings.ContainsAny(a.Header.Get("Location"), "\r\n<") {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
	}
	if a := d.do(t, "POST", "/api/auth/callback/demo", "state=x", "Sec-Fetch-Site: cross-site"); a.StatusCode != 405 {
		t.Errorf("a provider that posts nothing: %d", a.StatusCode)
	}
}

// doubtful is a provider whose addresses prove nothing.
func doubtful(s *setting) { s.specs[0].TrustEmail = false }

func TestAnAccountIsConnectedOnceItIsProved(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"password", "mail"} {
		d := newIDDesk(t, doubtful, withMail)
		d.cookie(t, "ada@example.com")
		if _, err := d.db.Exec(t.Context(), `UPDATE gatepost."user" SET email_verified = true`); err != nil {
			t.Fatal(err)
		}
		b := d.browser(t)
		b.mustProve("the callback", b.enter(d.id, "demo", "next", "/x"))
		a := b.get("/login/connect")
		for _, want := range []string{"There is an account with <bdi>ada@example.com</bdi> already", "Demo &lt;ID&gt;",
			`type="password"`,
			`formaction="/login/connect/mail"`} {
			if !strings.Contains(a.body, want) {
				t.Errorf("the page lacks %s:\n%s", want, a.body)
			}
		}
		if way == "password" {
			if a := b.submit("/login/connect", "password", "wrong password"); a.StatusCode != 401 {
				t.Errorf("a wrong password: %d", a.StatusCode)
			}
			b.mustLand("the right password", b.submit("/login/connect", "password", password), "/x")
		} else {
			if a := b.submit("/login/connect/mail"); a.StatusCode != 200 ||
				!strings.Contains(a.body, "on its way to <bdi>ada@") {
				t.Errorf("the mail: %d\n%s", a.StatusCode, a.body)
			}
			d.openConnectLink(t, b)
		}
		if b.cookies["gatepost_8080"] == "" {
			t.Error("nobody is logged in")
		}
		if a := b.get("/account"); !strings.Contains(a.body, "Disconnect") ||
			!strings.Contains(a.body, "Demo &lt;ID&gt;") {
			t.Errorf("it is not connected:\n%s", a.body)
		}
		if a := b.get("/login/connect"); a.StatusCode != 400 || !strings.Contains(a.body, "not under way") {
			t.Errorf("a second time: %d", a.StatusCode)
		}
	}
}

func (d *idDesk) openConnectLink(t *testing.T, b *browser) {
	t.Helper()
	m := d.post.wait(t, mail.Connect)
	l, err := d.ui.Compose(m)
	if err != nil || !strings.Contains(l.Text, "Demo <ID>") {
		t.Errorf("%v: %s", err, l.Text)
	}
	target := strings.TrimPrefix(d.ui.LinkURL(mail.ForConnect, m.Link), "http://localhost:8080")
	other := d.browser(t)
	other.mustLand("the link elsewhere", other.get(target), "/login/connect/link")
	if a := other.get("/login/connect/link"); a.StatusCode != 403 ||
		!strings.Contains(a.body, "Open the link in the browser") {
		t.Errorf("in another browser: %d\n%s", a.StatusCode, a.body)
	}
	b.mustLand("the link", b.get(target), "/login/connect/link")
	a := b.get("/login/connect/link")
	if a.StatusCode != 200 || !strings.Contains(a.body, "ada@example.com") {
		t.Fatalf("the page of the link: %d\n%s", a.StatusCode, a.body)
	}
	if a := b.submit("/login/connect/link", "id", "other"); a.StatusCode != 410 {
		t.Errorf("with another link's form: %d", a.StatusCode)
	}
	b.mustLand("the button", b.submit("/login/connect/link", "id", a.hidden("id")), "/x")
}

// A mailed link that connects nothing says which provider it was about.
func TestALinkThatConnectsNothingNamesTheProvider(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, doubtful, withMail)
	d.cookie(t, "ada@example.com")
	b := d.browser(t)
	b.mustProve("the callback", b.enter(d.id, "demo", "next", "/x"))
	b.submit("/login/connect/mail")
	if _, err := d.db.Exec(t.Context(), `UPDATE gatepost."user" SET email_verified = true`); err != nil {
		t.Fatal(err)
	}
	if _, err := d.db.Exec(t.Context(), `INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
		SELECT 'x', $1, 'demo', 'another', id FROM gatepost."user"`, d.id.URL()); err != nil {
		t.Fatal(err)
	}
	a := b.submit("/login/connect/mail")
	if a.StatusCode != 409 || strings.Count(a.body, "Demo &lt;ID&gt;") != 2 {
		t.Errorf("another mail: %d\n%s", a.StatusCode, a.body)
	}
	link := strings.TrimPrefix(d.ui.LinkURL(mail.ForConnect, d.post.wait(t, mail.Connect).Link), "http://localhost:8080")
	b.mustLand("the link", b.get(link), "/login/connect/link")
	a = b.submit("/login/connect/link", "id", b.get("/login/connect/link").hidden("id"))
	if a.StatusCode != 409 || strings.Count(a.body, "Demo &lt;ID&gt;") != 2 {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
}

// hidden returns the value of a hidden field.
func (a answer) hidden(name string) string {
	_, rest, _ := strings.Cut(a.body, fmt.Sprintf(`<input type="hidden" name="%s" value="`, name))
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// Where sign-ups must not tell whether an address has an account, neither do logins with a provider.
func TestALoginWithAProviderDoesNotTellWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, doubtful, withMail, func(s *setting) { s.Config.ConfirmFirst = true })
	d.do(t, "POST", "/signup", form("email", "ada@example.com", "password", password))
	for _, verified := range []bool{false, true} {
		if _, err := d.db.Exec(t.Context(), `UPDATE gatepost."user" SET email_verified = $1`, verified); err != nil {
			t.Fatal(err)
		}
		var pages []string
		for _, email := range []string{"ada@example.com", fmt.Sprintf("new-%v@example.com", verified)} {
			d.id.SetPerson(providertest.Person{Subject: email, Email: email, EmailVerified: new(true)})
			b := d.browser(t)
			a := b.enter(d.id, "demo")
			if a.StatusCode != 200 || !strings.Contains(a.body, "A mail is on its way to the address that Demo") {
				t.Errorf("%s: %d\n%s", email, a.StatusCode, a.body)
			}
			if a := b.get("/login/connect"); a.StatusCode != 400 {
				t.Errorf("%s: the page to connect tells: %d", email, a.StatusCode)
			}
			var names []string
			for _, c := range a.Cookies() {
				name, _, _ := strings.Cut(c.Name, "_flow_")
				names = append(names, fmt.Sprint(name, c.MaxAge))
			}
			pages = append(pages, fmt.Sprint(names, a.body))
		}
		if pages[0] != pages[1] {
			t.Errorf("they differ:\n%s\n%s", pages[0], pages[1])
		}
	}
}

func TestWhoeverGetsASquattedAccountIsTold(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	squatter := d.cookie(t, "ada@example.com")
	b := d.browser(t)
	b.mustLand("the callback", b.enter(d.id, "demo", "next", "/x?y"), "/account/taken?next=%2Fx%3Fy")
	a := b.get("/account/taken?next=%2Fx%3Fy")
	if a.StatusCode != 200 || !strings.Contains(a.body, "The account is yours now") ||
		!strings.Contains(a.body, `href="/x?y"`) {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
	if a := d.do(t, "GET", "/account", "", squatter); a.StatusCode != 303 {
		t.Errorf("the squatter is still in: %d", a.StatusCode)
	}
	if a := d.do(t, "GET", "/account/taken?next=/x", ""); a.StatusCode != 303 || a.Header.Get("Location") != "/x" {
		t.Errorf("out of the blue: %d", a.StatusCode)
	}
	if a := d.do(t, "GET", "/account/taken?next=https://evil.example", ""); a.Header.Get("Location") != "/home" {
		t.Errorf("it leads to %v", a.Header)
	}
}

func TestClosedSignUpsAreClosedToProvidersToo(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, func(s *setting) { s.Config.SignUpClosed = true })
	b := d.browser(t)
	if a := b.enter(d.id, "demo"); a.StatusCode != 403 || !strings.Contains(a.body, "does not take new accounts") ||
		!strings.Contains(a.body, `href="/login?choose=`) {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
}

// A login that begins on the page of an invitation accepts it.
func TestAnInvitationIsAcceptedByAProvider(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withMail, func(s *setting) { s.Config.SignUpClosed, s.Config.ByInvitation = true, true })
	link := d.invite(t, "someone@example.org")
	b := d.browser(t)
	b.get("/signup/invitation?token=" + string(link))
	a := b.get("/signup/invitation")
	if !strings.Contains(a.body, `formaction="/login/with/demo"`) {
		t.Fatalf("no button:\n%s", a.body)
	}
	if a := b.submit("/login/with/demo", "id", "another link's"); a.StatusCode != 410 {
		t.Errorf("the form of another link: %d", a.StatusCode)
	}
	b.mustLand("the callback", b.enter(d.id, "demo", "id", a.hidden("id"), "remember", "on"), "/home")
	if a := b.get("/account"); !strings.Contains(a.body, "someone@example.org") {
		t.Errorf("the account has another address:\n%s", a.body)
	}
	if b.cookies["gatepost_8080_link"] != "" {
		t.Error("the link is kept")
	}
}

func (d *idDesk) invite(t *testing.T, email string) secret.Token {
	t.Helper()
	if err := d.store.Invite(t.Context(), auth.Invitation{Email: email}); err != nil {
		t.Fatal(err)
	}
	return d.post.wait(t, mail.Invite).Link
}
