package loginui

import (
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

var heading = regexp.MustCompile(`<h1>([^<]*)</h1>`)

// The title of an error page says what happened. A message below that of a part of the account page would have its
// heading.
func TestTitlesOfErrorsSayWhatHappened(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	w, parts := ui.languages.find("en"), map[string]bool{}
	for _, part := range []string{"account", "app", "confirm", "linking", "passkey", "recovery", "token", "ways"} {
		parts[w.say(part+".title")] = true
	}
	bodies, statuses := shown(t, ui, "en")
	for _, s := range ui.Gallery("en").States() {
		if title := heading.FindStringSubmatch(bodies[s.ID])[1]; statuses[s.ID] > 401 && s.Template == "message.html" &&
			parts[html.UnescapeString(title)] {
			t.Errorf("%s: the title is %q", s.ID, title)
		}
	}
}

// The hourglass means that it takes a while, or took too long.
func TestIconsOfErrorsFit(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	const hourglass, stop = "M6 2h12M6 22h12", "l12.8 12.8"
	for id, want := range map[string]string{"api-tokens-there-are-as-many-as-fit": stop, "passkeys-too-many": stop,
		"errors-conflict": stop, "errors-of-providers-the-last-way-in": stop, "errors-the-address-is-taken-by-now": stop,
		"errors-a-rule-of-the-database-refuses": stop, "errors-of-providers-refused": stop,
		"passkeys-sign-up-begun-too-long-ago": hourglass, "errors-too-many-requests": hourglass,
		"errors-of-providers-it-was-not-begun-here": hourglass} {
		w := httptest.NewRecorder()
		if !ui.Gallery("en").Show(w, id) || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s has not the icon %s", id, want)
		}
	}
}
