package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// Where a library of scripts loads pages, or pieces of them, somebody whose session has ended comes to the login as a
// whole page, and back. The libraries are the real ones.
func TestLibrariesOfScriptsComeToTheLogin(t *testing.T) {
	needBrowser(t)
	const here, there = "/login?next=%2Fhere%3Fpage%3D2", "/login?next=%2Fdashboard%3Ftab%3D1"
	for name, c := range map[string]struct{ script, body, login string }{
		"htmx":   {"htmx.org/dist/htmx.min.js", `<button hx-get="/dashboard?tab=1">Go</button>`, here},
		"htmx 2": {"htmx-2/dist/htmx.min.js", `<button hx-get="/dashboard?tab=1">Go</button>`, here},
		"htmx, a form": {"htmx.org/dist/htmx.min.js",
			`<form hx-post="/dashboard"><button>Go</button></form>`, here},
		"Turbo": {"@hotwired/turbo/dist/turbo.es2017-umd.js", `<a href="/dashboard?tab=1"><button>Go</button></a>`, there},
		"Turbo, a form": {"@hotwired/turbo/dist/turbo.es2017-umd.js",
			`<form method="post" action="/dashboard"><button>Go</button></form>`, here},
		"Turbo, a frame": {"@hotwired/turbo/dist/turbo.es2017-umd.js",
			`<turbo-frame id="cart"><a href="/dashboard"><button>Go</button></a></turbo-frame>`, here},
		"Unpoly": {"unpoly/unpoly.min.js",
			`<main><a href="/dashboard?tab=1" up-follow><button>Go</button></a></main>`, there},
		"Unpoly, a layer": {"unpoly/unpoly.min.js",
			`<main><a href="/dashboard" up-layer="new"><button>Go</button></a></main>`, here},
		"a frame": {"", `<button onclick="frames[0].document.querySelector('main a').click()">Go</button>
			<iframe src="/dashboard"></iframe>`, here},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitorOf(t, libraryGate(t, c.script, c.body))
			v.open("/here?page=2")
			v.waitUntil(`document.readyState == "complete" &&
				(!frames[0] || frames[0].document.querySelector("main a") != null)`)
			v.tap("Go")
			v.mustLandAt(c.login)
			v.mustSee("Log in")
		})
	}
}

// A library that asks for one of the gate's own pages lays it over no page of the app's: the browser loads the whole.
func TestLibrariesOfScriptsLoadTheGatesPagesAsAWhole(t *testing.T) {
	needBrowser(t)
	const htmx, turbo, unpoly = "htmx.org/dist/htmx.min.js", "@hotwired/turbo/dist/turbo.es2017-umd.js",
		"unpoly/unpoly.min.js"
	for name, c := range map[string]struct{ script, body string }{
		"htmx":           {htmx, `<button hx-get="/signup">Go</button>`},
		"htmx 2":         {"htmx-2/dist/htmx.min.js", `<button hx-get="/signup">Go</button>`},
		"Turbo":          {turbo, `<a href="/signup"><button>Go</button></a>`},
		"Turbo, a frame": {turbo, `<turbo-frame id="x"><a href="/signup"><button>Go</button></a></turbo-frame>`},
		"Unpoly":         {unpoly, `<main><a href="/signup" up-follow><button>Go</button></a></main>`},
		"Unpoly, a layer": {unpoly,
			`<main><a href="/signup" up-layer="new"><button>Go</button></a></main>`},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitorOf(t, libraryGate(t, c.script, c.body))
			v.open("/here")
			v.waitUntil(`document.readyState == "complete"`)
			v.tap("Go")
			v.mustBeTheGates("/signup")
		})
	}
}

// mustBeTheGates tests that the browser is at a page of the gate's, and that nothing of the app's is left around it.
func (v *visitor) mustBeTheGates(page string) {
	v.t.Helper()
	v.mustLandAt(page)
	v.waitUntil(`document.querySelector("main h1") != null && !document.querySelector("script[src='/library.js']") &&
		!window.htmx && !window.Turbo && !window.up && !window.router`)
}

// waitUntil waits for a condition on the page.
func (v *visitor) waitUntil(condition string) {
	v.t.Helper()
	v.waitFor(condition, func(ctx context.Context) bool {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		return err == nil && is
	})
}

// libraryGate is a gate before an app with one page, and a protected one.
func libraryGate(t *testing.T, script, body string) *gateway {
	t.Helper()
	file := ""
	if script != "" {
		file = needModule(t, script)
	}
	return gateBefore(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/library.js" {
			http.ServeFile(w, r, file)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html><head><title>App</title><script src="/library.js"></script></head>
			<body>%s</body></html>`, body)
	})
}

// gateBefore is a gate before an app, which it protects at /dashboard.
func gateBefore(t *testing.T, serve http.HandlerFunc) *gateway {
	t.Helper()
	app := httptest.NewServer(serve)
	t.Cleanup(app.Close)
	_, database := newDatabase(t)
	url := "http://localhost:" + freePort(t)
	return (&home{env: []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + app.URL,
		"GATEPOST_PROTECT=/dashboard", "GATEPOST_PUBLIC_URL=" + url}, gateway: &gateway{url: url}}).serve(t).gateway
}
