package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// startApp starts an app at an address, where nothing else listens, and returns what ends it.
func startApp(t *testing.T, address string) (stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>App</title><p>The app is back")
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return server.Close
}

// inFrontOf starts a gate in front of an app that need not be there yet, with public paths.
func inFrontOf(t *testing.T, address string) *gateway {
	t.Helper()
	needBrowser(t)
	dir, err := serverDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	port := freePort(t)
	up := regexp.MustCompile(`public_url=(http://localhost:\d+)`)
	g, err := startGateway(exec.Command(site.cmd.Path, "serve"), dir, up, "GATEPOST_LISTEN=localhost:"+port,
		"GATEPOST_UPSTREAM=http://"+address, "GATEPOST_PROTECT=/private")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.stop() })
	return g
}

// hurry lets the seconds of a page pass in hundredths, so that no test waits for them: what comes after what stays as
// it is. The tab is hidden while away is set.
const hurry = `(() => {
	const every = setInterval
	window.setInterval = (f, ms) => every(f, ms / 100)
	Object.defineProperty(document, "hidden", {get: () => sessionStorage.away === "1"})
})()`

// manySeconds passes when more seconds of the page are over than it would wait.
const manySeconds = `new Promise(done => { let n = 0; const t = setInterval(() => {
	if (++n > 100) { clearInterval(t); done(document.body.innerText) }
}, 1000) })`

func (v *visitor) hurry() {
	v.t.Helper()
	call(v, "hurry", page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: hurry})
}

// asked returns how many requests for a path the gate has answered.
func (g *gateway) asked(path string) int { return strings.Count(g.out.String(), " path="+path+" ") }

func TestAPageWhoseAppIsAwayComesBackByItself(t *testing.T) {
	needBrowser(t)
	address := "127.0.0.1:" + freePort(t)
	g := inFrontOf(t, address)
	v := newVisitorOf(t, g)
	w := v.watch()
	if status := v.open("/page?x=1"); status != 502 {
		t.Fatalf("got %d\n%s", status, v.view())
	}
	v.mustSee("Trying again in ")
	v.as(look{width: 320, height: 640, scale: 1})
	v.mustFit("a page whose app is away")
	v.mustBeClean(w, "a page whose app is away")
	ask(v, "copy the id", chromedp.Click(chromedp.CSS("code + button")))
	v.mustComeToSee("Copied")
	v.hurry()
	for range 2 { // the second time with a new count
		v.open("/page?x=1")
		stop := startApp(t, address)
		v.mustComeToSee("The app is back")
		v.mustBeAt("/page?x=1")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPageTriesAgainFiveTimes(t *testing.T) {
	needBrowser(t)
	g := inFrontOf(t, "127.0.0.1:"+freePort(t))
	v := newVisitorOf(t, g)
	v.hurry()
	v.open("/five")
	v.mustComeToSee("Several tries did not help.")
	v.mustBeAccessible("a page whose app stays away") // one that tries again would go away meanwhile
	if n := g.asked("/five"); n != 6 {
		t.Errorf("the page was asked for %d times, want 6", n)
	}
	t.Run("and not once it was told to stop", func(t *testing.T) {
		v := newVisitorOf(t, g)
		v.hurry()
		v.open("/stop")
		ask(v, "hide", chromedp.Evaluate[string](`sessionStorage.away = "1"`)) // so that the button is there
		ask(v, "press Stop", chromedp.Click(chromedp.CSS(".retry button")))
		v.mustSee("no longer tries again by itself")
		ask(v, "show", chromedp.Evaluate[string](`sessionStorage.away = ""`))
		before := g.asked("/stop")
		judge[string](v, "wait", manySeconds)
		if after := g.asked("/stop"); after != before {
			t.Errorf("it tried again %d times", after-before)
		}
	})
	t.Run("and not while nobody looks", func(t *testing.T) {
		v := newVisitorOf(t, g)
		v.open("/hidden")
		ask(v, "hide", chromedp.Evaluate[string](`sessionStorage.away = "1"`))
		v.hurry()
		v.open("/hidden")
		if text := judge[string](v, "wait", manySeconds); g.asked("/hidden") != 2 ||
			!strings.Contains(text, "Trying again in ") {
			t.Errorf("a hidden page was asked for %d times\n%s", g.asked("/hidden"), text)
		}
		ask(v, "show", chromedp.Evaluate[string](`sessionStorage.away = ""`))
		v.mustComeToSee("Several tries did not help.")
	})
	t.Run("and not without scripts", func(t *testing.T) {
		v := newVisitorOf(t, g)
		v.disableScripts()
		v.open("/plain")
		v.mustNotSee("Trying")
		v.follow("Try again")
		v.mustBeAt("/plain")
	})
}
