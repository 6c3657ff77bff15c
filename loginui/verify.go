package loginui

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
)

func (ui *UI) getVerify(w http.ResponseWriter, r *http.Request) error {
	p, err := ui.verifyPage(r, form{Remember: true, Next: ui.local(r.URL.Query().Get("next"))}, trouble{})
	if ui.wasUsed(r, err, mail.ForVerify) {
		ui.c.Cookie.ClearLink(w.Header())
		return ui.done(w, "already")
	}
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", p)
}

func (ui *UI) postVerify(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	if !ui.sameLink(r, f) {
		return auth.ErrBadLink
	}
	before := ui.presentedUser(r)
	issued, err := ui.twice.do(r, ui.linked(r, f), false, func(ctx context.Context) (auth.Issued, error) {
		return ui.store.VerifyEmail(ctx, ui.verification(r, f))
	})
	if ui.wasUsed(r, err, mail.ForVerify) {
		ui.c.Cookie.ClearLink(w.Header())
		return ui.done(w, "verified")
	}
	if errors.Is(err, auth.ErrBadLink) {
		return err
	}
	if err != nil {
		t := ui.wrongPassword(w, r, err, "password")
		p, err := ui.verifyPage(r, f, t)
		if err != nil {
			return err
		}
		return ui.show(w, r, t.status, "form", p)
	}
	ui.c.Cookie.ClearLink(w.Header())
	if issued.Session == "" && issued.Challenge == "" { // the visitor was signed in before
		return ui.done(w, "verified")
	}
	ui.endFlows(w, r)
	ui.signedInAnew(w, r, before, issued)
	to, err := ui.afterVerify(r, issued, f)
	if err != nil {
		return err
	}
	ui.goOn(w, issued, to)
	return nil
}

// afterVerify is where somebody goes on to who has confirmed their address. Whoever signed up for a passkey makes it.
func (ui *UI) afterVerify(r *http.Request, issued auth.Issued, f form) (string, error) {
	if issued.Session == "" || !ui.morePasskeys() {
		return ui.landing(f.Next), nil
	}
	lacks, err := ui.store.LacksWayIn(r.Context(), issued.Session)
	if err != nil || !lacks {
		return ui.landing(f.Next), err
	}
	return ui.withNext(addPasskeyPath, f.Next), nil
}

func (ui *UI) verification(r *http.Request, f form) auth.Verification {
	session, _ := ui.presented(r)
	return auth.Verification{Link: ui.link(r), Password: f.password, Remember: f.Remember,
		Session: session, Client: ui.client(r)}
}

// verifyPage shows a button alone if the browser is known to be the one that typed the address. Otherwise it
// asks for the password.
func (ui *UI) verifyPage(r *http.Request, f form, t trouble) (formPage, error) {
	l, known, err := ui.store.Knows(r.Context(), ui.verification(r, f))
	if err != nil {
		return formPage{}, err
	}
	return ui.verifyForm(r, l, known, f, t), nil
}

func (ui *UI) verifyForm(r *http.Request, l auth.Link, known auth.Known, f form, t trouble) formPage {
	p := ui.linkForm(r, "verify", verifyPath, form{Next: f.Next})
	p.failed(t)
	p.Intro = []string{p.say("verify.say", "email", l.Email)}
	p.AskRemember, p.Remember = known != auth.BySession, f.Remember
	if l.Claimable() { // even in a known browser: another person may have used it before
		p.Claim, p.ClaimText = ui.c.Prefix+resetPath, p.say("verify.claim")
		if !l.HasPassword() {
			p.ClaimText = p.say("verify.choose")
		}
	}
	if known != auth.Stranger {
		if !ui.c.PasswordsOff {
			p.Intro = append(p.Intro, p.say("verify.keeps"))
		}
		return p
	}
	if l.Claimable() {
		ui.offer(&p)
	}
	if ui.c.PasswordsOff {
		p.Intro, p.Claim = append(p.Intro, p.say("verify.off")), ""
		return p
	}
	if !l.HasPassword() {
		ui.withoutPassword(&p)
		return p
	}
	p.Intro = append(p.Intro, p.say("verify.password"))
	p.Username = l.Email
	p.with(t.faults, p.currentPassword("password", "field.password"))
	return p
}

// withoutPassword says what a stranger can do whose account has no password: come by a provider with the link, or
// choose a password with it. A link that is of no use any more leads to the login.
func (ui *UI) withoutPassword(p *formPage) {
	switch p.Submit = ""; {
	case p.Claim == "":
		p.Intro, p.Cancel, p.Instead = append(p.Intro, p.say("verify.off")), ui.loginURL(""), p.say("with.choose")
	case len(p.Buttons) == 0:
		p.Intro = append(p.Intro, p.say("verify.none.only"))
	default:
		p.Intro = append(p.Intro, p.say("verify.none"))
	}
}

// postRequestVerification answers a button on the account page.
func (ui *UI) postRequestVerification(w http.ResponseWriter, r *http.Request) error {
	if _, err := ui.readForm(r); err != nil {
		return err
	}
	token, _ := ui.presented(r)
	if err := ui.store.RequestVerification(r.Context(), token, ui.client(r)); err != nil {
		return err
	}
	return ui.done(w, "verify")
}
