package acceptance_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// An app with its own login at the gate's path redirects unknown visitors there, and shows other visitors a
// page.
func TestALoginOfTheAppsOwnIsNoEndlessLoop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		location string // of the answer to /
		home     string
	}{
		{302, "/login", "/"}, {303, "/login?next=%2F", "/"}, {301, "login", "/"}, {307, "./x/../login", "/"},
		{308, "/signup", "/"}, {302, "/register", "/"},
		{302, "http://HOST/login", "/"}, {302, "//HOST/login?next=/", "/"}, {302, "/between", "/"},
		{302, "/login", "/home"},
	} {
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			location := strings.ReplaceAll(c.location, "HOST", r.Host)
			switch r.URL.Path {
			case "/fine":
				fmt.Fprint(w, "fine")
			case "/between", "/profile":
				w.Header().Set("Location", "/login?next=/fine")
				if r.URL.Path == "/between" {
					w.Header().Set("Location", "/login")
				}
				w.WriteHeader(302)
			default:
				w.Header().Set("Location", location)
				w.WriteHeader(c.status)
			}
		}))
		t.Cleanup(app.Close)
		g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.URL,
			"GATEPOST_HOME="+c.home, "GATEPOST_PROTECT=/fine")
		v := g.visitor(t)
		v.signUp("ada@example.com")
		session := "Cookie: " + v.cookie().String()
		jarless, script := g.visitor(t), g.visitor(t)
		jarless.client.Jar = nil
		jarless.client.CheckRedirect, v.client.CheckRedirect = nil, nil // Go follows at most ten redirects
		for i, r := range []reply{v.open("/"), jarless.do("GET", c.home, nil, session, navigate)} {
			if r.status != 508 || !strings.Contains(r.body, "GATEPOST_PAGES") ||
				!strings.Contains(r.body, "you may not see this page") || !strings.Contains(r.body, "<html") {
				t.Errorf("%+v, %d: %d %.200s", c, i, r.status, r.body)
			}
		}
		for range 9 { // requests of scripts are no loop of pages
			if r := script.do("GET", c.home, nil, session); r.status/100 != 3 {
				t.Errorf("%+v: a script got %d", c, r.status)
			}
		}
		for range 9 { // visitors may open the login themselves, or by a link that leads on
			for _, path := range []string{"/login?next=/fine", "/profile"} {
				if r := v.open(path); r.body != "fine" {
					t.Errorf("%s: %d %.200s", path, r.status, r.body)
				}
			}
		}
		logged := func() int {
			return strings.Count(g.log.String(), "sends visitors who are signed in to the gate's login")
		}
		eventually(t, "the log names the loop", func() bool { return logged() > 0 })
		if n := logged(); n != 1 {
			t.Errorf("%+v: logged %d times", c, n)
		}
	}
}

// Where the gate's pages are moved, an app keeps a login of its own at /login, and is no loop.
func TestMovedPagesLeaveTheAppItsLogin(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		_, _ = fmt.Fprint(w, r.Method, " the app's login for ", r.Header.Get("X-Auth-Email"))
	}))
	t.Cleanup(app.Close)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.URL, "GATEPOST_PAGES=/auth",
		"GATEPOST_PROTECT=/")
	v := g.visitor(t)
	if r := v.open("/dashboard"); r.status != 303 || r.location() != "/auth/login?next=%2Fdashboard" {
		t.Errorf("signed out: %d to %q", r.status, r.location())
	}
	if r := v.post("/auth/signup", "email", "ada@example.com", "password", password); r.status != 303 {
		t.Fatalf("sign up: %d %s", r.status, r.body)
	}
	for range 9 {
		if r := v.open("/dashboard"); r.status != 303 || r.location() != "/login" {
			t.Errorf("the app's redirect: %d to %q", r.status, r.location())
		}
		if r := v.open("/login"); r.body != "GET the app's login for ada@example.com" {
			t.Errorf("the app's login: %d %.200s", r.status, r.body)
		}
	}
	if r := v.post("/login", "user", "ada"); r.body != "POST the app's login for ada@example.com" {
		t.Errorf("its form: %d %.200s", r.status, r.body)
	}
}
