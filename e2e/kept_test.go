package e2e

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// formGate is a gate before an app whose page has a form, and which shows the forms that come.
func formGate(t *testing.T) *gateway {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.Method == http.MethodPost {
			fmt.Fprintf(w, "<main>%s came to %s from %s</main>", html.EscapeString(r.FormValue("note")), r.URL,
				r.Header.Get("X-Auth-Email"))
			return
		}
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>App</title><main>
			<form method="post" action="/dashboard/notes?x=1"><input name="note" aria-label="Note">
			<button>Save</button></form></main>`)
	}))
	t.Cleanup(app.Close)
	_, database := newDatabase(t)
	url := "http://localhost:" + freePort(t)
	h := &home{env: []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + app.URL,
		"GATEPOST_CROSS_SITE_POST=/dashboard/paid", "GATEPOST_PUBLIC_URL=" + url}, gateway: &gateway{url: url}}
	return h.serve(t).gateway
}

// What somebody wrote while their session ended elsewhere is there again after the login.
func TestAFormThatMetTheEndOfALoginIsSentAfterwards(t *testing.T) {
	needBrowser(t)
	v, p := newVisitorOf(t, formGate(t)), zhangWei()
	v.open("/signup?next=/dashboard")
	v.signUp(p)
	v.mustLandAt("/dashboard")
	if status := ask(v, "log out elsewhere", chromedp.Evaluate[int](
		`fetch("/logout", {method: "POST", redirect: "manual"}).then(r => 0)`, chromedp.EvalAwaitPromise)); status != 0 {
		t.Fatal(status)
	}
	v.fill("note", "a “long” story")
	v.press("Save")
	v.mustSee("the form was not sent")
	v.mustBeAccessible("the login with a form")
	v.fill("email", p.email)
	v.fill("password", string(p.password))
	v.press("Log in")
	v.mustSee("Send the form?")
	v.mustBeAccessible("the form to send")
	v.press("Send it to /dashboard/notes")
	v.mustSee("a “long” story came to /dashboard/notes?x=1 from " + p.email)
}

// A form of another site arrives as the visitor's at the path that is named, without being asked.
func TestAFormOfAnotherSiteComesBackByItself(t *testing.T) {
	needBrowser(t)
	g := formGate(t)
	bank := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Bank</title><main><form method="post" action="%s%s">
			<input name="note" value="42 &lt;EUR&gt;"><button>Back</button></form></main>`, g.url, r.URL.Path)
	}))
	t.Cleanup(bank.Close)
	v, p := newVisitorOf(t, g), zhangWei()
	v.open("/signup?next=/dashboard")
	v.signUp(p)
	v.mustLandAt("/dashboard")
	v.load("pay elsewhere", chromedp.Navigate(bank.URL+"/dashboard/paid"))
	v.press("Back")
	v.mustComeToSee("42 <EUR> came to /dashboard/paid from " + p.email)
	v.load("be tricked elsewhere", chromedp.Navigate(bank.URL+"/dashboard/notes"))
	v.press("Back")
	v.mustNotSee("came to")
}
