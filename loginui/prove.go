package loginui

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/session"
)

// Paths of the pages on which users without a password show that it is them, below Prefix.
const (
	provePath     = "/account/prove" // opened by a mailed link
	proveMailPath = "/account/prove/mail"
)

// proofs returns the buttons with which a user can show that it is them, besides the password.
func (ui *UI) proofs(w *words, s session.Session, o ownWays) (list []button) {
	for _, p := range ui.providers {
		if p.AsksAge() && o.has(p.Spec().Name) {
			list = append(list, ui.button(w, p, confirmByPath, "confirm.with"))
		}
	}
	if ui.c.Mail && s.User.EmailVerified {
		list = append(list, button{Action: ui.c.Prefix + proveMailPath, Label: w.say("confirm.mail"),
			Primary: !o.password && len(list) == 0})
	}
	return list
}

// postConfirmBy begins to prove a user again by a provider.
func (ui *UI) postConfirmBy(name string) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := ui.readForm(r)
		if err != nil {
			return err
		}
		token, _ := ui.presented(r)
		return ui.begin(w, r, auth.Flow{Provider: name, Purpose: auth.ToConfirm,
			Next: cmp.Or(f.Next, ui.c.Prefix+"/account"), Session: token})
	}
}

// postProveMail mails a link that proves a user again.
func (ui *UI) postProveMail(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	client := ui.client(r)
	client.Next = f.Next
	err = ui.store.RequestProof(r.Context(), token, client)
	if errors.Is(err, auth.ErrUnverified) {
		return &astray{&fault{status: http.StatusForbidden, key: "confirm.none.unverified"}, err,
			ui.c.Prefix + "/account", "with.account"}
	}
	if err != nil {
		return err
	}
	return ui.done(w, "prove")
}

// getProve needs the user's session. Without it, a link alone would be a way in.
func (ui *UI) getProve(w http.ResponseWriter, r *http.Request) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	l, err := ui.readLink(r, isFor(mail.ForProve))
	if err == nil && !l.Of(s.User) {
		err = auth.ErrOtherUser
	}
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.provePage(r, l, ui.local(r.URL.Query().Get("next"))))
}

func (ui *UI) provePage(r *http.Request, l auth.Link, next string) formPage {
	p := ui.linkForm(r, "prove", provePath, form{Next: next})
	p.Intro = []string{p.say("prove.say", "email", l.Email)}
	p.Cancel = ui.c.Prefix + "/account"
	return p
}

func (ui *UI) postProve(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	if token != "" && !ui.sameLink(r, f) {
		return auth.ErrBadLink
	}
	issued, err := ui.twice.do(r, ui.linked(r, f), false, func(ctx context.Context) (auth.Issued, error) {
		return ui.store.ProveByLink(ctx, ui.link(r), token, ui.client(r))
	})
	if err != nil {
		return err
	}
	ui.c.Cookie.ClearLink(w.Header())
	ui.signedIn(w, issued)
	if f.Next != "" {
		ui.goOn(w, issued, ui.landing(f.Next))
		return nil
	}
	return ui.doneAnew(w, issued, "confirmed")
}
