package loginui

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

// changePasswordPath is where password managers look for the page to choose a new password (W3C, A Well-Known URL for
// Changing Passwords).
const changePasswordPath = "/.well-known/change-password"

func (ui *UI) getChangePassword(w http.ResponseWriter, _ *http.Request) error {
	seeOther(w, ui.c.Prefix+"/account/password")
	return nil
}

func (ui *UI) getName(w http.ResponseWriter, r *http.Request) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.namePage(r, form{Name: s.User.Name}, trouble{}))
}

func (ui *UI) postName(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	err = ui.store.Rename(r.Context(), token, f.Name, ui.client(r))
	if errors.Is(err, session.ErrNoSession) {
		return err
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.namePage(r, f, t))
	}
	return ui.done(w, "name")
}

func (ui *UI) namePage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "name", "/account/name", f)
	p.failed(t)
	name := p.name(f.Name)
	name.Hint = p.say("name.hint")
	p.with(t.faults, name)
	p.Cancel = ui.c.Prefix + "/account"
	return p
}

func (ui *UI) getPassword(w http.ResponseWriter, r *http.Request) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	o, err := ui.ownWays(r)
	if err != nil {
		return err
	}
	if !o.password { // the account page offers to set one
		return ui.getBack(w, r)
	}
	return ui.show(w, r, http.StatusOK, "form", ui.passwordPage(r, s, trouble{}))
}

func (ui *UI) postPassword(w http.ResponseWriter, r *http.Request) error {
	f, s, o, gone := ui.ownForm(r)
	switch {
	case gone != nil && !errors.Is(gone, session.ErrNoSession):
		return gone
	case gone == nil && !o.password:
		return ui.getBack(w, r)
	}
	token, _ := ui.presented(r)
	issued, err := ui.twice.do(r, ui.inSession(r, f), false, func(ctx context.Context) (auth.Issued, error) {
		if gone != nil { // unless it ended with the same form
			return auth.Issued{}, gone
		}
		return ui.store.ChangePassword(ctx, token, f.current, f.password, ui.client(r))
	})
	if errors.Is(err, session.ErrNoSession) {
		return err
	}
	if err != nil {
		t := ui.wrongPassword(w, r, err, "current")
		return ui.show(w, r, t.status, "form", ui.passwordPage(r, s, t))
	}
	ui.signedIn(w, issued)
	return ui.doneAnew(w, issued, "password")
}

func (ui *UI) passwordPage(r *http.Request, s session.Session, t trouble) formPage {
	p := ui.form(r, "change", "/account/password", form{})
	p.failed(t)
	p.Intro = []string{p.say("change.say")}
	p.Username = s.User.Email
	p.with(t.faults, p.currentPassword("current", "change.current"), p.newPassword("change.new", ui.c.PasswordMin))
	p.Cancel = ui.c.Prefix + "/account"
	return p
}

func (ui *UI) getDelete(w http.ResponseWriter, r *http.Request) error {
	s, err := ui.signedInAs(r)
	if err != nil {
		return err
	}
	o, err := ui.ownWays(r)
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.deletePage(r, s, o, trouble{}))
}

func (ui *UI) postDelete(w http.ResponseWriter, r *http.Request) error {
	f, s, o, err := ui.ownForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	err = ui.store.DeleteAccount(r.Context(), token, f.password, ui.client(r))
	switch {
	case errors.Is(err, session.ErrNoSession):
		return err
	case errors.Is(err, auth.ErrStaleFactor):
		ui.proveFactor(w, r, deletePath)
		return nil
	case errors.Is(err, session.ErrStale):
		return ui.askAgain(w, r, deletePath, form{}, trouble{})
	case err != nil:
		t := ui.wrongPassword(w, r, err, "password")
		return ui.show(w, r, t.status, "form", ui.deletePage(r, s, o, t))
	}
	return ui.deleted(w, r, s)
}

// deleted says that an account is gone.
func (ui *UI) deleted(w http.ResponseWriter, r *http.Request, s session.Session) error {
	ui.forgetBegun(w, r)
	ui.c.Cookie.Clear(w.Header())
	ui.expireAppCookies(w, r)
	w.Header().Set("Clear-Site-Data", clearCache)
	return ui.show(w, r, http.StatusOK, "message", ui.deletedPage(r, s.User.Email))
}

func (ui *UI) deletedPage(r *http.Request, email string) messagePage {
	p := messagePage{base: ui.refusal(r, "deleted.title"), Kind: kindDone}
	p.Stylesheet, p.Text = ui.wholeStyle, p.say("deleted.say", "email", email)
	return p
}

const deletePath = "/account/delete"

func (ui *UI) deletePage(r *http.Request, s session.Session, o ownWays, t trouble) formPage {
	p := ui.form(r, "delete", deletePath, form{})
	p.failed(t)
	p.Intro = []string{p.say("delete.say"), p.say("delete.app", "app", ui.c.AppName)}
	p.Username, p.Danger = s.User.Email, true
	p.with(t.faults, p.ownPassword(o)...)
	p.Cancel = ui.c.Prefix + "/account"
	return p
}

// ownPassword makes the field for the password of a user who has one. Without it a recent proof will do.
func (p *formPage) ownPassword(o ownWays) []field {
	if !o.password {
		return nil
	}
	return []field{p.currentPassword("password", "change.current")}
}

// ownForm reads a form, and the session and the ways in of the user who sent it.
func (ui *UI) ownForm(r *http.Request) (f form, s session.Session, o ownWays, err error) {
	if f, err = ui.readForm(r); err == nil {
		s, err = ui.signedInAs(r)
	}
	if err == nil {
		o, err = ui.ownWays(r)
	}
	return f, s, o, err
}
