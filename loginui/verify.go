package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
)

func (ui *UI) getVerify(w http.ResponseWriter, r *http.Request) error {
	p, err := ui.verifyPage(r, form{Remember: true}, trouble{})
	if err != nil {
		return err
	}
	return ui.show(w, http.StatusOK, "form", p)
}

func (ui *UI) postVerify(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	issued, err := ui.store.VerifyEmail(r.Context(), ui.verification(r, f))
	if errors.Is(err, auth.ErrBadLink) {
		return err
	}
	if err != nil {
		t := ui.wrongPassword(w, r, err, "password")
		p, err := ui.verifyPage(r, f, t)
		if err != nil {
			return err
		}
		return ui.show(w, t.status, "form", p)
	}
	ui.c.Cookie.ClearLink(w.Header())
	if issued.Session == "" { // the visitor was signed in
		return ui.done(w, "verified")
	}
	ui.signedIn(w, issued)
	seeOther(w, ui.c.Home)
	return nil
}

func (ui *UI) verification(r *http.Request, f form) auth.Verification {
	session, _ := ui.presented(r)
	return auth.Verification{Link: ui.link(r), Password: f.password, Remember: f.Remember, Session: session, Client: ui.client(r)}
}

// verifyPage is a button for whoever is known to have typed the address, and asks everybody else for the password.
func (ui *UI) verifyPage(r *http.Request, f form, t trouble) (formPage, error) {
	l, knows, err := ui.store.Knows(r.Context(), ui.verification(r, f))
	if err != nil {
		return formPage{}, err
	}
	return ui.verifyForm(r, l, knows, f, t), nil
}

func (ui *UI) verifyForm(r *http.Request, l auth.Link, knows bool, f form, t trouble) formPage {
	p := ui.form(r, "verify", verifyPath, form{})
	p.failed(t)
	if knows {
		p.Intro = []string{p.say("verify.say", "email", l.Email)}
		return p
	}
	p.Intro = []string{p.say("verify.say", "email", l.Email), p.say("verify.password")}
	p.Username = l.Email
	p.with(t.faults, p.currentPassword("password", "field.password"))
	p.AskRemember, p.Remember = true, f.Remember
	if l.Claimable() {
		p.Claim = ui.c.Prefix + resetPath
	}
	return p
}

// postRequestVerification is a button on the account page.
func (ui *UI) postRequestVerification(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	if err := ui.store.RequestVerification(r.Context(), token, ui.client(r)); err != nil {
		return err
	}
	return ui.done(w, "verify")
}
