package loginui

import (
	"cmp"
	"net/http"
	"net/url"
)

// languagePath is where the menu of languages of a page leads that stands at an address which may be the app's, such as
// an error page: the app is not asked for another language.
const languagePath = "/.gatepost/language"

// inPlace is the base of a page that is shown in place of the one asked for. It has the menu of languages if the
// visitor can load it again.
func (ui *UI) inPlace(r *http.Request, title string) base {
	b := ui.refusal(r, title)
	if at := localPath(ui.asked(r)); at != "" && isRead(r.Method) {
		ui.offerLanguages(&b, languagePath, at)
	}
	return b
}

// getLanguage leads back to a page of this site, once the language is remembered.
func (ui *UI) getLanguage(w http.ResponseWriter, r *http.Request) error {
	next, err := url.Parse(localPath(r.URL.Query().Get("next")))
	if err != nil {
		return err
	}
	if query := next.Query(); query.Has("lang") { // which counts for more than what is remembered
		query.Set("lang", r.URL.Query().Get("lang"))
		next.RawQuery = query.Encode()
	}
	seeOther(w, cmp.Or(next.String(), ui.c.Home))
	return nil
}
