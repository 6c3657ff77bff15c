package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// A login in a window of its own tells the page that has opened it by a channel, as docs/app-details.md says: it has no
// opener any more.
func TestALoginInAWindowOfItsOwnTellsTheOthers(t *testing.T) {
	needBrowser(t)
	g := libraryGate(t, "", `<p id="told">nothing</p><script>
		new BroadcastChannel("login").onmessage = event => { told.textContent = "told " + event.data }
		if (location.pathname == "/signed-in") new BroadcastChannel("login").postMessage("opener " + opener)
	</script>`)
	v := newVisitorOf(t, g)
	v.open("/signup?next=/here")
	v.signUp(zhangWei())
	v.mustLandAt("/here")
	ask(v, "open a window", chromedp.Evaluate[bool](`open("/login?next=/signed-in") != null`))
	v.mustComeToSee("told opener null")
	if !ask(v, "look at the window", chromedp.Evaluate[bool](`open("/here", "plain").opener == window`)) {
		t.Error("a window of the app's own has no opener either, so this test tells nothing")
	}
}
