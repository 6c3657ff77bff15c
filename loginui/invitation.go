package loginui

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
)

func (ui *UI) getInvitation(w http.ResponseWriter, r *http.Request) error {
	l, err := ui.readLink(r, isFor(mail.ForInvite))
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.invitationPage(r, l, form{Remember: true}, trouble{}))
}

func (ui *UI) postInvitation(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	if !ui.sameLink(r, f) {
		return auth.ErrBadLink
	}
	l, gone := ui.readLink(r, isFor(mail.ForInvite)) // for the second of two forms it is
	if gone != nil && !errors.Is(gone, auth.ErrBadLink) {
		return gone
	}
	presented, _ := ui.presented(r)
	u := auth.NewUser{Name: f.Name, Username: f.Username, Password: f.password}
	issued, err := ui.twice.do(r, ui.linked(r, f), false, func(ctx context.Context) (auth.Issued, error) {
		if gone != nil {
			return auth.Issued{}, gone
		}
		return ui.store.AcceptInvitation(ctx, ui.link(r), u, f.Remember, presented, ui.client(r))
	})
	if errors.Is(err, auth.ErrBadLink) {
		return err
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		if fault, ok := t.faults["email"]; ok { // there is no such field
			t.fault = fault
		}
		return ui.show(w, r, t.status, "form", ui.invitationPage(r, l, f, t))
	}
	ui.c.Cookie.ClearLink(w.Header())
	ui.endFlows(w, r)
	ui.signedInAnew(w, r, "", issued)
	ui.goOn(w, issued, ui.c.Home)
	return nil
}

func (ui *UI) invitationPage(r *http.Request, l auth.Link, f form, t trouble) formPage {
	p := ui.linkForm(r, "invitation", invitePath, form{})
	p.failed(t)
	p.Intro = []string{p.say("invitation.say", "email", l.Email)}
	p.Username = l.Email
	p.with(t.faults, append(ui.ownNames(&p, f), p.newPassword("field.password", ui.c.PasswordMin))...)
	p.AskRemember, p.Remember = true, f.Remember
	if ui.offer(&p); ui.c.PasswordsOff {
		p.Intro = []string{p.say("invitation.off", "email", l.Email)}
	}
	return p
}
