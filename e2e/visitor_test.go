package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is the longest that any action of a visitor may take.
const patience = 15 * time.Second

// visitor is a person at a browser of their own, without cookies, cache or history. An action that is
// impossible fails the test.
type visitor struct {
	t          *testing.T
	gate       *gateway // the gate that the visitor uses
	ctx        context.Context
	scriptless bool
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	needBrowser(t) // without a browser there is no site
	return newVisitorOf(t, site)
}

func newVisitorOf(t *testing.T, gate *gateway) *visitor {
	t.Helper()
	return newVisitorIn(t, browser, gate)
}

// newVisitorIn is newVisitorOf with another browser than the other tests have.
func newVisitorIn(t *testing.T, browser context.Context, gate *gateway) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	// Do opens the tab, which lives as long as the context of this call.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	return &visitor{t: t, gate: gate, ctx: ctx}
}

// newTab opens another tab of the same browser, with the same cookies.
func (v *visitor) newTab() *visitor {
	v.t.Helper()
	ctx, cancel := chromedp.NewContext(v.ctx)
	v.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		v.t.Fatalf("open another tab: %v", err)
	}
	return &visitor{t: v.t, gate: v.gate, ctx: ctx}
}

// disableScripts makes the browser run no script of a page. Scripts that chromedp evaluates still run, but
// promises do not resolve.
func (v *visitor) disableScripts() {
	v.t.Helper()
	v.ban(true)
	v.scriptless = true
	v.load("a page with a script",
		chromedp.Navigate(`data:text/html,<p>quiet<script>document.body.textContent="ran"</script>`))
	v.mustSee("quiet")
}

func (v *visitor) ban(scripts bool) {
	v.t.Helper()
	call(v, "disable scripts", emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: scripts})
}

// judge runs a script of the test. Scripts of a page that was loaded without scripts stay off.
func judge[T any](v *visitor, what, script string) T {
	v.t.Helper()
	if v.scriptless {
		v.ban(false)
		defer v.ban(true)
	}
	return ask(v, what, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

func (v *visitor) limit() (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.ctx, patience)
}

// ask runs an action that returns a value.
func ask[T any](v *visitor, what string, action chromedp.Action[T]) T {
	v.t.Helper()
	ctx, cancel := v.limit()
	defer cancel()
	answer, err := chromedp.Run(ctx, action)
	if err != nil {
		v.t.Fatalf("%s: %v\n%s", what, err, v.view())
	}
	return answer
}

// call runs a command of the browser.
func call[P, R any](v *visitor, what string, command cdp.Command[P, R], params P) {
	v.t.Helper()
	ctx, cancel := v.limit()
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
}

// load runs an action that makes the browser load a page, waits for it, and returns the status of the last
// answer.
func (v *visitor) load(what string, action chromedp.Action[chromedp.Void]) int {
	v.t.Helper()
	ctx, cancel := v.limit()
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, action)
	if err != nil {
		v.t.Fatalf("%s: %v\n%s", what, err, v.view())
	}
	if answer == nil {
		return 0 // nothing was requested over the network
	}
	return int(answer.Status)
}

// back presses Back and waits for the page before. A page that the browser kept in memory appears without being
// loaded.
func (v *visitor) back() {
	v.t.Helper()
	history := ask(v, "read the history", chromedp.NavigationEntries())
	before := page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID}
	ask(v, "go back", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		return cdp.Call(ctx, t, page.NavigateToHistoryEntry, before)
	})
	v.waitFor("the page before", func(ctx context.Context) bool {
		now, err := chromedp.Run(ctx, chromedp.NavigationEntries())
		return err == nil && now.CurrentIndex < history.CurrentIndex
	})
}

// waitFor waits until a condition becomes true.
func (v *visitor) waitFor(what string, happened func(context.Context) bool) {
	v.t.Helper()
	ctx, cancel := v.limit()
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !happened(ctx) {
		select {
		case <-ctx.Done():
			v.t.Fatalf("waited %v for %s\n%s", patience, what, v.view())
		case <-tick.C:
		}
	}
}
