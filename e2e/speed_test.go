package e2e

import (
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// readLCP returns when the largest text or picture of the page was drawn, in milliseconds after the page was asked for.
const readLCP = `new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
	.observe({type: "largest-contentful-paint", buffered: true}))`

// TestSpeed prints how soon a visitor with a slow line, who was never here before, sees the login page: the median of
// five. It checks nothing, since machines differ; TestPagesAreLight holds what it depends on.
func TestSpeed(t *testing.T) {
	if os.Getenv("E2E_SPEED") == "" {
		t.Skip("E2E_SPEED is not set")
	}
	var times []float64
	for range 5 {
		v := newVisitor(t) // without cookies and cache
		call(v, "empty the cache", network.ClearBrowserCache, cdp.Empty{})
		v.slowDown()
		v.open("/login")
		v.rest()
		times = append(times, ask(v, "read the LCP", chromedp.Evaluate[float64](readLCP, chromedp.EvalAwaitPromise)))
	}
	slices.Sort(times)
	t.Logf("LCP of the login page, cold, at 150 ms and 1.6 Mbit/s: %.0f ms, the median of %.0f", times[2], times)
}

// slowDown gives the visitor a line as telephones have them: 150 ms there and back, and 1.6 Mbit/s.
func (v *visitor) slowDown() {
	v.t.Helper()
	const latency, bytesPerSecond = 150, 1.6e6 / 8
	call(v, "have a slow line", network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: latency, DownloadThroughput: bytesPerSecond,
			UploadThroughput: bytesPerSecond}}})
}
