package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// looksAt are those in which the i-th state is judged on the n-th tour: the narrowest window a page has to cope with, and a
// laptop, a wall or a window enlarged, one of them by day and one by night; now and then the visitor's own colours too.
func looksAt(i, n int) []look {
	schemes := []string{"light", "dark"}
	laptop := look{width: 1280, height: 720, scale: 1, scheme: schemes[(n+1)%2]}
	wide := []look{laptop, {width: 3840, height: 2160, scale: 1, scheme: laptop.scheme}, laptop.zoomed()}
	looks := []look{{width: 320, height: 180, scale: 1, scheme: schemes[n%2]}, wide[(i+n)%len(wide)]}
	if i%4 == 0 {
		laptop.forcedColors = true
		looks = append(looks, laptop)
	}
	return looks
}

// A tour leads one visitor through all states in one language. After both, each state has been seen on a narrow and on wide
// windows, by day and by night from left to right and from right to left, with the script and without.
func TestEveryStateIsAccessibleFitsAndLoadsQuietly(t *testing.T) {
	for n, in := range []tongue{{"en-GB", "en", "ltr"}, {"ar-EG", "ar", "rtl"}} {
		t.Run(in.lang, func(t *testing.T) {
			v := newVisitor(t)
			if n > 0 {
				v.disableScripts()
			}
			w := v.watch()
			for i, s := range states(zhangWei()) {
				v.inspect(w, s, in, looksAt(i, n)...)
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
