package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// looks are day and night on the narrowest window a page has to cope with, on a laptop, on a wall, and enlarged; and with
// the visitor's own colours.
func looks() []look {
	narrow, laptop, wall := look{width: 320, height: 180, scale: 1}, look{width: 1280, height: 720, scale: 1}, look{width: 3840, height: 2160, scale: 1}
	own := laptop
	own.forcedColors = true
	all := []look{narrow, laptop, wall, laptop.zoomed(), narrow, laptop, wall, own}
	for i := range all {
		all[i].scheme = []string{"light", "dark"}[(i+i/4)%2] // what is there twice is there in both
	}
	return all
}

// A tour leads one visitor through all states in one language. Every state is judged in two looks, and in two others on
// the next tour, so that after both each state has been seen in all four windows, by day and by night, from left to right
// and from right to left.
func TestEveryStateIsAccessibleFitsAndLoadsQuietly(t *testing.T) {
	for n, in := range []tongue{{"en-GB", "en", "ltr"}, {"ar-EG", "ar", "rtl"}} {
		t.Run(in.lang, func(t *testing.T) {
			v, all := newVisitor(t), looks()
			w := v.watch()
			for i, s := range states(zhangWei()) {
				first := i + 2*n
				v.inspect(w, s, in, all[first%len(all)], all[(first+1)%len(all)])
			}
		})
	}
}

// tongue is a language as a browser asks for it, and how a page in it calls itself.
type tongue struct{ accept, lang, dir string }

// mustSpeak checks in which language the page says it is, by which screen readers pronounce it and browsers lay it out.
func (v *visitor) mustSpeak(page string, want tongue) {
	v.t.Helper()
	const root = `document.documentElement.lang + " " + document.documentElement.dir`
	if got := ask(v, "read the language", chromedp.Evaluate[string](root)); got != want.lang+" "+want.dir {
		v.t.Errorf("%s is in %q, want %q from %s", page, got, want.lang, want.dir)
	}
}

// inspect brings the visitor to a state, and judges it while it loads and in each look.
func (v *visitor) inspect(w *watch, s state, in tongue, looks ...look) {
	v.t.Helper()
	looks[0].language = in.accept
	v.as(looks[0]) // before it loads: what a change of size moves is no shift
	w.take()       // what the judges of the state before made the browser say
	got := s.visit(v)
	if got != s.status { // the next state is reached from this one
		v.t.Fatalf("%s: status %d, want %d\n%s", s.name, got, s.status, v.view())
	}
	v.mustBeClean(w, s.name)
	if by := v.shift(); by != 0 {
		v.t.Errorf("%s moves by %v while it loads, %+v", s.name, by, looks[0])
	}
	v.mustSpeak(s.name, in)
	for _, l := range looks {
		v.as(l)
		name := fmt.Sprintf("%s, %+v", s.name, l)
		v.mustBeAccessible(name)
		v.mustFit(name)
	}
}
