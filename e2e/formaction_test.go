package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A form of ours that redirected to a provider would lead nowhere: the walks through providers show that ours does
// not, and this that the browser would tell.
func TestBrowserFollowsNoRedirectOfAFormThatItsPolicyForbids(t *testing.T) {
	policy := newReader(t)
	res, _ := policy.get("/login", nil)
	if !strings.Contains(res.Header.Get("Content-Security-Policy"), "form-action 'self';") {
		t.Errorf("the policy of the login page is %q", res.Header.Get("Content-Security-Policy"))
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("the other site"))
	}))
	defer other.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, other.URL, http.StatusSeeOther)
			return
		}
		w.Header().Set("Content-Security-Policy", "form-action 'self'")
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><main>
			<form method="post" action="/go"><button type="submit">Go</button></form></main>`))
	}))
	defer page.Close()
	v := newVisitor(t)
	w := v.watch()
	v.load("open the page", chromedp.Navigate(page.URL))
	v.click("/go")
	v.waitFor("the browser to say what it forbids", func(context.Context) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return strings.Contains(strings.Join(w.troubles, "\n"), "form-action")
	})
	v.mustNotSee("the other site")
}
