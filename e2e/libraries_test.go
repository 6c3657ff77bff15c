package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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
			script := ""
			if c.script != "" {
				b, err := os.ReadFile(needModule(t, c.script))
				if err != nil {
					t.Fatal(err)
				}
				script = string(b)
			}
			v := newVisitorOf(t, libraryGate(t, script, c.body))
			v.open("/here?page=2")
			v.waitFor("the page and what is framed", func(ctx context.Context) bool {
				ready, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState == "complete" &&
					(!frames[0] || frames[0].document.querySelector("main a") != null)`))
				return err == nil && ready
			})
			v.tap("Go")
			v.mustLandAt(c.login)
			v.mustSee("Log in")
		})
	}
}

// libraryGate is a gate before an app with one page, and a protected one.
func libraryGate(t *testing.T, script, body string) *gateway {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/library.js" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, script)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html><head><title>App</title><script src="/library.js"></script></head>
			<body>%s</body></html>`, body)
	}))
	t.Cleanup(app.Close)
	_, database := newDatabase(t)
	url := "http://localhost:" + freePort(t)
	return (&home{env: []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + app.URL,
		"GATEPOST_PROTECT=/dashboard", "GATEPOST_PUBLIC_URL=" + url}, gateway: &gateway{url: url}}).serve(t).gateway
}
