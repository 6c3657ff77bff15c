package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// workGate is a gate that asks for a proof of work.
func workGate(t *testing.T) *gateway {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>App</title><main>Hello ` +
			r.Header.Get("X-Auth-Email") + `</main></html>`))
	}))
	t.Cleanup(app.Close)
	_, database := newDatabase(t)
	url := "http://localhost:" + freePort(t)
	h := &home{env: []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + app.URL, "GATEPOST_PUBLIC_URL=" + url,
		"GATEPOST_CHALLENGE=altcha", "GATEPOST_CHALLENGE_AFTER=1", "GATEPOST_SIGNUP_LIMIT=0"}, gateway: &gateway{url: url}}
	return h.serve(t).gateway
}

// The browser does the work by itself: people fill in the form and send it. So it is where it has no workers, and at a
// login after a failure.
func TestABrowserShowsByItselfThatItIsNoBot(t *testing.T) {
	needBrowser(t)
	g := workGate(t)
	for _, without := range []string{"", "delete globalThis.Worker"} {
		v, p := newVisitorOf(t, g), zhangWei()
		w := v.watch()
		if without != "" {
			call(v, "take workers away", page.AddScriptToEvaluateOnNewDocument,
				page.AddScriptToEvaluateOnNewDocumentParams{Source: without})
		}
		v.open("/signup?next=/dashboard")
		v.mustBeAccessible("a sign-up with a proof of work")
		v.mustFit("a sign-up with a proof of work")
		v.fillIn(p)
		v.click("/signup")
		v.mustArriveAt("/dashboard")
		v.mustSee("Hello " + p.email)
		v.mustBeClean(w, "a sign-up with a proof of work")

		other := newVisitorOf(t, g)
		other.open("/login?next=/dashboard")
		other.logIn(person{email: p.email, password: "a noisy river at noon"})
		other.mustSee("The e-mail address or the password is not right.")
		for range 2 { // the second one, too, needs a solution of its own
			other.fillIn(person{email: p.email, password: "a noisy river at noon"})
			other.click("/login")
			other.waitForAnswer()
			other.mustSee("The e-mail address or the password is not right.")
		}
		other.fillIn(person{email: p.email, password: p.password})
		other.click("/login")
		other.mustArriveAt("/dashboard")
	}
}

// waitForAnswer waits until a form that was sent has an answer, which is a page without what was typed into the one
// before.
func (v *visitor) waitForAnswer() {
	v.t.Helper()
	v.mustSoon("an answer", `document.querySelector("input[name=password]")?.value === ""`)
}

// Where a puzzle cannot be had the page says so, and the form can be sent again. Where there are no scripts it says
// what is needed, before and after.
func TestAFormSaysWhatItNeedsToShowThatNobodyIsABot(t *testing.T) {
	needBrowser(t)
	g := workGate(t)
	v, p := newVisitorOf(t, g), zhangWei()
	h := v.intercept(g.url+"/.gatepost/challenge*", &hold{v: v, decline: true})
	v.open("/signup?next=/dashboard")
	v.fillIn(p)
	v.click("/signup")
	v.mustSoon("words", `document.querySelector("#captcha-status").textContent.includes("could not show")`)
	v.mustBeAccessible("a sign-up whose proof of work has failed")
	ask(v, "let puzzles come", h.release)
	v.click("/signup")
	v.mustArriveAt("/dashboard")

	v = newVisitorOf(t, g)
	v.disableScripts()
	v.open("/signup?next=/dashboard")
	v.mustSee("This form needs scripts")
	if status := v.signUp(zhangWei()); status != 400 {
		t.Errorf("without scripts: status %d", status)
	}
	v.mustSee("Allow scripts for this site, and send the form once more")
}

// mustSoon waits until a script says yes.
func (v *visitor) mustSoon(what, script string) {
	v.t.Helper()
	v.waitFor(what, func(ctx context.Context) bool {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
		return err == nil && yes // on an error the page has just been replaced by the next
	})
}
