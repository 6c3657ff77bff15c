package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Inertia asks for each page by script, and shows one that is not its own in a window over the page. The gate's answers
// have the browser go there instead.
func TestInertiaLeavesForTheGate(t *testing.T) {
	needBrowser(t)
	needModule(t, "@inertiajs/core/dist/index.js")
	v := newVisitorOf(t, gateBefore(t, inertiaApp))
	for _, c := range []struct{ visit, lands string }{
		{"router.visit('/dashboard?tab=1')", "/login?next=%2Fdashboard%3Ftab%3D1"},
		{"router.post('/dashboard', {a: 1})", "/login?next=%2Fhere%3Fpage%3D2"},
		{"router.delete('/dashboard')", "/login?next=%2Fhere%3Fpage%3D2"},
		{"router.visit('/signup')", "/signup"},
		{"router.visit('/account')", "/login?next=%2Faccount"},
		{"router.post('/logout')", "/login"},
	} {
		v.visitByInertia(c.visit)
		v.mustBeTheGates(c.lands)
	}
	v.open("/signup")
	v.signUp(zhangWei())
	v.visitByInertia("router.visit('/dashboard')")
	v.mustLandAt("/dashboard")
	v.waitUntil("window.router != null")
	v.visitByInertia("router.post('/logout?next=/bye')")
	v.mustLandAt("/bye")
	v.visitByInertia("router.visit('/dashboard')")
	v.mustBeTheGates("/login?next=%2Fdashboard")
}

// visitByInertia opens a page of the app's and presses a button there that calls Inertia.
func (v *visitor) visitByInertia(call string) {
	v.t.Helper()
	v.open("/here?page=2")
	v.waitUntil(fmt.Sprintf(`window.router && !!(document.querySelector("button").onclick = () => %s)`, call))
	v.tap("Go")
}

// inertiaApp answers as an app of Inertia's does. The scripts are those that npm has installed.
func inertiaApp(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/modules/") {
		http.StripPrefix("/modules/", http.FileServer(http.Dir("node_modules"))).ServeHTTP(w, r)
		return
	}
	page, err := json.Marshal(map[string]any{"component": r.URL.Path, "props": map[string]any{}, "version": "1",
		"url": r.URL.RequestURI(), "clearHistory": false, "encryptHistory": false, "flash": map[string]any{}})
	if err != nil {
		panic(err)
	}
	if w.Header().Set("Vary", "X-Inertia"); r.Header.Get("X-Inertia") != "" {
		w.Header().Set("X-Inertia", "true")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(page)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, inertiaPage, page)
}

const inertiaPage = `<!doctype html><html><head><title>App</title>
	<script type="importmap">{"imports": {
		"@inertiajs/core": "/modules/@inertiajs/core/dist/index.js",
		"es-toolkit": "/modules/es-toolkit/dist/index.mjs",
		"es-toolkit/compat": "/modules/es-toolkit/dist/compat/index.mjs",
		"laravel-precognition": "/modules/laravel-precognition/dist/index.js"}}</script>
	<script type="application/json" id="page">%s</script>
	<script type="module">
		import { router } from "@inertiajs/core";
		router.init({initialPage: JSON.parse(document.getElementById("page").textContent),
			resolveComponent: async name => name, swapComponent: async () => {}});
		window.router = router;
	</script></head><body><button>Go</button></body></html>`
