package loginui

import (
	"net/http"
	"strings"
)

// The gate's own pages are no pieces of the app's. A library of scripts that asks for one has the browser load it, and
// has it follow where a form leads.

// loadWhole answers a library that asks for one of the gate's pages. It reports false, and has answered nothing, where
// nobody has to be led: for a browser, for what is no page, and for a library that loads our pages whole by itself.
func (ui *UI) loadWhole(w http.ResponseWriter, r *http.Request) bool {
	l := libraryOf(r)
	if l == nil || l.whole || strings.HasPrefix(r.URL.EscapedPath(), "/.gatepost/") {
		return false
	}
	to := localPath(ui.asked(r))
	if l.lead(w, to) {
		return true
	}
	p := messagePage{base: ui.refusal(r, "again.submit"), Text: ui.c.AppName, On: to}
	p.OnText, p.Leave, p.Swapped = p.Title, to, true
	ui.showMessage(w, r, http.StatusOK, p)
	return true
}

// lead has a library load an address with the browser, by the header that it knows. It reports false, and has answered
// nothing, for one that knows none.
func (l *library) lead(w http.ResponseWriter, to string) bool {
	status := l.leave(w.Header(), to)
	if status == 0 {
		return false
	}
	if status == http.StatusUnauthorized { // nobody is refused here
		status = http.StatusNoContent
	}
	w.WriteHeader(status)
	return true
}

// led is the answer to a form that a library sends. Where it redirects, the browser goes there: the library would lay
// the page over the one that it is on.
type led struct {
	http.ResponseWriter
	library *library
}

// ledBy returns the writer of the answer to a form.
func ledBy(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if l := libraryOf(r); l != nil && !l.whole {
		return &led{w, l}
	}
	return w
}

// Unwrap is for http.ResponseController.
func (w *led) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader has the library lead the browser where a redirect leads.
func (w *led) WriteHeader(status int) {
	if to := w.Header().Get("Location"); status == http.StatusSeeOther && to != "" {
		w.Header().Del("Location")
		if w.library.lead(w.ResponseWriter, to) {
			return
		}
		w.Header().Set("Location", to)
	}
	w.ResponseWriter.WriteHeader(status)
}
