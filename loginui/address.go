package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/session"
)

func (ui *UI) getAddress(w http.ResponseWriter, r *http.Request) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	o, err := ui.ownWays(r)
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.addressPage(r, s, o, form{}, trouble{}))
}

func (ui *UI) postAddress(w http.ResponseWriter, r *http.Request) error {
	f, s, o, err := ui.ownForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	issued, err := ui.store.RequestEmailChange(r.Context(), token, f.password, f.Email, ui.client(r))
	switch {
	case errors.Is(err, session.ErrNoSession):
		return err
	case errors.Is(err, auth.ErrStaleFactor):
		ui.proveFactor(w, r, addressPath)
		return nil
	case errors.Is(err, session.ErrStale):
		return ui.askAgain(w, r, addressPath, form{}, trouble{})
	case err != nil:
		t := ui.wrongPassword(w, r, err, "password")
		return ui.show(w, r, t.status, "form", ui.addressPage(r, s, o, f, t))
	}
	ui.signedIn(w, issued)
	return ui.doneAnew(w, issued, "address")
}

func (ui *UI) addressPage(r *http.Request, s session.Session, o ownWays, f form, t trouble) formPage {
	p := ui.form(r, "address", addressPath, form{})
	p.failed(t)
	p.Intro = []string{p.say("address.say", "email", s.User.Email)}
	p.Username = s.User.Email
	address := p.email(f.Email)
	address.Label, address.Autocomplete = p.say("address.new"), "email"
	p.with(t.faults, append([]field{address}, p.ownPassword(o)...)...)
	p.Cancel = ui.c.Prefix + "/account"
	return p
}

// getChange needs the user's session. Without it, a link alone would give the address to whoever opens it.
func (ui *UI) getChange(w http.ResponseWriter, r *http.Request) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	l, err := ui.readLink(r, isFor(mail.ForChange))
	if ui.wasUsed(r, err, mail.ForChange) {
		ui.c.Cookie.ClearLink(w.Header())
		return ui.done(w, "moved")
	}
	if err == nil && !l.Of(s.User) {
		err = auth.ErrOtherUser
	}
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.changePage(r, s, l))
}

func (ui *UI) postChange(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	session, _ := ui.presented(r)
	if session != "" && !ui.sameLink(r, f) {
		return auth.ErrBadLink
	}
	err = ui.store.ConfirmEmail(r.Context(), ui.link(r), session, ui.client(r))
	if err != nil && !ui.wasUsed(r, err, mail.ForChange) { // the form may have been sent twice
		return err
	}
	ui.c.Cookie.ClearLink(w.Header())
	return ui.done(w, "moved")
}

func (ui *UI) changePage(r *http.Request, s session.Session, l auth.Link) formPage {
	p := ui.linkForm(r, "moving", changePath, form{})
	p.Intro = []string{p.say("moving.say", "email", l.Email, "old", s.User.Email)}
	p.Cancel = ui.c.Prefix + "/account"
	return p
}
