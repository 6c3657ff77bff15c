package loginui

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// logoutPage is the data of logout.html.
type logoutPage struct {
	base
	Session session.Session
	Action  string // where the form goes
	Next    string // the page to go on to; empty: the usual one
}

// getLogout only asks. Any link or image on any site could make a browser request this page.
func (ui *UI) getLogout(w http.ResponseWriter, r *http.Request) error {
	token, present := ui.presented(r)
	described, err := ui.store.Describe(r.Context(), token)
	if errors.Is(err, session.ErrNoSession) {
		if present {
			ui.c.Cookie.Clear(w.Header())
		}
		seeOther(w, ui.afterLogout(r))
		return nil
	}
	if err != nil {
		return err
	}
	next := ui.local(r.URL.Query().Get("next"))
	return ui.show(w, r, http.StatusOK, "logout", logoutPage{ui.base(r, "logout.title", "/logout", next), described,
		ui.c.Prefix + "/logout", next})
}

// doneOut is a note for the login page, as by SetDone: somebody has just logged out.
const doneOut = "out"

// afterLogout returns where a log-out leads: to the page of this site that it names, else to LogoutHome, else to the
// login.
func (ui *UI) afterLogout(r *http.Request) string {
	named := cmp.Or(r.PostForm.Get("next"), r.URL.Query().Get("next"))
	return cmp.Or(ui.local(named), ui.c.LogoutHome, ui.c.Prefix+"/login")
}

// postLogout ends the session before it answers. When that fails, the page says that the visitor is still
// signed in, and the cookie stays.
func (ui *UI) postLogout(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	on, label := ui.logoutURL(r, token)
	if err := ui.store.SignOut(r.Context(), token, ui.client(r)); err != nil {
		return &stillSignedIn{err}
	}
	ui.expireAppCookies(w, r)
	ui.forgetBegun(w, r)
	ui.forgetStep(w, r)
	ui.signedOut(w)
	ui.c.Cookie.SetMoved(w.Header(), r)
	to := ui.afterLogout(r)
	toLogin := to == ui.c.Prefix+"/login"
	if toLogin {
		ui.c.Cookie.SetDone(w.Header(), doneOut)
	}
	if on != nil {
		if !toLogin {
			ui.c.Cookie.SetOn(w.Header(), to)
		}
		return ui.onward(w, r, on, "leaving", label)
	}
	seeOther(w, to)
	return nil
}

// leadOn leads a browser that comes back from signing out at a provider to where the log-out leads. Providers send it
// to the login, which is what is registered with them. It reports whether it did, which is once.
func (ui *UI) leadOn(w http.ResponseWriter, r *http.Request) bool {
	noted := ui.c.Cookie.On(r)
	if noted == "" || isPrefetch(r) {
		return false
	}
	ui.c.Cookie.ClearOn(w.Header())
	to, query := ui.local(noted), r.URL.Query()
	if to == "" || query.Has("next") || query.Has("choose") { // the visitor wants to log in
		return false
	}
	seeOther(w, to)
	return true
}

// logoutWait is how long a log-out waits for a provider.
const logoutWait = 3 * time.Second

// logoutURL returns where the browser goes on to sign out at the provider, or nil, and how people call that. A failure
// keeps nobody from logging out here.
func (ui *UI) logoutURL(r *http.Request, token secret.Token) (to *url.URL, label string) {
	ctx, cancel := context.WithTimeout(r.Context(), logoutWait)
	defer cancel()
	to, label, err := ui.store.LogoutURL(ctx, token, ui.absolute(ui.c.Prefix+"/login"))
	if err != nil {
		return nil, ""
	}
	return to, label
}

// signedOut makes the browser drop the session cookie and the pages it keeps for Back. Chromium acts on
// Clear-Site-Data in this answer before it stores the page that the visitor leaves, so an image on the
// login page sends the header again (getForget).
func (ui *UI) signedOut(w http.ResponseWriter) {
	ui.c.Cookie.Clear(w.Header())
	ui.c.Cookie.Mark(w.Header())
	w.Header().Set("Clear-Site-Data", clearCache)
}

// clearCache is the value of Clear-Site-Data.
const clearCache = `"cache"`

// forgetPath is the path of an empty image on the login page after a logout.
const forgetPath = "/.gatepost/forget"

// getForget makes the browser drop the pages it keeps. It ignores requests from other sites.
func getForget(w http.ResponseWriter, r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "" || site == "same-origin" {
		w.Header().Set("Clear-Site-Data", clearCache)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// stillSignedIn is the error of a logout that could not be carried out.
type stillSignedIn struct{ cause error }

func (e *stillSignedIn) Error() string { return e.cause.Error() }
func (e *stillSignedIn) Unwrap() error { return e.cause }
