package e2e

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// findMarks tells how far the mark of each way to log in stands from the edge of its button; -1: it has none.
const findMarks = `[...document.querySelectorAll(".way")].filter(way => way.checkVisibility()).map(way => {
	const mark = way.querySelector(".mark")
	return mark ? Math.round(mark.getBoundingClientRect().left - way.getBoundingClientRect().left) : -1
})`

// The marks of several ways stand below each other, however long the words are and where they wrap.
func TestMarksOfWaysStandInOneColumn(t *testing.T) {
	g := startPreview(t, "GATEPOST_OVERRIDES="+writePseudo(t))
	v := newVisitorOf(t, g)
	for _, lang := range []string{"en", "de", "ar", pseudo[0].lang, pseudo[1].lang} {
		for _, width := range []int64{320, 600} {
			v.resize(width, 1)
			v.open("/page/login-a-provider-does-not-answer?lang=" + lang)
			marks := ask(v, "find the marks", chromedp.Evaluate[[]int](findMarks))
			if len(marks) != 3 || marks[0] < 0 || len(slices.Compact(slices.Clone(marks))) != 1 {
				t.Errorf("%s at %d px: the marks are at %v", lang, width, marks)
			}
		}
	}
}
