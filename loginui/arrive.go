package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// arrivePath is where a browser with a cookie of the system before gets one of the gate's.
const arrivePath = "/.gatepost/arrive"

// getArrive leads on to the page asked for, as arrived has signed the visitor in. Else it leads to the login, never
// back here.
func (ui *UI) getArrive(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	token, _ := ui.presented(r)
	if done, err := ui.alreadyIn(w, r, token, next); done || err != nil {
		return err
	}
	seeOther(w, ui.withNext("/login", ui.local(next)))
	return nil
}

// arrived returns the request as it is with a session of the gate's, if it has one of the system before: the answer
// sets the new cookie and removes the old ones. That happens when a page is loaded or something is sent. Of another
// site only a link that somebody follows counts, although the old cookie may come with more.
func (ui *UI) arrived(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if r.Method != http.MethodPost && !Navigating(r) {
		return r, nil
	}
	return ui.arrive(w, r)
}

// arrive is arrived for a request that is known to be a deed.
func (ui *UI) arrive(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if session.WithoutLax(r) {
		return r, nil
	}
	old := ui.store.Imported(r.Header, ui.c.Cookie)
	if !old.Claims() {
		return r, nil
	}
	issued, err := ui.store.Arrive(r.Context(), old, ui.client(r))
	if errors.Is(err, session.ErrNoSession) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	ui.signedIn(w, issued)
	ui.c.Cookie.SetMoved(w.Header(), r)
	return ui.withSession(r, issued.Session), nil
}

// withSession returns a request that presents a session.
func (ui *UI) withSession(r *http.Request, t secret.Token) *http.Request {
	r = r.Clone(r.Context())
	r.AddCookie(&http.Cookie{Name: ui.c.Cookie.Name, Value: string(t)})
	return r
}
