package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// What a browser fetches without cookies is closed for whoever is signed in, until a rule opens it, as
// docs/app-details.md says: the manifest, and with a module as service worker what older browsers fetch.
func TestWhatABrowserFetchesWithoutCookies(t *testing.T) {
	needBrowser(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, "self.addEventListener('fetch', () => {})")
		case r.URL.Path == "/manifest.webmanifest":
			w.Header().Set("Content-Type", "application/manifest+json")
			fmt.Fprint(w, `{"name":"The app","start_url":"/"}`)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, `<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">
				<link rel="manifest" href="/manifest.webmanifest"><main>The app</main></html>`)
		}
	}))
	t.Cleanup(app.Close)
	for public, c := range map[string]struct{ manifest, module bool }{
		"":                    {false, false},
		"@assets, GET /sw.js": {true, true},
	} {
		_, database := newDatabase(t)
		url := "http://localhost:" + freePort(t)
		h := &home{env: []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + app.URL, "GATEPOST_PROTECT=/",
			"GATEPOST_PUBLIC=" + public, "GATEPOST_PUBLIC_URL=" + url}, gateway: &gateway{url: url}}
		v := newVisitorOf(t, h.serve(t).gateway)
		v.open("/signup?next=/")
		v.signUp(zhangWei())
		v.mustComeToSee("The app")
		ctx, cancel := v.limit()
		manifest, err := chromedp.Call(ctx, page.GetAppManifest, page.GetAppManifestParams{})
		cancel()
		if err != nil || strings.Contains(manifest.Data, "The app") != c.manifest {
			t.Errorf("GATEPOST_PUBLIC=%q: the manifest is %q, %v", public, manifest.Data, err)
		}
		if said := v.serviceWorker("/classic.js", "classic"); said != "" {
			t.Errorf("GATEPOST_PUBLIC=%q: a classic service worker: %s", public, said)
		}
		if said := v.serviceWorker("/sw.js", "module"); c.module && said != "" {
			t.Errorf("GATEPOST_PUBLIC=%q: a module as service worker: %s", public, said)
		} else {
			t.Logf("GATEPOST_PUBLIC=%q: a module as service worker: %q", public, said) // newer ones send cookies
		}
	}
}

// serviceWorker installs a service worker and returns what is wrong.
func (v *visitor) serviceWorker(path, kind string) string {
	v.t.Helper()
	return ask(v, "install a service worker", chromedp.Evaluate[string](fmt.Sprintf(
		`navigator.serviceWorker.register(%q, {type: %q, scope: %q}).then(() => "", e => e.message)`, path, kind,
		path+"/"), chromedp.EvalAwaitPromise))
}
