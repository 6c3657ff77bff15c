package loginui

import (
	"errors"
	"html/template"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// ownWays are the ways in of a user.
type ownWays struct {
	list     []auth.WayIn
	password bool // one of them is a password
}

// ownWays fails with session.ErrNoSession.
func (ui *UI) ownWays(r *http.Request) (o ownWays, err error) {
	token, _ := ui.presented(r)
	o.list, err = ui.store.WaysIn(r.Context(), token)
	for _, way := range o.list {
		o.password = o.password || way.Provider == ""
	}
	return o, err
}

// has reports whether an identity at the provider is one of the ways. One of an issuer that had its name before is
// not.
func (o ownWays) has(name string) bool {
	for _, way := range o.list {
		if way.Provider == name && way.Label != "" {
			return true
		}
	}
	return false
}

// wayEntry is the text about one way in on the account page.
type wayEntry struct {
	ID, Label, Login string
	Since            template.HTML
	Gone             bool // its issuer is not configured any more
	Mark             template.HTML
	Logo             template.URL
}

// wayEntries describes the ways in besides the password.
func (ui *UI) wayEntries(w *words, o ownWays) (list []wayEntry) {
	for _, way := range o.list {
		if way.Provider == "" {
			continue
		}
		e := wayEntry{ID: way.ID, Label: way.Label, Login: way.Login, Since: w.sayDate("ways.since", way.Since)}
		p := ui.provider(way.Provider)
		if p == nil || way.Label == "" {
			e.Label, e.Gone = way.Provider, true
		} else {
			b := ui.button(w, p, attachPath, "ways.connect")
			e.Mark, e.Logo = b.Mark, b.Logo
		}
		list = append(list, e)
	}
	return list
}

// connectable returns the buttons to connect each provider, or one more account there: somebody may have another one,
// and with it no other way to this account than from here.
func (ui *UI) connectable(w *words, o ownWays) (list []button) {
	for _, p := range ui.providers {
		message := "ways.connect"
		if o.has(p.Spec().Name) {
			message = "ways.connect.another"
		}
		b := ui.button(w, p, attachPath, message)
		b.Of = p.Label()
		list = append(list, b)
	}
	return list
}

// postAttach begins to connect a provider to the account.
func (ui *UI) postAttach(name string) deed {
	return func(w http.ResponseWriter, r *http.Request, _ form, token secret.Token) error {
		return ui.begin(w, r, auth.Flow{Provider: name, Purpose: auth.ToLink, Next: ui.c.Prefix + "/account",
			Session: token})
	}
}

func (ui *UI) postDisconnect(w http.ResponseWriter, r *http.Request, f form, token secret.Token) error {
	if f.ID == "" {
		return errForm
	}
	err := ui.store.Unlink(r.Context(), token, f.ID, ui.client(r))
	if errors.Is(err, auth.ErrLastWayIn) {
		return &astray{&fault{status: http.StatusConflict, key: "ways.last"}, err, ui.c.Prefix + "/account",
			"with.account"}
	}
	if err != nil {
		return err
	}
	return ui.done(w, "unlinked")
}

// postPasswordMail mails the link with which a user chooses a password who has none.
func (ui *UI) postPasswordMail(w http.ResponseWriter, r *http.Request) error {
	if _, err := ui.readForm(r); err != nil {
		return err
	}
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	err = ui.store.RequestReset(r.Context(), s.User.Email, ui.client(r))
	if err != nil && !errors.Is(err, session.ErrNoSession) {
		return ui.stray(w, r, err, trip{purpose: auth.ToLink})
	}
	return ui.done(w, "password_mail")
}
