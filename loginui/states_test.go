package loginui

import (
	"html"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
)

// shown returns the body of every state in a language, by id, and the status of each.
func shown(t *testing.T, ui *UI, lang string) (bodies map[string]string, statuses map[string]int) {
	t.Helper()
	bodies, statuses = map[string]string{}, map[string]int{}
	gallery := ui.Gallery(lang)
	for _, s := range gallery.States() {
		if _, double := bodies[s.ID]; double || s.ID == "" {
			t.Errorf("%q of %q has the id of another", s.Name, s.Group)
		}
		w := httptest.NewRecorder()
		if !gallery.Show(w, s.ID) {
			t.Errorf("%s is not shown", s.ID)
		}
		bodies[s.ID], statuses[s.ID] = w.Body.String(), w.Code
		if strings.Contains(w.Body.String(), "ZgotmplZ") { // what html/template writes for an address it does not trust
			t.Errorf("%s, %s: an address or a style is left out", s.ID, lang)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(w.Body.String(), "</html>") {
			t.Errorf("%s, %s: %d %s: %s", s.ID, lang, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	return bodies, statuses
}

// shownInEnglish returns the body of every state of a gate with its usual settings, by id.
func shownInEnglish(t *testing.T) (*UI, map[string]string) {
	t.Helper()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	bodies, _ := shown(t, ui, "en")
	return ui, bodies
}

var (
	styleTag  = regexp.MustCompile(`<link rel="stylesheet"[^>]*>`)
	scriptTag = regexp.MustCompile(`<script[^>]*>`)
)

// A page on a slow line waits for each file. With its icon and its logo in the page itself, it takes three requests.
func TestAPageHasOneStylesheetAndOneScript(t *testing.T) {
	t.Parallel()
	_, bodies := shownInEnglish(t)
	for id, body := range bodies {
		if n := len(styleTag.FindAllString(body, -1)); n != 1 {
			t.Errorf("%s has %d stylesheets", id, n)
		}
		if scripts := scriptTag.FindAllString(body, -1); len(scripts) != 1 && !strings.Contains(body, "captcha") {
			t.Errorf("%s has the scripts %q", id, scripts)
		}
	}
}

// A page that says one thing has rules of its own for that.
func TestMessagesHaveTheirStylesheet(t *testing.T) {
	t.Parallel()
	ui, bodies := shownInEnglish(t)
	for _, s := range ui.Gallery("en").States() {
		if s.Template == "message.html" && !strings.Contains(bodies[s.ID], ui.wholeStyle) {
			t.Errorf("%s has only the stylesheet of forms", s.ID)
		}
	}
}

// A new page is not forgotten: every template of a page, every kind of mail and the page of every status is shown.
func TestEveryTemplateAndEveryErrorIsShown(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	_, statuses := shown(t, ui, "en")
	used := map[string]bool{"mail.html": true, "mail.txt": true}
	for _, name := range sharedNames {
		used[name] = true
	}
	for _, s := range ui.Gallery("").States() {
		used[s.Template] = true
	}
	all, err := files.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if !used[path.Base(f.Name())] {
			t.Errorf("no state shows %s", f.Name())
		}
	}
	var seen []int
	for id, status := range statuses {
		if strings.HasPrefix(id, "errors-") || status == http.StatusUnauthorized {
			seen = append(seen, status)
		}
	}
	for status := range codes {
		if !slices.Contains(seen, status) {
			t.Errorf("no state has the status %d", status)
		}
	}
	for _, kind := range mail.Kinds {
		if _, ok, err := ui.SampleLetter(string(kind), "en"); !ok || err != nil {
			t.Errorf("%s: %t, %v", kind, ok, err)
		}
	}
	if _, ok, _ := ui.SampleLetter("nonsense", "en"); ok || ui.Gallery("en").Show(httptest.NewRecorder(), "nonsense") {
		t.Error("what there is not is shown")
	}
}

// unsaidByDesign matches the messages of pages that no state has to say: parts of sentences, and what only scripts,
// programs or the settings of one gate bring about.
var unsaidByDesign = regexp.MustCompile(`^(device|place|date|ago|wait|mail|language)\.|^fault\.still_in$|` +
	`^login\.cookie\.(host|http)$|^fault\.token\.|^fault\.(too_many_requests|http|unauthorized\.title)$|` +
	`^(password|email)\.too_long$`)

// A new thing that a page can say is not forgotten either.
func TestEverythingThatPagesSayIsShown(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{Terms: "/terms", Privacy: "/privacy"})
	if err != nil {
		t.Fatal(err)
	}
	bodies, _ := shown(t, ui, "en")
	var all strings.Builder
	for _, body := range bodies {
		all.WriteString(html.UnescapeString(body))
	}
	said := all.String()
	for key, text := range ourTexts(t)[source] {
		if unsaidByDesign.MatchString(key) || text.list != nil {
			continue
		}
		said := said
		for _, piece := range placeholder.Split(text.other, -1) {
			if piece = strings.TrimSpace(piece); !strings.Contains(said, piece) {
				t.Errorf("no state says %q: %q", key, text.other)
				break
			}
		}
	}
}

// Roles are listed as the language lists things.
func TestRolesAreListedAsInTheLanguage(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for lang, comma := range map[string]string{"en": ", ", "ar": "، ", "ja": "、", "zh-Hans": "、", "he": ", "} {
		w := httptest.NewRecorder()
		ui.Gallery(lang).Show(w, "account-with-everything-and-a-notice")
		if want := "<bdi>admin</bdi>" + comma + "<bdi>editor</bdi>"; !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: the account page has no %s", lang, want)
		}
	}
}
