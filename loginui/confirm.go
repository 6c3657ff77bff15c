package loginui

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// deed carries out what a form of the account page asks for. It fails with session.ErrStale when the sign-in is
// too old.
type deed func(http.ResponseWriter, *http.Request, form, secret.Token) error

// confirmed does a deed at once for a user who signed in recently. Other users must enter their password first, or a
// code of their second factor if they have one: the form that asks for it is sent to the same address, and repeats the
// fields of the first form. Those without either show in another way that it is them.
func (ui *UI) confirmed(path string, do deed) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := ui.readForm(r)
		if err != nil {
			return err
		}
		token, _ := ui.presented(r)
		if r.PostForm.Has("code") {
			issued, err := ui.store.ProveFactor(r.Context(), token, f.Code, ui.client(r))
			if errors.Is(err, session.ErrNoSession) {
				return err
			}
			if errors.Is(err, auth.ErrNoFactor) { // it was removed in another tab
				return ui.askAgain(w, r, path, f, trouble{})
			}
			if err != nil {
				return ui.askAgain(w, r, path, f, ui.codeTrouble(w, r, err, isRecovery(r)))
			}
			ui.signedIn(w, issued)
			token = issued.Session
		} else if f.asked {
			issued, err := ui.twice.do(r, ui.inSession(r, f), false, func(ctx context.Context) (auth.Issued, error) {
				return ui.store.Confirm(ctx, token, f.password, ui.client(r))
			})
			if errors.Is(err, session.ErrNoSession) || errors.Is(err, auth.ErrStaleFactor) {
				return err
			}
			if err != nil {
				return ui.askAgain(w, r, path, f, ui.wrongPassword(w, r, err, "password"))
			}
			if ui.signedIn(w, issued); issued.Challenge != "" { // the deed is begun anew after the second step
				ui.goOn(w, issued, ui.c.Prefix+"/account")
				return nil
			}
			token = issued.Session
		}
		err = do(w, r, f, token)
		if errors.Is(err, session.ErrStale) {
			return ui.askAgain(w, r, path, f, trouble{})
		}
		return err
	}
}

// getBack redirects a GET of a form's address to the account page. Reloads and logins in between cause such
// requests.
func (ui *UI) getBack(w http.ResponseWriter, _ *http.Request) error {
	seeOther(w, ui.c.Prefix+"/account")
	return nil
}

// askAgain asks a user to show that it is them. The form for the password repeats what the first form sent. The other
// ways lead away from the page, so that the user has to begin again after them.
func (ui *UI) askAgain(w http.ResponseWriter, r *http.Request, path string, f form, t trouble) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	o, err := ui.ownWays(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	if !Navigating(r) && t.status == 0 {
		return &fault{status: http.StatusForbidden, key: "confirm.say"}
	}
	factors, err := ui.store.Factors(r.Context(), token)
	if err != nil {
		return err
	}
	page := ui.confirmPage(r, s, o, path, f, t)
	if factors.Any() { // a first factor would do nothing
		page = ui.factorAgainPage(r, s, factors, path, f, t)
	}
	return ui.show(w, r, cmp.Or(t.status, http.StatusForbidden), "form", page) // forbidden: nothing was done yet
}

// factorAgainPage is confirmPage for a user who has a second factor. The way to another one leads away from the page.
func (ui *UI) factorAgainPage(r *http.Request, s session.Session, have auth.Factors, path string, f form,
	t trouble) formPage {
	p := ui.factorPage(r, s, have, path, form{Next: ui.c.Prefix + "/account"}, t)
	p.Languages, p.To = nil, "" // the switcher would lose what the form sent
	p.ID, p.Next = f.ID, f.Next
	if p.Passkey != nil {
		p.Passkey.Next = ""
	}
	return p
}

func (ui *UI) confirmPage(r *http.Request, s session.Session, o ownWays, path string, f form, t trouble) formPage {
	p := ui.form(r, "confirm", path, form{})
	p.Languages = nil // the switcher would lose what the form sent
	p.failed(t)
	p.ID, p.Next, p.Username = f.ID, f.Next, s.User.Email
	p.Cancel, p.Buttons = ui.c.Prefix+"/account", ui.proofs(p.words, s, o)
	switch {
	case o.password:
		p.Intro = []string{p.say("confirm.say")}
		p.with(t.faults, p.currentPassword("password", "change.current"))
		return p
	case len(p.Buttons) > 0:
		p.Intro = []string{p.say("confirm.ways")}
	case ui.c.Confirm && !s.User.EmailVerified:
		p.Intro = []string{p.say("confirm.none.unverified")}
	default:
		p.Intro = []string{p.say("confirm.none")}
	}
	p.Submit, p.Username, p.Instead = "", "", p.say("with.account")
	return p
}

// wrongPassword is trouble for a user whose address is known: it puts a wrong password beside its field.
func (ui *UI) wrongPassword(w http.ResponseWriter, r *http.Request, err error, field string) trouble {
	t := ui.trouble(w, r, err)
	if t.status == http.StatusUnauthorized {
		return trouble{t.status, "", map[string]string{field: ui.words(r).say("confirm.wrong")}}
	}
	return t
}
