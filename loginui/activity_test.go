package loginui

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEarlierActivityIsFoldedAwayUnlessSomebodyElseMayHaveTried(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for id, details := range map[string]string{
		"account-what-happened-export-and-others": `<details class="earlier">`,
		"account-with-everything-and-a-notice":    `<details class="earlier" open>`,
		"account-plain-without-a-name":            "",
	} {
		page := httptest.NewRecorder()
		if !ui.Gallery("en").Show(page, id) {
			t.Fatalf("there is no page %s", id)
		}
		_, activity, _ := strings.Cut(page.Body.String(), `id="activity"`)
		first, _, folded := strings.Cut(activity, details)
		if n := strings.Count(first, `<p class="hint">`); details != "" && (!folded || n != activityFirst) {
			t.Errorf("%s: %d events stand before %s, want %d, in\n%s", id, n, details, activityFirst, activity)
		}
		if details == "" && activity != "" {
			t.Errorf("%s: there is activity where none is kept", id)
		}
	}
}
