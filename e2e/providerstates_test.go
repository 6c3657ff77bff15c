package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// startDemoWith runs a second demo, with the company's provider beside its own, until the test ends.
func startDemoWith(t *testing.T) (*gateway, *certified) {
	t.Helper()
	needBrowser(t) // without a browser nothing has been built
	port := freePort(t)
	provider := startCertified(t, map[string]string{"demo": "http://localhost:" + port})
	dir, err := serverDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	g, err := startDemo(site.cmd.Path, dir, append(provider.settings("demo"), "GATEPOST_LISTEN=localhost:"+port)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(g.stop(), g.failures()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("what the gate wrote:\n%s", g.out)
		}
	})
	return g, provider
}

// What TestEveryStateIsAccessibleFitsAndLoadsQuietly does, for the pages that people see who come by a provider.
// Here the pages also have to be valid as they came over HTTP.
func TestEveryStateWithProvidersIsAccessibleValidFitsAndLoadsQuietly(t *testing.T) {
	gate, provider := startDemoWith(t)
	for n, c := range []struct {
		tongue
		number string
		owner  person
	}{{tongue{"en-GB", "en", "ltr"}, "1", ada}, {tongue{"ar-EG", "ar", "rtl"}, "2", grace}} {
		t.Run(c.lang, func(t *testing.T) {
			v := newVisitorOf(t, gate)
			if n > 0 {
				v.disableScripts()
			}
			w := v.watch()
			tour := &providerTour{w, provider, zhangWei(), c.owner, c.number, nil}
			for i, s := range tour.states() {
				v.inspect(w, s, c.tongue, looksAt(i, n)...)
				validHTML(t, fmt.Sprint(c.lang, "-", i, "-", s.name), s.status, v.source(w))
			}
		})
	}
}

// source returns the page that arrived last, as it came over HTTP.
func (v *visitor) source(w *watch) string {
	v.t.Helper()
	w.mu.Lock()
	id := w.page
	w.mu.Unlock()
	ctx, cancel := v.limit()
	defer cancel()
	got, err := chromedp.Call(ctx, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
	if err != nil {
		v.t.Fatalf("read the source: %v\n%s", err, v.view())
	}
	return string(got.Body)
}

// providerTour is what the states need. Before a page of ours is judged, the complaints about pages of the provider
// are dropped.
type providerTour struct {
	w        *watch
	provider *certified
	p        person // has an account with a password
	owner    person // has one at Demo ID, with this number
	number   string
	way      *hold
}

func (o *providerTour) states() []state {
	return append(append(o.comingStates(), o.connectStates()...), o.ownStates()...)
}

func (o *providerTour) comingStates() []state {
	return []state{
		{"/login with providers", 200, func(v *visitor) int { return v.open("/login?next=/account") }},
		{"/signup with providers", 200, func(v *visitor) int { return v.open("/signup?next=/account") }},
		{"on to a provider", 200, func(v *visitor) int {
			o.way = v.stay(o.provider.issuer + "/*")
			status := v.goWith(withStaff)
			o.way.await()
			return status
		}},
		{"stopped at a provider", 403, func(v *visitor) int {
			ask(v, "let requests pass", o.way.release)
			v.load("follow the link", chromedp.Click(chromedp.CSS("main a.go")))
			v.mustCome(o.provider.issuer + "/interaction/")
			o.w.take()
			return v.follow("[ Cancel ]")
		}},
		{"/login with the choice", 200, func(v *visitor) int { return v.open("/login?choose=&next=/account") }},
		{"an answer that nobody waits for", 400, func(v *visitor) int {
			return v.open("/api/auth/callback/corp?state=x&code=y")
		}},
	}
}

func (o *providerTour) connectStates() []state {
	login, _, _ := strings.Cut(o.p.email, "@")
	return []state{
		{"/login/connect", 200, func(v *visitor) int {
			newReaderOf(v.t, v.gate).signUp(o.p)
			v.gate.change(v.t, o.p, `UPDATE gatepost."user" SET email_verified = true WHERE email = :'email'`)
			v.open("/login?next=/account")
			v.goWith(withStaff)
			v.logInAt(o.provider, colleague(login))
			o.w.take()
			return v.press("Continue")
		}},
		{"a failed connect", 401, func(v *visitor) int {
			v.fill("password", "a noisy river at noon")
			return v.submit("/login/connect")
		}},
		{"mail on its way to connect", 200, func(v *visitor) int { return v.goWith("/login/connect/mail") }},
		{"/login/connect/link", 200, func(v *visitor) int { return v.openMailed(o.p, "/login/connect/link") }},
		{"/account with ways", 200, func(v *visitor) int { return v.submit("/login/connect/link") }},
		{"the password or a provider once more", 403, func(v *visitor) int {
			v.gate.growOld(v.t, o.p)
			return v.submit("/account/disconnect")
		}},
		{"/account after a disconnect", 200, func(v *visitor) int {
			v.fill("password", o.p.password)
			return v.submit("/account/disconnect")
		}},
		{"/logout goes on to a provider", 200, func(v *visitor) int {
			v.goTo(withStaffAgain, o)
			o.way = v.stay(o.provider.issuer + "/*")
			status := v.submit("/logout")
			o.way.await()
			return status
		}},
	}
}

// withStaffAgain connects the company's provider on the account page.
const withStaffAgain = "/account/connect/corp"

// goTo connects the provider, where the person is logged in, and comes back to a session that came by it.
func (v *visitor) goTo(action string, o *providerTour) {
	v.t.Helper()
	v.goWith(action)
	v.mustLandAt("/account")
	v.open("/logout")
	v.submit("/logout")
	v.open("/login?next=/account")
	v.goWith(withStaff)
	v.mustLandAt("/account")
	o.w.take()
}

func (o *providerTour) ownStates() []state {
	return []state{
		{"/account/taken", 200, func(v *visitor) int {
			ask(v, "let requests pass", o.way.release)
			v.becomeStrange()
			stranger := o.owner
			stranger.password = "a noisy river at noon"
			newReaderOf(v.t, v.gate).signUp(stranger)
			v.open("/login?next=/account")
			v.goWith(withDemo)
			v.mustAskWho()
			o.w.take()
			return v.choosePerson(o.number)
		}},
		{"/account without a password", 200, func(v *visitor) int { return v.open("/account") }},
		{"the last way in", 409, func(v *visitor) int { return v.submit("/account/disconnect") }},
		{"a provider once more", 403, func(v *visitor) int {
			v.gate.growOld(v.t, o.owner)
			v.open("/account")
			return v.submit("/account/disconnect")
		}},
		{"/account once it was shown", 200, func(v *visitor) int {
			v.goWith("/account/confirm/demo")
			v.mustAskWho()
			o.w.take()
			return v.choosePerson(o.number)
		}},
	}
}
