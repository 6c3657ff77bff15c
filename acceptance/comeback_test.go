package acceptance_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Whatever page the gate accepts, a login leads back to it; and to one that the app names in full.
func TestALoginLeadsBackToAnyPage(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url, "GATEPOST_PROTECT=/",
		"GATEPOST_HOME=/home")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	v.post("/logout")
	long := "/dashboard?panel=" + strings.Repeat("a", 50_000)
	for name, c := range map[string]struct{ to, want string }{
		"a long one":             {v.open(long).location(), long},
		"one in full":            {"/login?next=" + url.QueryEscape(g.url+"/dashboard?a=b"), "/dashboard?a=b"},
		"one of another site":    {"/login?next=" + url.QueryEscape("http://evil.example/dashboard"), "/home"},
		"one that is too long":   {v.open("/x?" + strings.Repeat("%2f", 20_000)).location(), "/home"},
		"the site itself":        {"/login?next=" + url.QueryEscape(g.url), "/"},
		"another port":           {"/login?next=" + url.QueryEscape(g.url+"0/dashboard"), "/home"},
		"another site as a user": {"/login?next=" + url.QueryEscape(g.url+"@evil.example/"), "/home"},
	} {
		t.Run(name, func(t *testing.T) {
			next, err := url.Parse(c.to)
			if err != nil || next.Path != "/login" {
				t.Fatalf("it leads to %.100q", c.to)
			}
			if page := v.open(c.to); page.status != 200 {
				t.Fatalf("the login is %d", page.status)
			}
			r := v.post("/login", "email", "ada@example.com", "password", password, "next", next.Query().Get("next"))
			if r.status != 303 || r.location() != c.want {
				t.Errorf("got %d to %.100q, want %.100q", r.status, r.location(), c.want)
			}
			v.post("/logout")
		})
	}
}

// A logout leads where its form or link says, else to the page of the settings, else to the login. The app's own path
// does the same.
func TestALogoutLeadsOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings   []string
		path, next string
		want       string
	}{
		"the usual":            {nil, "/logout", "", "/login"},
		"a page that is named": {nil, "/logout", "/goodbye?a=b", "/goodbye?a=b"},
		"one in the address":   {nil, "/logout?next=%2Fgoodbye", "", "/goodbye"},
		"one elsewhere":        {nil, "/logout", "https://evil.example/", "/login"},
		"one elsewhere, home":  {[]string{"GATEPOST_LOGOUT_HOME=/bye"}, "/logout", "//evil.example/", "/bye"},
		"home":                 {[]string{"GATEPOST_LOGOUT_HOME=/bye"}, "/logout", "", "/bye"},
		"named before home":    {[]string{"GATEPOST_LOGOUT_HOME=/bye"}, "/logout", "/goodbye", "/goodbye"},
		"the app's path":       {[]string{"GATEPOST_LOGOUT_PATHS=/x, /user/logout"}, "/user/logout", "", "/login"},
		"the app's path, home": {[]string{"GATEPOST_LOGOUT_PATHS=/user/logout", "GATEPOST_LOGOUT_HOME=/"}, "/user/logout",
			"", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGate(t, append(c.settings, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)...)
			v := g.visitor(t)
			v.signUp("ada@example.com")
			asked := v.open(c.path)
			if asked.status != 200 || !strings.Contains(asked.body, `action="/logout"`) || v.fetch("/dashboard").status != 200 {
				t.Fatalf("opening %s is %d and logs out, or does not ask:\n%s", c.path, asked.status, asked.body)
			}
			if r := v.do("POST", c.path, strings.NewReader(""), "Sec-Fetch-Site: cross-site"); r.status != 403 {
				t.Fatalf("another site logs out: %d", r.status)
			}
			var pairs []string
			if c.next != "" {
				pairs = []string{"next", c.next}
			}
			if r := v.post(c.path, pairs...); r.status != 303 || r.location() != c.want {
				t.Errorf("got %d to %q, want %q", r.status, r.location(), c.want)
			}
			if r := v.fetch("/dashboard"); r.status != 401 {
				t.Errorf("the session goes on: %d", r.status)
			}
			if r := v.open(c.path); r.status != 303 {
				t.Errorf("somebody who is signed out gets %d", r.status)
			}
		})
	}
}

// The page that asks keeps the page to go on to.
func TestTheLogoutPageKeepsWhereToGo(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	const field = `<input type="hidden" name="next" value="/goodbye`
	if r := v.open("/logout?next=%2Fgoodbye"); !strings.Contains(r.body, field) {
		t.Errorf("the page is\n%s", r.body)
	}
	if r := v.open("/logout?next=https://evil.example"); strings.Contains(r.body, "evil.example") {
		t.Errorf("the page is\n%s", r.body)
	}
}

// Password managers find the page to choose a new password, where there are passwords.
func TestPasswordManagersFindThePage(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	if r := v.open("/.well-known/change-password"); r.status != 303 || r.location() != "/account/password" {
		t.Errorf("got %d to %q", r.status, r.location())
	}
	if r := v.open("/account/password"); r.location() != "/login?next=%2Faccount%2Fpassword" {
		t.Errorf("which leads to %q", r.location())
	}
}
