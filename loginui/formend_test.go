package loginui

import (
	"regexp"
	"strings"
	"testing"
)

// mainButton is a filled button, by which a page says what to do. The menu of languages has none.
var mainButton = regexp.MustCompile(`<a class="go" |` +
	`<button type="submit"( class="danger")?( data-busy=|>| formaction=)`)

// A page says at a glance what to do: it has one filled button, also where it can only say that there is no way on.
// Pages with equal ways alone have none, nor has the account page.
func TestEveryPageHasOneMainButton(t *testing.T) {
	t.Parallel()
	ui, bodies := shownInEnglish(t)
	for _, s := range ui.Gallery("en").States() {
		body := bodies[s.ID]
		n, ways := len(mainButton.FindAllString(body, -1)), strings.Count(body, `class="way `)
		if s.Template != "account.html" && n != 1 && !(n == 0 && ways > 1) {
			t.Errorf("%s has %d main buttons and %d providers", s.ID, n, ways)
		}
	}
}

// Who leaves a page has seen all that it offers.
func TestCancelComesAfterAllWays(t *testing.T) {
	t.Parallel()
	_, bodies := shownInEnglish(t)
	beside := 0
	for id, body := range bodies {
		main, _, _ := strings.Cut(body, "</main>")
		before, after, found := strings.Cut(main, ">Cancel</a>")
		if found && (strings.Contains(after, "<button") || strings.Contains(after, "<a ")) {
			t.Errorf("%s: Cancel stands before %s", id, after)
		}
		if found && strings.Contains(before, `class="way`) {
			beside++
		}
	}
	if beside < 4 {
		t.Errorf("only %d pages have Cancel and several ways", beside)
	}
}
