package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// looksAt returns the looks in which the n-th tour judges the i-th state: the narrowest window that a page has
// to support, and a laptop, a very wide or a zoomed window. One of the two is light and the other dark. Every
// fourth state is also judged with forced colours.
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

// A tour leads one visitor through all states in one language. After both tours each state has been seen in
// narrow and in wide windows, light and dark, from left to right and from right to left, with the script and
// without.
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

// tongue is a language: what the browser sends in Accept-Language, and the lang and dir of the page.
type tongue struct{ accept, lang, dir string }

// mustSpeak checks the language and direction that the page declares for screen readers and for the layout.
func (v *visitor) mustSpeak(page string, want tongue) {
	v.t.Helper()
	const root = `document.documentElement.lang + " " + document.documentElement.dir`
	if got := ask(v, "read the language", chromedp.Evaluate[string](root)); got != want.lang+" "+want.dir {
		v.t.Errorf("%s is in %q, want %q from %s", page, got, want.lang, want.dir)
	}
}

// inspect brings the visitor to a state, and judges the page while it loads and in each look.
func (v *visitor) inspect(w *watch, s state, in tongue, looks ...look) {
	v.t.Helper()
	looks[0].language = in.accept
	v.as(looks[0]) // before the page loads: a change of size must not count as a shift
	w.take()       // discards what the browser noted while the state before was judged
	got := s.visit(v)
	if got != s.status { // the next state starts from this one
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
