package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth/session"
)

// logoutPage is logout.html.
type logoutPage struct {
	base
	Session session.Session
}

// getLogout only asks: a link or an image anywhere could make a browser come here.
func (ui *UI) getLogout(w http.ResponseWriter, r *http.Request) error {
	token, present := ui.presented(r)
	described, err := ui.store.Describe(r.Context(), token)
	if errors.Is(err, session.ErrNoSession) {
		if present {
			ui.c.Cookie.Clear(w.Header())
		}
		seeOther(w, ui.c.Prefix+"/login")
		return nil
	}
	if err != nil {
		return err
	}
	return ui.show(w, http.StatusOK, "logout", logoutPage{ui.base(r, "logout.title", "/logout", ""), described})
}

// postLogout ends the session before it answers. When that fails the visitor is told he is still signed in, and the
// cookie stays.
func (ui *UI) postLogout(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	if err := ui.store.SignOut(r.Context(), token, ui.client(r)); err != nil {
		return &stillSignedIn{err}
	}
	ui.expireAppCookies(w, r)
	ui.closeLink(w, r)
	ui.signedOut(w)
	return nil
}

// signedOut makes the browser forget: the cookie, and the pages it kept for Back. Chromium takes Clear-Site-Data on this
// answer before it puts the page being left into its memory, so the login page says it once more (getForget).
func (ui *UI) signedOut(w http.ResponseWriter) {
	ui.c.Cookie.Clear(w.Header())
	ui.c.Cookie.Mark(w.Header())
	w.Header().Set("Clear-Site-Data", clearCache)
	seeOther(w, ui.c.Prefix+"/login")
}

// clearCache is what Clear-Site-Data says.
const clearCache = `"cache"`

// forgetPath is an empty image on the login page that follows a log-out.
const forgetPath = "/.gatepost/forget"

// getForget makes the browser drop the pages it keeps, when a page of ours asks; other sites have no business to.
func getForget(w http.ResponseWriter, r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "" || site == "same-origin" {
		w.Header().Set("Clear-Site-Data", clearCache)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// stillSignedIn is a logout that could not be carried out.
type stillSignedIn struct{ cause error }

func (e *stillSignedIn) Error() string { return e.cause.Error() }
func (e *stillSignedIn) Unwrap() error { return e.cause }
