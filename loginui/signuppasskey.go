package loginui

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/throttle"
)

// Paths of a sign-up with a passkey and no password, below Prefix. The form of the sign-up is sent to the first, and
// the passkey to the second.
const (
	passkeySignupPath = "/signup/passkey"
	passkeyMadePath   = "/signup/passkey/made"
)

// scripted is one more button of a form, which is there where scripts run and the browser has passkeys.
type scripted struct {
	Action, Label string
}

// offerPasskeySignup adds the button to the sign-up page.
func (ui *UI) offerPasskeySignup(p *formPage) {
	if ui.passkeySignups() && p.Submit != "" {
		p.ByPasskey = &scripted{ui.c.Prefix + passkeySignupPath, p.say("passkey.signup")}
	}
}

// passkeySignups reports whether one may sign up with a passkey. Samples show it.
func (ui *UI) passkeySignups() bool { return ui.store == nil || ui.store.PasskeySignUps() }

// getBackToSignup redirects a GET of what only takes forms to the sign-up. Reloads cause such requests.
func (ui *UI) getBackToSignup(w http.ResponseWriter, r *http.Request) error {
	seeOther(w, ui.withNext("/signup", ui.local(r.URL.Query().Get("next"))))
	return nil
}

func newUser(f form) auth.NewUser {
	return auth.NewUser{Email: f.Email, Name: f.Name, Username: f.Username}
}

// postPasskeySignup takes the form of a sign-up. It mails a link, or shows the page on which the passkey is made.
func (ui *UI) postPasskeySignup(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	client := ui.client(r)
	client.Next = f.Next
	begun, err := ui.store.BeginPasskeySignUp(r.Context(), newUser(f), ui.c.Cookie.ReadPasskey(r.Header), client)
	if errors.Is(err, auth.ErrUnverified) {
		ui.c.Cookie.SetBrowser(w.Header(), begun.Browser, throttle.FamiliarFor)
		ui.forgetBegun(w, r)
		return ui.sent(w, r, http.StatusOK, "verify.sent", f.Email)
	}
	if err != nil {
		return ui.passkeySignupRefused(w, r, f, err)
	}
	ui.c.Cookie.SetPasskey(w.Header(), begun.Key, auth.PasskeyFor)
	return ui.show(w, r, http.StatusOK, "form", ui.makePasskeyPage(r, f, trouble{}))
}

// passkeySignupRefused shows the sign-up once more.
func (ui *UI) passkeySignupRefused(w http.ResponseWriter, r *http.Request, f form, err error) error {
	switch {
	case errors.Is(err, auth.ErrSignUpClosed):
		return ui.closed()
	case errors.Is(err, auth.ErrPasskeysOff):
		return errNotFound
	}
	t := ui.passkeySignupTrouble(w, r, err)
	return ui.show(w, r, t.status, "signup", ui.signupPage(r, f, t))
}

func (ui *UI) passkeySignupTrouble(w http.ResponseWriter, r *http.Request, err error) trouble {
	t := ui.passkeyTrouble(w, r, err)
	if errors.Is(err, auth.ErrUnsurePasskey) {
		t.fault = ui.words(r).say("passkey.signup.unsure")
	}
	return t
}

// postPasskeyMade makes the user with the passkey that the browser has made, and shows the recovery codes.
func (ui *UI) postPasskeyMade(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	presented, _ := ui.presented(r)
	added, err := ui.store.SignUpByPasskey(r.Context(), newUser(f), ui.passkeyAnswer(r), f.Remember, presented)
	switch {
	case errors.Is(err, auth.ErrBadPasskey), errors.Is(err, auth.ErrUnsurePasskey), errors.Is(err, auth.ErrPasskeyTaken):
		t := ui.passkeySignupTrouble(w, r, err) // the sign-up waits for another answer
		return ui.show(w, r, t.status, "form", ui.makePasskeyPage(r, f, t))
	case err != nil:
		return ui.passkeySignupRefused(w, r, f, err)
	}
	ui.signedInAnew(w, r, "", added.Issued)
	ui.forgetBegun(w, r)
	p := ui.codesPage(r, f.Email, added.Codes, ui.landing(f.Next))
	if !ui.c.Mail {
		p.Intro = append(p.Intro, p.say("passkey.signup.codes"))
	}
	return ui.show(w, r, http.StatusOK, "once", p)
}

// makePasskeyPage is the page on which the passkey of a sign-up is made.
func (ui *UI) makePasskeyPage(r *http.Request, f form, t trouble) formPage {
	p := formPage{base: ui.base(r, "passkey.signup.title", "/signup", f.Next)}
	p.failed(t)
	p.Intro, p.Cancel = []string{p.say("passkey.signup.say", "email", f.Email)}, ui.withNext("/signup", f.Next)
	p.Passkey = ui.passkeyForm(p.words, auth.PasskeyToSignUp, passkeyMadePath, "passkey.signup.submit", f)
	if p.Passkey != nil {
		p.Passkey.Forget, p.Passkey.Main = !f.Remember, true
		p.Passkey.Sent = []sentField{{"email", f.Email}, {"name", f.Name}, {"username", f.Username}}
	}
	return p
}
