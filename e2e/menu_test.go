package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// menuSeen says where the menu of languages is, what it covers, and how long the page is.
type menuSeen struct {
	Summary float64 `json:"summary"` // the upper edge of what opens it
	InSight bool    `json:"inSight"` // all of the menu is in the window
	Covers  bool    `json:"covers"`  // it lies on what has the focus
	Focus   string  `json:"focus"`   // the element that has it
	Height  float64 `json:"height"`  // of the page
}

const seeMenu = `(() => {
	const box = e => e.getBoundingClientRect(), menu = document.querySelector(".menu")
	const form = box(menu.querySelector("form")), e = document.activeElement, focus = box(e)
	return {summary: box(menu.querySelector("summary")).top + scrollY, focus: e.localName,
		inSight: form.height > 0 && form.top >= 0 && form.bottom <= innerHeight, height: document.body.scrollHeight,
		covers: form.height > 0 && !menu.contains(e) && e !== document.body && form.top < focus.bottom &&
			focus.top < form.bottom && form.left < focus.right && focus.left < form.right}
})()`

func TestTheMenuOfLanguagesMovesNothingAndCoversNoFocus(t *testing.T) {
	for _, width := range []int64{320, 1280} {
		for _, lang := range []string{"en", "ar"} {
			where := fmt.Sprintf("%s at %d px", lang, width)
			v := newVisitor(t)
			v.as(look{width: width, height: 760, scale: 1})
			v.open("/login?lang=" + lang)
			see := func() menuSeen { return ask(v, "see the menu", chromedp.Evaluate[menuSeen](seeMenu)) }
			before := see()
			ask(v, "open the menu of languages", chromedp.Click(chromedp.CSS(".menu summary")))
			if got := see(); got.Summary != before.Summary || got.Height != before.Height || !got.InSight || got.Covers {
				t.Errorf("%s: open it is %+v, and was %+v", where, got, before)
			}
			v.mustFit(where)
			v.key(shiftTab)
			if got := see(); got.Focus != "a" || got.Covers {
				t.Errorf("%s: with the focus before it, it is %+v", where, got)
			}
			v.mustFit(where)
		}
	}
}
