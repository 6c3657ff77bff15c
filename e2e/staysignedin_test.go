package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The switch: a browser is signed in at the real Better Auth, and stays so when a gate takes its place, under the same
// address. Nobody sees a login.
func TestABrowserStaysSignedInWhenTheGateTakesOver(t *testing.T) {
	old := layouts[len(layouts)-1].start(t)
	app := httptest.NewServer(http.HandlerFunc(tellHeaders))
	t.Cleanup(app.Close)
	// One page of each browser stays open over the switch.
	there := &gateway{url: old.url}
	ada, kim := newVisitorOf(t, there), newVisitorOf(t, there)
	people := map[*visitor]person{}
	for v, login := range map[*visitor]string{ada: "ada", kim: "kim"} {
		m := old.join(t, login, "a quiet river at noon")
		people[v] = m.person
		v.signInThere(m.person, v == ada)
	}
	before := ada.cookies(old.url)
	if len(before) < 2 {
		t.Fatalf("Better Auth has set %v", before)
	}

	h := moveInto(t, "better-auth", old.source, app.URL, old.port, "GATEPOST_IMPORT_BETTER_AUTH_SECRET="+oldSecret)
	if n, _ := h.bring(t); n.Created != 2 || n.Sessions != 4 { // and those of the sign-ups
		t.Fatalf("counts %+v", n)
	}
	end(old.program)
	h.serve(t)
	ada.gate, kim.gate = h.gateway, h.gateway

	answers := ada.listen("/")
	got := ada.fetchDashboard() // by the page of the app before
	if got.Status != 200 || got.Redirected || !strings.Contains(got.Body, "Email: "+people[ada].email) {
		t.Errorf("a script of the page before gets %+v", got)
	}
	if now := ada.cookies(h.url); len(now) != len(before) {
		t.Errorf("which has changed the cookies %v to %v", before, now)
	}
	ada.open("/dashboard?tab=2")
	ada.mustBeAt("/dashboard?tab=2")
	ada.mustSee("Email: " + people[ada].email + "\n")
	if all := answers.all(); slices.ContainsFunc(all, func(a string) bool { return !strings.HasPrefix(a, "200") }) {
		t.Errorf("the browser gets %q on its way", all)
	}
	ada.mustHaveMoved(true)

	kim.press("Save") // a form of the page before
	kim.mustBeAt("/dashboard")
	kim.mustSee("Email: " + people[kim].email + "\n")
	kim.open("/account") // a page of the gate's, where the browser arrives on the spot
	kim.mustBeAt("/account")
	kim.mustSee(people[kim].email)
	kim.mustHaveMoved(false)

	ada.leaveForGood(people[ada], before)
}

// signInThere signs in at the app before, by its script.
func (v *visitor) signInThere(p person, remember bool) {
	v.t.Helper()
	v.open("/")
	v.mustSee("Old login")
	v.fill("email", p.email)
	v.fill("password", p.password)
	if !remember {
		ask(v, "do not remember", chromedp.Click(chromedp.CSS("input[name=remember]")))
	}
	ask(v, "press Sign in", chromedp.Click(chromedp.CSS("button")))
	v.mustLandAt("/dashboard")
	v.mustSee("Email: " + p.email)
}

// mustHaveMoved checks that the browser has a session of the gate's, to be remembered or not, and no old cookie.
func (v *visitor) mustHaveMoved(remembered bool) {
	v.t.Helper()
	ctx, cancel := v.limit()
	defer cancel()
	found, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{v.gate.url}})
	if err != nil {
		v.t.Fatalf("read the cookies: %v", err)
	}
	name := "gatepost_" + v.gate.url[strings.LastIndex(v.gate.url, ":")+1:]
	ours := false
	for _, c := range found.Cookies {
		if !strings.HasPrefix(c.Name, name) {
			v.t.Errorf("the browser still has the cookie %s", c.Name)
		}
		if c.Name == name {
			ours = c.Session != remembered
		}
	}
	if !ours {
		v.t.Errorf("no session, or one with another end than the old one: %+v", found.Cookies)
	}
}

// leaveForGood logs out on the account page. The cookie of the app before, put back by hand, opens nothing then.
func (v *visitor) leaveForGood(p person, before []*http.Cookie) {
	v.t.Helper()
	v.open("/account")
	v.mustSee(p.email)
	v.press("Log out")
	v.mustBeAt("/login")
	stranger := newVisitorOf(v.t, v.gate) // to whom the gate is new
	for _, browser := range []*visitor{v, stranger} {
		for _, c := range before {
			call(browser, "put back "+c.Name, network.SetCookie,
				network.SetCookieParams{Name: c.Name, Value: c.Value, URL: v.gate.url})
		}
		browser.open("/dashboard")
		browser.mustBeAt("/login?next=%2Fdashboard")
		browser.open("/public") // where scripts may ask
		if got := browser.fetchDashboard(); got.Status != 401 {
			v.t.Errorf("a script with the old cookie gets %+v", got)
		}
	}
	v.open("/login")
	v.logIn(p)
	v.mustBeAt("/dashboard")
	v.mustSee("Email: " + p.email + "\n")
}
