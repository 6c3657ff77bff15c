package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

const usernamePath = "/account/username"

// getUsername asks a user for their username, unless they have one, which stays.
func (ui *UI) getUsername(w http.ResponseWriter, r *http.Request) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	if s.User.Username != "" {
		return ui.getBack(w, r)
	}
	return ui.show(w, r, http.StatusOK, "form", ui.usernamePage(r, form{}, trouble{}))
}

func (ui *UI) postUsername(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	err = ui.store.ChooseUsername(r.Context(), token, f.Username, ui.client(r))
	switch {
	case errors.Is(err, session.ErrNoSession):
		return err
	case errors.Is(err, auth.ErrHasUsername):
		return ui.getBack(w, r)
	case err != nil:
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.usernamePage(r, f, t))
	}
	return ui.done(w, "username")
}

func (ui *UI) usernamePage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "username", usernamePath, f)
	p.failed(t)
	p.Intro = []string{p.say("username.say")}
	p.with(t.faults, p.username(f.Username))
	p.Cancel = ui.c.Prefix + "/account"
	return p
}
