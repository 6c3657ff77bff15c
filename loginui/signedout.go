package loginui

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/gatepost/gatepost/auth/session"
)

// sendToLogin answers a request that needs somebody signed in, if its client can be led to the login. Others get the
// address of the login in JSON.
func (ui *UI) sendToLogin(w http.ResponseWriter, r *http.Request, err error) bool {
	if l := libraryOf(r); l != nil {
		ui.leave(w, r, l, ui.signedOutPage(r, ui.back(r, l)), nil)
		return true
	}
	if !Navigating(r) {
		return false
	}
	if _, present := ui.presented(r); present && !errors.As(err, new(*replacedError)) {
		ui.c.Cookie.Clear(w.Header())
	}
	if framed(r) {
		ui.askAtTheTop(w, r, ui.signedOutPage(r, ui.cameFrom(r)))
		return true
	}
	if r.Method == http.MethodPost && ui.keep(w, r) {
		return true
	}
	seeOther(w, ui.loginFor(ui.asked(r)))
	return true
}

// replacedError is session.ErrNoSession for a token that a newer one has replaced a moment ago: what is asked for takes
// the new one. The browser has that by now, or gets it with an answer under way, and a cookie that is cleared here
// would be that one.
type replacedError struct{ error }

func (e *replacedError) Unwrap() error { return e.error }

// noSession is the error of a page that finds no session, and tells one that goes on under another token. Where nobody
// can say, no cookie is cleared.
func (ui *UI) noSession(r *http.Request, err error) error {
	token, _ := ui.presented(r)
	if token == "" {
		return err
	}
	if _, found := ui.store.Lookup(r.Context(), token); errors.Is(found, session.ErrNoSession) {
		return err
	}
	return &replacedError{err}
}

// loginFor is the address of the login that leads back to a page.
func (ui *UI) loginFor(page string) string { return ui.withNext("/login", localPath(page)) }

// askAtTheTop is the page in a frame whose session has ended, or lacks a proof. The login cannot be framed, so the link
// opens it in place of the page around. It is the only page of the gate's that may be framed, and only by this site.
func (ui *UI) askAtTheTop(w http.ResponseWriter, r *http.Request, p messagePage) {
	w.Header().Set(policy, strings.Replace(ui.policy, "frame-ancestors 'none'",
		"frame-ancestors 'self'", 1))
	p.Framed = true
	ui.showMessage(w, r, http.StatusUnauthorized, p)
}

// leave has a library of scripts load the login, or whatever page a refusal leads to. The words are those of the
// refusal, whatever the status that the library understands.
func (ui *UI) leave(w http.ResponseWriter, r *http.Request, l *library, p messagePage, err error) {
	to := cmp.Or(p.On, p.LogIn)
	if status := l.leave(w.Header(), to); status != 0 {
		_ = writeJSON(w, status, ui.refusalData(http.StatusUnauthorized, err)) // on error the client has left
		return
	}
	p.Leave, p.Swapped = to, l.header != "Turbo-Frame" // which would show it as a missing frame
	ui.showMessage(w, r, http.StatusUnauthorized, p)
}

func (ui *UI) signedOutPage(r *http.Request, back string) messagePage {
	const name = "fault.unauthorized"
	p := messagePage{base: ui.inPlace(r, name+".title"), LogIn: ui.loginFor(back), Kind: kindLock}
	p.Text = p.say(name)
	return p
}
