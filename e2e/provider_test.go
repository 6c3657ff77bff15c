package e2e

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// colleague is somebody with an account at the company's provider.
type colleague string

func newColleague() colleague {
	login, _, _ := strings.Cut(zhangWei().email, "@")
	return colleague(login)
}

func (c colleague) email() string { return string(c) + "@example.com" }

// mustCome waits for a page of any site whose address begins so, until it has loaded.
func (v *visitor) mustCome(prefix string) (address string) {
	v.t.Helper()
	v.waitFor("a page at "+prefix, func(ctx context.Context) bool {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState + " " + location`))
		state, at, _ := strings.Cut(got, " ")
		address = at
		return err == nil && state == "complete" && strings.HasPrefix(at, prefix)
	})
	return address
}

// choosing is the button for an address, which its form or it itself names.
func choosing(action string) chromedp.CSS {
	return chromedp.CSS(`main button[formaction="` + action + `"], main form[action="` + action + `"] button`)
}

// goWith presses the button for a provider, and stays on the page that leads there.
func (v *visitor) goWith(action string) int {
	v.t.Helper()
	return v.load("press the button for "+action, chromedp.Click(choosing(action)))
}

// comeAs logs in at the provider and agrees to what the gate wants to know.
func (v *visitor) comeAs(p *certified, who colleague) int {
	v.t.Helper()
	v.logInAt(p, who)
	return v.press("Continue")
}

// logInAt logs in at the provider. Its next page asks for consent.
func (v *visitor) logInAt(p *certified, who colleague) {
	v.t.Helper()
	v.mustCome(p.issuer + "/interaction/")
	v.fill("login", string(who))
	v.fill("password", "any")
	v.press("Sign-in")
}

// oidc-provider is certified by the OpenID foundation, and has no e-mail in its ID tokens. The issuer of zitadel's
// example ends with a slash.
func TestSignInWithRealProviders(t *testing.T) {
	z := startZitadel(t)
	c := startCompany(t, z.settings()...)
	z.serve(c.url)
	t.Run("zitadel", func(t *testing.T) { z.walk(newVisitorOf(t, c.gateway)) })
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			v := newVisitorOf(t, c.gateway)
			if !scripts {
				v.disableScripts()
			}
			c.comeAndGo(v, newColleague())
		})
	}
	for name, walk := range map[string]func(*visitor){
		"by the link of the page between":        c.followTheLink,
		"who does not agree gets a way on":       c.disagree,
		"begun at one gate and ended at another": c.changeGates,
		"a log-out there counts at every gate":   c.leaveThere,
		"two tabs at once":                       c.comeTwice,
		"whoever is logged in can come as well":  c.changeAccounts,
		"who has no password proves it there":    c.proveAgain,
	} {
		t.Run(name, func(t *testing.T) { walk(newVisitorOf(t, c.gateway)) })
	}
	said := c.provider.out.String()
	for _, line := range regexp.MustCompile(`(?m)^the ID token has .*$`).FindAllString(said, -1) {
		if strings.Contains(line, "email") || strings.Contains(line, "groups") {
			t.Errorf("%s, so nobody needs UserInfo", line)
		}
	}
	for _, bad := range []string{"backchannel.error", "grant.error", "server_error"} {
		if strings.Contains(said, bad) {
			t.Errorf("the provider reports a %s", bad)
		}
	}
}

// comeAndGo signs in twice, and out of both.
func (c *company) comeAndGo(v *visitor, who colleague) {
	v.t.Helper()
	const wanted, login = "/dashboard?tab=2", "/login?next=%2Fdashboard%3Ftab%3D2"
	w := v.watch()
	v.open(wanted)
	v.mustBeAt(login)
	v.goWith(withStaff)
	v.mustCome(c.provider.issuer + "/interaction/") // the page between goes on by itself
	v.comeAs(c.provider, who)
	v.mustBeAt(wanted)
	for _, want := range []string{"Email: " + who.email() + "\n", "Email-Verified: false\n",
		"Name: Zo%C3%AB of " + string(who) + "\n", "Roles: user,editor"} {
		v.mustSee(want)
	}
	before := v.text()
	if said := c.provider.out.String(); !strings.Contains(said, "UserInfo has email email_verified groups name sub") {
		v.t.Errorf("UserInfo did not tell the address, so who did?\n%s", said)
	}

	v.press("Log out")
	if there := v.mustCome(c.provider.issuer + "/session/end"); !strings.Contains(there, "id_token_hint=") {
		v.t.Errorf("the provider has to ask who it is: %s", there)
	}
	v.open(wanted) // logged out here, and still logged in there
	v.mustBeAt(login)
	v.goWith(withStaff)
	v.mustLandAt(wanted) // nobody is asked for consent again
	if now := v.text(); now != before {
		v.t.Errorf("the second time the app is told\n%s\nand at first it was\n%s", now, before)
	}

	v.press("Log out")
	v.mustCome(c.provider.issuer + "/session/end")
	v.press("Yes, sign me out")
	v.mustBeAt("/login")
	v.open("/dashboard")
	v.goWith(withStaff)
	v.mustCome(c.provider.issuer + "/interaction/")
	v.mustSee("Sign-in") // logged out there too
	v.mustNotSee("scopes")
	if troubles, _ := w.take(); strings.Contains(strings.Join(troubles, "\n"), "form-action") {
		v.t.Errorf("a policy got in the way:\n%s", strings.Join(troubles, "\n"))
	}
}

// followTheLink goes on by the link, when the browser's own way on has led nowhere.
func (c *company) followTheLink(v *visitor) {
	v.open("/dashboard")
	h := v.stay(c.provider.issuer + "/*")
	v.goWith(withStaff)
	h.await() // the browser's own way on
	v.mustBeAt(withStaff)
	ask(v, "let requests pass", h.release)
	v.load("follow the link", chromedp.Click(chromedp.CSS("main a.go")))
	v.comeAs(c.provider, newColleague())
	v.mustBeAt("/dashboard")
}

func (c *company) disagree(v *visitor) {
	who := newColleague()
	v.open("/dashboard?tab=2")
	v.goWith(withStaff)
	v.logInAt(c.provider, who)
	v.mustSee("scopes")
	if status := v.follow("[ Cancel ]"); status != 403 {
		v.t.Errorf("the answer of the provider gets status %d, want 403", status)
	}
	v.mustSee("It was stopped at " + staff)
	v.follow("Choose how to log in")
	v.mustBeAt("/login?choose=&next=%2Fdashboard%3Ftab%3D2")
	v.goWith(withStaff)
	v.mustCome(c.provider.issuer + "/interaction/")
	v.press("Continue")
	v.mustBeAt("/dashboard?tab=2")
	v.mustSee(who.email())
}

// changeGates begins at one gate, and ends at the other.
func (c *company) changeGates(v *visitor) {
	defer c.turn.Store(0)
	const answered = "path=/api/auth/callback/corp"
	who, before := newColleague(), strings.Count(c.gates[0].out.String(), answered)
	v.open("/dashboard")
	v.goWith(withStaff)
	v.mustCome(c.provider.issuer + "/interaction/")
	c.turn.Store(1)
	v.comeAs(c.provider, who)
	v.mustBeAt("/dashboard")
	v.mustSee(who.email())
	v.waitFor("the log of the other gate", func(context.Context) bool {
		return strings.Contains(c.gates[1].out.String(), answered)
	})
	if now := strings.Count(c.gates[0].out.String(), answered); now != before {
		v.t.Error("the first gate has answered")
	}
}

// leaveThere logs out at the provider, which tells one gate; the other knows within a second.
func (c *company) leaveThere(v *visitor) {
	v.open("/dashboard")
	v.goWith(withStaff)
	v.comeAs(c.provider, newColleague())
	v.mustBeAt("/dashboard")
	session := v.cookies(c.url)
	for i := range c.gates {
		if status := c.ask(v.t, i, session); status != 200 { // and now it stands in each gate's memory
			v.t.Fatalf("gate %d does not know the session: status %d", i, status)
		}
	}
	there := v.newTab()
	there.load("open the log-out of the provider", chromedp.Navigate(c.provider.issuer+"/session/end"))
	there.press("Yes, sign me out")
	ended := time.Now()
	if said := c.provider.out.String(); !strings.Contains(said, "backchannel.success gate") {
		v.t.Fatalf("no gate was told:\n%s", said)
	}
	for i := range c.gates {
		for {
			began := time.Now()
			if c.ask(v.t, i, session) == 303 {
				break
			}
			if began.Sub(ended) > time.Second {
				v.t.Errorf("gate %d lets in who logged out more than a second ago", i)
				break
			}
		}
	}
	v.open("/dashboard")
	v.mustBeAt("/login?next=%2Fdashboard")
}

// cookies returns the browser's cookies for a site.
func (v *visitor) cookies(site string) (list []*http.Cookie) {
	v.t.Helper()
	ctx, cancel := v.limit()
	defer cancel()
	found, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{site}})
	if err != nil {
		v.t.Fatalf("read the cookies: %v", err)
	}
	for _, cookie := range found.Cookies {
		list = append(list, &http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	return list
}

// ask opens the dashboard at one of the gates, whoever's turn it is, and returns the status.
func (c *company) ask(t *testing.T, gate int, cookies []*http.Cookie) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.at[gate].String()+"/dashboard", nil)
	if err != nil {
		t.Fatal(err)
	}
	public, _ := url.Parse(c.url)
	r.Host = public.Host
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// comeTwice has two sign-ins under way in one browser, and finishes the older one last.
func (c *company) comeTwice(v *visitor) {
	who, tab := newColleague(), v.newTab()
	v.open("/dashboard?tab=1")
	tab.open("/dashboard?tab=2")
	v.goWith(withStaff)
	v.mustCome(c.provider.issuer + "/interaction/")
	tab.goWith(withStaff)
	tab.comeAs(c.provider, who)
	tab.mustBeAt("/dashboard?tab=2")
	v.logInAt(c.provider, who)
	v.mustLandAt("/dashboard?tab=1")
	v.mustSee(who.email())
	tab.open("/dashboard?tab=2")
	tab.mustSee(who.email())
}

// proveAgain does what needs a fresh proof. The provider has seen the person a moment ago, and says when that was.
func (c *company) proveAgain(v *visitor) {
	who := newColleague()
	dir := v.download()
	v.open("/login?next=/account")
	v.goWith(withStaff)
	v.comeAs(c.provider, who)
	v.mustBeAt("/account")
	site.changeIn(v.t, c.database, person{email: who.email()}, growOld)
	v.click("/account/export")
	v.mustComeToSee("Is it you?")
	v.goWith("/account/confirm/corp")
	v.mustLandAt("/account")
	if said := c.provider.out.String(); !strings.Contains(said, "the ID token has aud auth_time exp") {
		v.t.Errorf("the provider did not say when it saw whom:\n%s", said)
	}
	v.click("/account/export")
	v.mustHaveDownloaded(dir, person{email: who.email(), name: string(who)})
}

// changeAccounts signs in with a provider over the session of another user, which ends.
func (c *company) changeAccounts(v *visitor) {
	p, who := zhangWei(), newColleague()
	v.open("/login?next=/dashboard")
	tab := v.newTab()
	tab.open("/signup")
	tab.signUp(p)
	tab.mustSee(p.email)
	before := v.cookies(c.url)
	v.goWith(withStaff)
	v.comeAs(c.provider, who)
	v.mustBeAt("/dashboard")
	v.mustSee(who.email())
	tab.open("/dashboard")
	tab.mustNotSee(p.email)
	if status := c.ask(v.t, 0, before); status != 303 {
		v.t.Errorf("the session before still opens the app: status %d", status)
	}
}
