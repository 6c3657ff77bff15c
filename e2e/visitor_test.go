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

// patience is the longest anything a visitor does may take.
const patience = 15 * time.Second

// visitor is somebody at a browser of their own: no cookies, no cache, no history. What cannot be done fails the test.
type visitor struct {
	t          *testing.T
	gate       *gateway // what the visitor is in front of
	ctx        context.Context
	scriptless bool
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	needBrowser(t) // without one there is no site
	return newVisitorOf(t, site)
}

func newVisitorOf(t *testing.T, gate *gateway) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as the context of this call
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

// disableScripts makes the browser run no script of a page. What chromedp evaluates to look at the page still runs, but
// not what it promises for later.
func (v *visitor) disableScripts() {
	v.t.Helper()
	v.ban(true)
	v.scriptless = true
	v.load("a page with a script", chromedp.Navigate(`data:text/html,<p>quiet<script>document.body.textContent="ran"</script>`))
	v.mustSee("quiet")
}

func (v *visitor) ban(scripts bool) {
	v.t.Helper()
	call(v, "disable scripts", emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: scripts})
}

// judge lets scripts of a judge run. Those of a page that has been loaded without them do not wake up.
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

// ask runs an action that answers something.
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

// load does what makes the browser load a page, waits until it has, and returns the status of the last answer.
func (v *visitor) load(what string, action chromedp.Action[chromedp.Void]) int {
	v.t.Helper()
	ctx, cancel := v.limit()
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, action)
	if err != nil {
		v.t.Fatalf("%s: %v\n%s", what, err, v.view())
	}
	if answer == nil {
		return 0 // nothing was asked over the network
	}
	return int(answer.Status)
}

// back presses the browser's Back and waits for the page before, wherever it comes from: one that the browser kept in
// memory is back without loading.
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

// waitFor waits until something that happens in its own time has happened.
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
