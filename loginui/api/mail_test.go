package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
)

const sentIfKnown = `{"status":true,` +
	`"message":"If this email exists in our system, check your email for the reset link"}`

func TestAPasswordIsResetOnAPageOfTheApp(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	b := d.signUp(t, "ada@example.com")
	for _, email := range []string{"nobody@example.com", "ADA@example.com"} {
		a := d.browser(t).post("/request-password-reset", "email", email, "redirectTo", "/reset?a=b#c")
		if a.StatusCode != 200 || a.body != sentIfKnown {
			t.Errorf("%s: %d %s", email, a.StatusCode, a.body)
		}
	}
	address := d.link(t, d.letter(t, mail.Reset))
	if !strings.HasPrefix(address, "/api/auth/reset-password/") {
		t.Fatalf("the link is %s", address)
	}
	opened := d.do(t, "GET", address, "")
	to, err := url.Parse(opened.Header.Get("Location"))
	token := to.Query().Get("token")
	if err != nil || opened.StatusCode != 302 || to.Path != "/reset" || to.Query().Get("a") != "b" || to.Fragment != "c" ||
		!strings.Contains(address, token) || token == "" {
		t.Fatalf("got %d %v", opened.StatusCode, opened.Header)
	}
	d.browser(t).post("/reset-password", "token", token, "newPassword", "short").must(t, "short", 400,
		"PASSWORD_TOO_SHORT")
	if b.session() == "" {
		t.Fatal("opening a link has ended a session")
	}
	reader := d.signUp(t, "bob@example.com") // somebody else was signed in there
	if a := reader.post("/reset-password", "token", token, "newPassword", another); a.body != `{"status":true}` {
		t.Fatalf("got %d %s", a.StatusCode, a.body)
	}
	if b.session() != "" || reader.cookies["gatepost_8080"] != "" || reader.cookies["gatepost_8080_known"] == "" {
		t.Errorf("a session goes on, or was made, or the browser is not known: %v", reader.cookies)
	}
	reader.post("/reset-password", "token", token, "newPassword", another).must(t, "again", 400, "INVALID_TOKEN")
	if a := d.do(t, "GET", address, ""); a.Header.Get("Location") != "/reset?a=b&error=INVALID_TOKEN#c" {
		t.Errorf("a used link leads to %s", a.Header.Get("Location"))
	}
	d.signIn(t, "ada@example.com", another)
}

func TestLinksThatDoNotWork(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	token := strings.Repeat("A", 43)
	for _, c := range []struct {
		target string
		status int
		code   string
	}{
		{"/reset-password/" + token, 400, "VALIDATION_ERROR"},
		{"/reset-password/" + token + "?callbackURL=//evil.example", 403, "INVALID_CALLBACK_URL"},
		{"/verify-email", 401, "INVALID_TOKEN"}, {"/verify-email?token=" + token, 401, "INVALID_TOKEN"},
		{"/verify-email?token=x&callbackURL=https://evil.example", 403, "INVALID_CALLBACK_URL"},
	} {
		d.do(t, "GET", "/api/auth"+c.target, "").must(t, c.target, c.status, c.code)
	}
	for target, want := range map[string]string{"/reset-password/x?callbackURL=/a": "/a?error=INVALID_TOKEN",
		"/reset-password/" + token + "?callbackURL=http://localhost:8080/a?b": "/a?b&error=INVALID_TOKEN",
		"/verify-email?token=" + token + "&callbackURL=/v":                    "/v?error=INVALID_TOKEN"} {
		if a := d.do(t, "GET", "/api/auth"+target, ""); a.StatusCode != 302 || a.Header.Get("Location") != want {
			t.Errorf("%s: %d %s", target, a.StatusCode, a.Header.Get("Location"))
		}
	}
	b := d.browser(t)
	for _, token := range []string{"", "x", token} {
		b.post("/reset-password", "newPassword", another, "token", token).must(t, "token "+token, 400, "INVALID_TOKEN")
	}
	b.do("POST", "/api/auth/reset-password?token="+token, `{"newPassword":"x"}`).must(t, "query", 400, "INVALID_TOKEN")
}

// A link to confirm an address is no link for a password of a confirmed one, and a change of address is neither.
func TestALinkIsForOneThing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	b := d.signUp(t, "ada@example.com")
	b.post("/change-email", "newEmail", "ada@example.org", "password", password).must(t, "change", 200, "")
	link := string(d.letter(t, mail.Change).Link)
	if a := d.do(t, "GET", "/api/auth/reset-password/"+link+"?callbackURL=/r", ""); a.Header.Get("Location") !=
		"/r?error=INVALID_TOKEN" {
		t.Errorf("as a reset: %s", a.Header.Get("Location"))
	}
	b.post("/reset-password", "token", link, "newPassword", another).must(t, "as a reset", 400, "INVALID_TOKEN")
	b.get("/verify-email?token="+link).must(t, "as a confirmation", 401, "INVALID_TOKEN")
	if a := b.get("/verify-email?callbackURL=/v&token="+link, "Sec-Fetch-Mode: navigate"); a.Header.Get("Location") !=
		"/v?error=INVALID_TOKEN" {
		t.Errorf("as a confirmation on a page: %s", a.Header.Get("Location"))
	}
}

func TestAnAddressIsConfirmed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	b := d.signUp(t, "ada@example.com")
	first := string(d.letter(t, mail.Verify).Link)
	b.post("/send-verification-email", "email", "bob@example.com").must(t, "another's", 400, "EMAIL_MISMATCH")
	stranger := d.browser(t)
	page := stranger.get("/verify-email?token="+first+"&callbackURL=/v", "Sec-Fetch-Mode: navigate")
	if to := page.Header.Get("Location"); page.StatusCode != 302 ||
		to != "http://localhost:8080/signup/verify?token="+first+"&next=%2Fv" {
		t.Errorf("a page: %d %s", page.StatusCode, to)
	}
	elsewhere := b.get("/verify-email?token="+first, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors")
	if elsewhere.StatusCode != 302 {
		t.Errorf("from another site: %d %s", elsewhere.StatusCode, elsewhere.body)
	}
	b.do("HEAD", "/api/auth/verify-email?token="+first, "")
	stranger.get("/verify-email?token="+first).must(t, "a stranger", 401, "INVALID_TOKEN")
	if a := b.get("/get-session"); a.field("user.emailVerified") != false {
		t.Fatalf("confirmed by nobody: %s", a.body)
	}
	if a := b.get("/verify-email?token=" + first); a.body != `{"status":true,"user":null}` {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if a := b.get("/get-session"); a.field("user.emailVerified") != true {
		t.Errorf("got %s", a.body)
	}
	b.post("/send-verification-email", "email", "Ada@example.com").must(t, "again", 400, "EMAIL_ALREADY_VERIFIED")
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		if a := stranger.post("/send-verification-email", "email", email); a.body != `{"status":true}` {
			t.Errorf("%s: %d %s", email, a.StatusCode, a.body)
		}
	}
}

// In the browser of the sign-up the link signs the user in, where addresses are confirmed first.
func TestTheBrowserOfASignUpIsKnown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, required)
	b := d.signUp(t, "ada@example.com")
	link := string(d.letter(t, mail.Verify).Link)
	if a := b.get("/verify-email?token=" + link + "&callbackURL=/v"); a.StatusCode != 302 ||
		a.Header.Get("Location") != "/v" || b.session() == "" {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
}

// Whoever opens a link has a browser. What programs get is no page for people.
func TestABrowserThatOpensALinkThatDoesNotWorkGetsAPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	token := strings.Repeat("A", 43)
	for _, c := range []struct {
		target string
		status int
		say    string
	}{
		{"/verify-email", 410, "This link does not work any more"},
		{"/verify-email?token=bad", 410, "This link does not work any more"},
		{"/verify-email?token=" + token, 410, "This link does not work any more"},
		{"/verify-email?token=x&callbackURL=https://evil.example", 400, "This address cannot be opened"},
		{"/reset-password/" + token, 400, "This address cannot be opened"},
		{"/reset-password/" + token + "?callbackURL=//evil.example", 400, "This address cannot be opened"},
	} {
		for _, browser := range []string{"Sec-Fetch-Mode: navigate", "Accept: text/html,*/*;q=0.8"} {
			a := d.do(t, "GET", "/api/auth"+c.target, "", browser)
			if a.StatusCode != c.status || !strings.Contains(a.body, "<h1>"+c.say+"</h1>") ||
				!strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || strings.Contains(a.body, "evil.example") {
				t.Errorf("%s, %s: got %d %v %s", c.target, browser, a.StatusCode, a.Header, a.body)
			}
			if strings.Contains(a.body, token) {
				t.Errorf("%s: the page repeats the secret:\n%s", c.target, a.body)
			}
		}
		a := d.do(t, "GET", "/api/auth"+c.target, "", "Sec-Fetch-Mode: cors", "Accept: text/html")
		if strings.Contains(a.body, "<html") {
			t.Errorf("%s: a script got a page: %s", c.target, a.body)
		}
	}
	d.do(t, "GET", "/api/auth/list-sessions", "", "Sec-Fetch-Mode: navigate").must(t, "no link", 401, "UNAUTHORIZED")
}
