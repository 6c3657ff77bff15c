package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// nextJS checks the risks of a framework that loads its pages by script as well.
func nextJS(t *testing.T, gate *gateway) {
	t.Run("no way to load a page by script is open", gate.keepsNextJSData)
	t.Run("its links lead strangers to the login", func(t *testing.T) { followNextJSLinks(newVisitorOf(t, gate)) })
	t.Run("its links stop to work when the session ends elsewhere",
		func(t *testing.T) { loseSessionElsewhere(newVisitorOf(t, gate)) })
}

// keepsNextJSData requests the dashboard in all ways that versions of Next.js do: its data, its segments, and
// the whole page.
func (g *gateway) keepsNextJSData(t *testing.T) {
	build, err := os.ReadFile(filepath.Join("..", "examples", "nextjs", ".next", "BUILD_ID"))
	if err != nil {
		t.Fatal(err)
	}
	signedIn, signedOut := newReaderOf(t, g), newReaderOf(t, g)
	signedIn.signUp(zoe())
	reached := 0
	for _, path := range []string{
		"/dashboard?_rsc=1", "/dashboard.rsc", "/dashboard.prefetch.rsc", "/dashboard.txt",
		"/dashboard.segments/_tree.segment.rsc",
		"/dashboard.segments/dashboard/__PAGE__.segment.rsc", "/_next/data/" + string(build) + "/dashboard.json",
	} {
		for _, header := range []http.Header{
			{}, {"Rsc": {"1"}}, {"Rsc": {"1"}, "Next-Router-Prefetch": {"1"}},
			{"Rsc": {"1"}, "Next-Router-Prefetch": {"1"}, "Next-Router-Segment-Prefetch": {"/_tree"}},
			{"X-Nextjs-Data": {"1"}},
		} {
			if res, body := signedOut.get(path, header); res.StatusCode != 401 ||
				strings.Contains(body, "Hello, ") {
				t.Errorf("%s with %v: %d\n%s", path, header, res.StatusCode, body)
			}
			if _, body := signedIn.get(path, header); strings.Contains(body, "Hello, ") {
				reached++
			}
		}
	}
	if reached == 0 {
		t.Error("none of them would have been the dashboard")
	}
}

func followNextJSLinks(v *visitor) {
	answers := v.listen("/dashboard")
	v.open("/")
	v.mustComeToSee("Log in") // loaded by script; links are prefetched before that
	if early := answers.all(); len(early) != 0 {
		v.t.Errorf("before anybody followed a link, there was %q", early)
	}
	v.choose("Dashboard")
	v.mustLandAt("/login?next=%2Fdashboard")
	if got := answers.all(); !slices.Contains(got, "401 Fetch") ||
		slices.ContainsFunc(got, func(a string) bool { return strings.HasPrefix(a, "200") }) {
		v.t.Errorf("the answers to a stranger are %q, want a 401 for a script and no page", got)
	}
	p := zoe()
	v.follow("Sign up")
	v.signUp(p)
	v.mustLandAt("/dashboard")
	v.choose("Home")
	v.mustLandAt("/")
	ask(v, "leave a mark", chromedp.Evaluate[bool](`window.mark = true`))
	v.choose("Dashboard")
	v.mustComeToSee(p.greeting())
	if !ask(v, "look for the mark", chromedp.Evaluate[bool](`window.mark === true`)) {
		v.t.Error("somebody who is signed in has loaded a page where Next.js would have changed it")
	}
}

func loseSessionElsewhere(v *visitor) {
	p := zoe()
	v.open("/signup?next=/dashboard")
	v.signUp(p)
	v.choose("Home")
	v.mustComeToSee("Hello")
	other := v.newTab()
	other.open("/dashboard")
	other.press("Log out")
	other.mustLandAt("/login")
	v.choose("Dashboard")
	v.mustLandAt("/login?next=%2Fdashboard")
	v.mustNotSee(p.name)
}

// answers collects the answers that arrive for a path, like "401 Fetch".
type answers struct {
	path string
	mu   sync.Mutex
	list []string
}

func (v *visitor) listen(path string) *answers {
	v.t.Helper()
	a := &answers{path: v.gate.url + path}
	if err := chromedp.Listen(v.ctx, a.note); err != nil {
		v.t.Fatalf("listen to the browser: %v", err)
	}
	return a
}

func (a *answers) note(event any) {
	if e, ok := event.(*network.EventResponseReceived); ok && strings.HasPrefix(e.Response.URL, a.path) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.list = append(a.list, fmt.Sprint(e.Response.Status, " ", e.Type))
	}
}

func (a *answers) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}
