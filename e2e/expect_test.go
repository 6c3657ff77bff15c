package e2e

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// pageText is the text of the page. It runs in the page itself, because chromedp's own queries never return on
// a page that the browser restored from memory.
var pageText = chromedp.Evaluate[string](`document.body?.innerText ?? ""`)

func (v *visitor) text() string {
	v.t.Helper()
	return ask(v, "read the page", pageText)
}

// view returns the address and text on the screen, for failure messages.
func (v *visitor) view() string {
	ctx, cancel := context.WithTimeout(v.ctx, 5*time.Second)
	defer cancel()
	where, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return "(the browser does not say what it shows: " + err.Error() + ")"
	}
	text, _ := chromedp.Run(ctx, pageText) // on error the address alone is shown
	return "the browser is at " + where + " and shows:\n" + text
}

// mustBeAt checks that the address bar shows a path of the site.
func (v *visitor) mustBeAt(path string) {
	v.t.Helper()
	if got, want := ask(v, "read the address", chromedp.Location()), v.gate.url+path; got != want {
		v.t.Fatalf("the browser is at %s, want %s\n%s", got, want, v.view())
	}
}

// mustArriveAt is mustBeAt for a page that may still be loading.
func (v *visitor) mustArriveAt(path string) {
	v.t.Helper()
	v.waitFor(path, func(ctx context.Context) bool {
		got, err := chromedp.Run(ctx, chromedp.Location())
		return err == nil && got == v.gate.url+path // on an error the page has just been replaced by the next
	})
}

// mustLandAt is mustArriveAt for a page that the test goes on to use: it waits until the page has loaded. If a
// page changes its history by script, chromedp takes that for the answer to a click.
func (v *visitor) mustLandAt(path string) {
	v.t.Helper()
	v.waitFor(path, func(ctx context.Context) bool {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState + " " + location`))
		return err == nil && got == "complete "+v.gate.url+path
	})
}

// mustComeToSee is mustSee for a page that may still be loading.
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
