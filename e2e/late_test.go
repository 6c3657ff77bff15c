package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// openBeforeScript opens a page whose script arrives after the rest has been shown, as on a slow line.
func (v *visitor) openBeforeScript(path string) {
	v.t.Helper()
	call(v, "empty the cache", network.ClearBrowserCache, cdp.Empty{})
	h := v.hold("/.gatepost/script-*")
	call(v, "open "+path, page.Navigate, page.NavigateParams{URL: site.url + path})
	h.await()
	ask(v, "see the page", chromedp.CaptureScreenshot())
	ask(v, "let the script arrive", h.release)
	v.waitFor("the script", func(ctx context.Context) bool {
		state, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState`))
		return err == nil && state == "complete"
	})
}

// The page reserves the space of what the script adds.
func TestScriptThatComesLateMovesNothing(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	check := func(path string, width int64) {
		t.Helper()
		v.as(look{width: width, height: 640, scale: 1})
		for _, lang := range []string{"ar", "zh-Hans", "es", "en"} {
			v.openBeforeScript(path + "?lang=" + lang)
			if by := v.shift(); by != 0 {
				t.Errorf("%s in %s, %d wide, moves by %v", path, lang, width, by)
			}
		}
	}
	check("/signup", 320)
	v.open("/signup?next=/account")
	v.signUp(p)
	newReader(t).logIn(p)
	check("/account", 320)
	check("/account", 1280)
}
