package e2e

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// pageText is what can be read on the page. It asks the page itself, because chromedp's own queries wait in vain on a
// page that came back from the browser's memory.
var pageText = chromedp.Evaluate[string](`document.body?.innerText ?? ""`)

func (v *visitor) text() string {
	v.t.Helper()
	return ask(v, "read the page", pageText)
}

// view is what is on the screen, for the message of a failure.
func (v *visitor) view() string {
	ctx, cancel := context.WithTimeout(v.ctx, 5*time.Second)
	defer cancel()
	where, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return "(the browser does not say what it shows: " + err.Error() + ")"
	}
	text, _ := chromedp.Run(ctx, pageText) // the address alone helps too
	return "the browser is at " + where + " and shows:\n" + text
}

// mustBeAt checks the address bar against a path of the site.
func (v *visitor) mustBeAt(path string) {
	v.t.Helper()
	if got, want := ask(v, "read the address", chromedp.Location()), v.gate.url+path; got != want {
		v.t.Fatalf("the browser is at %s, want %s\n%s", got, want, v.view())
	}
}

// mustArriveAt is mustBeAt for a page that may be loading still.
func (v *visitor) mustArriveAt(path string) {
	v.t.Helper()
	v.waitFor(path, func(ctx context.Context) bool {
		got, err := chromedp.Run(ctx, chromedp.Location())
		return err == nil && got == v.gate.url+path // an error is a page that has just made way for the next
	})
}

// mustLandAt is mustArriveAt for a page that is used next: it has loaded. A page that moves its history about by script has
// chromedp take that for the answer to a click.
func (v *visitor) mustLandAt(path string) {
	v.t.Helper()
	v.waitFor(path, func(ctx context.Context) bool {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState + " " + location`))
		return err == nil && got == "complete "+v.gate.url+path
	})
}

// mustComeToSee is mustSee for a page that may be loading still.
func (v *visitor) mustComeToSee(words string) {
	v.t.Helper()
	v.waitFor(words, func(ctx context.Context) bool {
		text, err := chromedp.Run(ctx, pageText)
		return err == nil && strings.Contains(text, words)
	})
}

func (v *visitor) mustSee(words string) {
	v.t.Helper()
	if !strings.Contains(v.text(), words) {
		v.t.Fatalf("the page does not say %q\n%s", words, v.view())
	}
}

func (v *visitor) mustNotSee(words string) {
	v.t.Helper()
	if strings.Contains(v.text(), words) {
		v.t.Fatalf("the page says %q\n%s", words, v.view())
	}
}
