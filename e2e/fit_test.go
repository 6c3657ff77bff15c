package e2e

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// endMotion ends all transitions and animations, so that the result does not depend on the moment.
// An endless animation cannot finish, so it is cancelled.
const endMotion = `document.getAnimations().forEach(a => { try { a.finish() } catch { a.cancel() } })`

// findOverflow lists what makes the page scroll sideways or reaches out of the window. Half a pixel is allowed
// for rounding.
const findOverflow = `(() => {
	const root = document.documentElement, width = root.clientWidth, found = []
	if (root.scrollWidth > width) found.push("the page is " + root.scrollWidth + " wide in a window of " + width)
	for (const e of document.body.querySelectorAll("*")) {
		const {left, right, width: w} = e.getBoundingClientRect()
		if (w > 0 && e.checkVisibility({visibilityProperty: true}) && (left < -.5 || right > width + .5))
			found.push(e.cloneNode().outerHTML + " goes from " + left + " to " + right + " in a window of " + width)
	}
	return found
})()`

func (v *visitor) overflow() []string {
	v.t.Helper()
	ask(v, "bring what moves to its end", chromedp.Evaluate[chromedp.Void](endMotion))
	return ask(v, "look for what does not fit", chromedp.Evaluate[[]string](findOverflow))
}

// mustFit checks that the page does not scroll sideways, and that nothing is out of reach.
func (v *visitor) mustFit(page string) {
	v.t.Helper()
	for _, what := range v.overflow() {
		v.t.Errorf("%s: %s", page, what)
	}
}

// awaitRest waits for the end of all motion and two frames more, because a shift is recorded with the frame
// that shows it. Shifts after a key or a click do not count.
const awaitRest = `(async () => {
	const moving = document.getAnimations().filter(a =>
		a.playState === "running" && a.effect.getComputedTiming().endTime < Infinity)
	await Promise.allSettled(moving.map(a => a.finished))
	for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame)
})()`

const sumShifts = `(() => {
	const observer = new PerformanceObserver(() => {})
	observer.observe({type: "layout-shift", buffered: true})
	return observer.takeRecords().filter(s => !s.hadRecentInput).reduce((sum, s) => sum + s.value, 0)
})()`

// rest waits until the page has been drawn, has set its focus, and nothing moves any more.
func (v *visitor) rest() {
	v.t.Helper()
	if v.scriptless { // a script cannot wait here, and allowing scripts would change the look of the page
		ask(v, "have the page drawn", chromedp.CaptureScreenshot())
		return
	}
	ask(v, "wait until nothing moves", chromedp.Evaluate[chromedp.Void](awaitRest, chromedp.EvalAwaitPromise))
}

// shift returns how far the content has moved since the page began to load. It has to be 0.
func (v *visitor) shift() float64 {
	v.t.Helper()
	v.rest()
	return ask(v, "measure what moved", chromedp.Evaluate[float64](sumShifts))
}

// show opens a page that the test provides.
func (v *visitor) show(html string) {
	v.t.Helper()
	v.load("show a page", chromedp.Navigate("data:text/html;charset=utf-8,"+url.PathEscape("<!doctype html>"+html)))
}

func TestWhatDoesNotFitIsFound(t *testing.T) {
	v := newVisitor(t)
	v.as(look{width: 320, height: 256, scale: 1})
	for html, want := range map[string]string{
		`<p>fits</p><p hidden style="width: 999px">is not there</p>`:                          "",
		`<div style="overflow: hidden"><b style="display: block; width: 400px">cut</b></div>`: "goes from 8 to 408",
		`<i style="position: absolute; left: -20px">cut</i>`:                                  "goes from -20 to",
		`<pre>0123456789 0123456789 0123456789 0123456789 0123456789</pre>`:                   "the page is",
	} {
		v.show(html)
		if got := strings.Join(v.overflow(), "\n"); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: found %q, want %q", html, got, want)
		}
	}
}

func TestShiftsAreMeasured(t *testing.T) {
	v := newVisitor(t)
	v.show(`<h1>Stays</h1>`)
	if got := v.shift(); got != 0 {
		t.Errorf("the page that stays moved by %v", got)
	}
	const moves = `<style>
			@keyframes late { from { padding: 0 } to { padding: 99px } }
			body { animation: late .3s step-end both }
		</style>
		<h1>Moves</h1>`
	v.show(moves)
	if v.shift() == 0 {
		t.Error("nothing is said to move where all moves")
	}
	v.disableScripts()
	v.show(moves)
	v.waitFor("a shift that no script tells of", func(context.Context) bool { return v.shift() != 0 })
}
