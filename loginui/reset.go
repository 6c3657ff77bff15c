package loginui

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
)

func (ui *UI) getForgot(w http.ResponseWriter, r *http.Request) error {
	return ui.show(w, r, http.StatusOK, "form", ui.forgotPage(r, form{}, trouble{}))
}

// postForgot answers the same whether the address has an account or not.
func (ui *UI) postForgot(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	client := ui.client(r)
	_, err = ui.twice.do(r, f, ui.solved(client), func(ctx context.Context) (auth.Issued, error) {
		return auth.Issued{}, ui.store.RequestReset(ctx, f.Email, client)
	})
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.forgotPage(r, f, t))
	}
	return ui.sent(w, r, http.StatusOK, "forgot.sent", f.Email)
}

func (ui *UI) forgotPage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "forgot", forgotPath, f)
	p.failed(t)
	p.Intro = []string{p.say("forgot.say")}
	p.with(t.faults, p.email(f.Email))
	p.Cancel, p.Trap, p.Once = ui.c.Prefix+"/login", true, secret.NewID()
	ui.guard(&p, captcha.Mail)
	return p
}

func (ui *UI) getReset(w http.ResponseWriter, r *http.Request) error {
	l, err := ui.readLink(r, auth.Link.Resets)
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.resetPage(r, l, trouble{}))
}

// resetPage also offers to come by a provider, which a link for a new password allows as well.
func (ui *UI) resetPage(r *http.Request, l auth.Link, t trouble) formPage {
	p := ui.choosePage(r, "reset", resetPath, l, t)
	if ui.offer(&p); ui.c.PasswordsOff {
		p.Title, p.Intro[0] = p.say("reset.off.title"), p.say("reset.off", "email", l.Email)
	}
	return p
}

func (ui *UI) postReset(w http.ResponseWriter, r *http.Request) error {
	return ui.choose(w, r, "reset", auth.Link.Resets, ui.store.ResetPassword, ui.resetPage)
}

func (ui *UI) getUndo(w http.ResponseWriter, r *http.Request) error {
	l, err := ui.readLink(r, isFor(mail.ForUndo))
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.undoPage(r, l, trouble{}))
}

// undoPage asks for no password where those are off.
func (ui *UI) undoPage(r *http.Request, l auth.Link, t trouble) formPage {
	p := ui.choosePage(r, "undo", undoPath, l, t)
	if ui.c.PasswordsOff {
		p.Fields, p.Intro[0] = nil, p.say("undo.off", "email", l.Email)
	}
	return p
}

func (ui *UI) postUndo(w http.ResponseWriter, r *http.Request) error {
	done := "undo"
	if ui.c.PasswordsOff {
		done = "undone"
	}
	return ui.choose(w, r, done, isFor(mail.ForUndo), ui.store.UndoEmailChange, ui.undoPage)
}

// choosePage asks only for a new password. The link stands for the account.
func (ui *UI) choosePage(r *http.Request, name, path string, l auth.Link, t trouble) formPage {
	p := ui.linkForm(r, name, path, form{})
	p.failed(t)
	p.Intro = []string{p.say(name+".say", "email", l.Email), p.say("reset.ends")}
	p.Username = l.Email
	p.with(t.faults, p.newPassword("change.new", ui.c.PasswordMin))
	return p
}

// chooser gives the account of a link a new password, and returns the token of the cookie that makes the
// browser known.
type chooser func(context.Context, secret.Token, secret.Password, secret.Client) (browser secret.Token, err error)

// choose sets the new password and redirects to the login, where the visitor has to enter it. For the second of two
// forms the link is gone.
func (ui *UI) choose(w http.ResponseWriter, r *http.Request, name string, allowed func(auth.Link) bool, do chooser,
	again func(*http.Request, auth.Link, trouble) formPage) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	if !ui.sameLink(r, f) {
		return auth.ErrBadLink
	}
	l, gone := ui.readLink(r, allowed)
	if gone != nil && !errors.Is(gone, auth.ErrBadLink) {
		return gone
	}
	issued, err := ui.twice.do(r, ui.linked(r, f), false, func(ctx context.Context) (issued auth.Issued, err error) {
		if gone != nil {
			return issued, gone
		}
		issued.Browser, err = do(ctx, ui.link(r), f.password, ui.client(r))
		return issued, err
	})
	if errors.Is(err, auth.ErrBadLink) {
		return err
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", again(r, l, t))
	}
	h := w.Header()
	ui.c.Cookie.ClearLink(h)
	ui.endFlows(w, r)
	ui.c.Cookie.Clear(h)
	ui.expireAppCookies(w, r)
	ui.c.Cookie.SetBrowser(h, issued.Browser, throttle.FamiliarFor)
	ui.c.Cookie.SetDone(h, name)
	if l.Email != "" {
		ui.c.Cookie.SetAddress(h, l.Email)
	}
	seeOther(w, ui.c.Prefix+"/login")
	return nil
}
