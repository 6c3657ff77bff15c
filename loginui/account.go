package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
)

// accountPage is account.html and logout.html.
type accountPage struct {
	base
	Session auth.Session
}

func (ui *UI) getAccount(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	session, err := ui.store.Describe(r.Context(), token)
	if err != nil {
		return err
	}
	return ui.show(w, http.StatusOK, "account", accountPage{base: ui.base("Your account"), Session: session})
}

func (ui *UI) postSignOutEverywhere(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	err := ui.store.SignOutEverywhere(r.Context(), token)
	if errors.Is(err, auth.ErrNoSession) {
		return err
	}
	if err != nil {
		return &stillSignedIn{err}
	}
	ui.signedOut(w)
	return nil
}
