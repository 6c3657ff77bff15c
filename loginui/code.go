package loginui

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

// codePath is the page of the second step of a sign-in, below Prefix. With withRecovery it asks for a recovery code.
const (
	codePath     = "/login/code"
	withRecovery = "recovery"
)

// doneCode notes for the login that the second step was not done in time.
const doneCode = "code"

// goOn sends whoever has signed in on, after the second step if that is due.
func (ui *UI) goOn(w http.ResponseWriter, issued auth.Issued, to string) {
	if issued.Challenge != "" {
		if to == ui.c.Home {
			to = ""
		}
		to = ui.withNext(codePath, to)
	}
	seeOther(w, to)
}

func (ui *UI) getCode(w http.ResponseWriter, r *http.Request) error {
	next := ui.local(r.URL.Query().Get("next"))
	half, err := ui.store.Half(r.Context(), ui.c.Cookie.ReadChallenge(r.Header), ui.client(r))
	if errors.Is(err, session.ErrNoChallenge) {
		return ui.codeEnded(w, r, next)
	}
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.codePage(r, half, form{Next: next}, trouble{}))
}

// askForCode shows the page of the second step in answer to the first, where that brings what the address cannot keep.
func (ui *UI) askForCode(w http.ResponseWriter, r *http.Request, issued auth.Issued, f form) error {
	client := ui.client(r)
	client.Browser = issued.Browser
	half, err := ui.store.Half(r.Context(), issued.Challenge, client)
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.codePage(r, half, form{Next: f.Next, Kept: f.Kept}, trouble{}))
}

func (ui *UI) postCode(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	before := ui.presentedUser(r)
	step := auth.SecondStep{Challenge: ui.c.Cookie.ReadChallenge(r.Header), Code: f.Code, Trust: f.Trust,
		Client: ui.client(r)}
	step.Presented, _ = ui.presented(r)
	issued, err := ui.store.MeetSecondStep(r.Context(), step)
	if err != nil {
		return ui.codeRefused(w, r, f, step, err)
	}
	ui.signedInAnew(w, r, before, issued)
	ui.forgetBegun(w, r)
	return ui.land(w, r, issued, f)
}

// codeRefused shows the page once more, unless the challenge takes no answer any more.
func (ui *UI) codeRefused(w http.ResponseWriter, r *http.Request, f form, step auth.SecondStep, err error) error {
	var half auth.Half
	refused := err
	if !errors.Is(err, session.ErrNoChallenge) {
		half, err = ui.store.Half(r.Context(), step.Challenge, step.Client)
	}
	if errors.Is(err, session.ErrNoChallenge) {
		return ui.codeEnded(w, r, f.Next)
	}
	if err != nil {
		return err
	}
	t := ui.codeTrouble(w, r, refused, isRecovery(r))
	return ui.show(w, r, t.status, "form", ui.codePage(r, half, f, t))
}

// codeEnded leads to the login, which says why if there was a second step to be done. A form that was sent twice finds
// the challenge met.
func (ui *UI) codeEnded(w http.ResponseWriter, r *http.Request, next string) error {
	token, _ := ui.presented(r)
	if done, err := ui.alreadyIn(w, r, token, next); done || err != nil {
		return err
	}
	if ui.c.Cookie.ReadChallenge(r.Header) != "" {
		ui.c.Cookie.ClearChallenge(w.Header())
		ui.c.Cookie.SetDone(w.Header(), doneCode)
	}
	seeOther(w, ui.withNext("/login", next))
	return nil
}

// forgetStep forgets the second step of a sign-in that was done, or given up.
func (ui *UI) forgetStep(w http.ResponseWriter, r *http.Request) {
	if ui.c.Cookie.ReadChallenge(r.Header) != "" {
		ui.c.Cookie.ClearChallenge(w.Header())
	}
}

// isRecovery reports whether a page asks for a recovery code, not for one of the app.
func isRecovery(r *http.Request) bool { return r.URL.Query().Get("with") == withRecovery }

// codePage is the page of the second step.
func (ui *UI) codePage(r *http.Request, half auth.Half, f form, t trouble) formPage {
	p := ui.form(r, "code", codePath, f)
	p.failed(t)
	p.Kept, p.Username, p.Cancel = f.Kept, half.Email, ui.loginURL(f.Next)
	p.Submit, p.Busy = p.say("login.submit"), p.say("login.busy")
	p.Intro = []string{p.say("code.say", "app", ui.c.AppName)}
	if days := int((ui.c.TrustBrowser + 24*time.Hour - 1) / (24 * time.Hour)); days > 0 {
		p.Check = &check{"trust", p.say("code.trust", "n", days), p.say("code.trust.hint"), f.Trust}
	}
	a := askedFor{path: codePath, app: half.App}
	if half.Passkeys > 0 {
		a.passkey = ui.passkeyForm(p.words, auth.PasskeyAsSecond, passkeyLoginPath, "passkey.login", f)
	}
	if a.passkey != nil {
		a.passkey.Trusts = p.Check != nil
	}
	ui.askForSecond(&p, r, a, f, t)
	return p
}

// askedFor is what a page can ask a user for.
type askedFor struct {
	path    string       // of the page
	app     bool         // they have an authenticator app
	passkey *passkeyForm // nil: they have no passkey
}

// askForSecond has a page ask for a code of the app, or for a recovery code if the request says so or nothing else is
// left, and for a passkey beside it. Where passkeys are all there is, it has no field.
func (ui *UI) askForSecond(p *formPage, r *http.Request, a askedFor, f form, t trouble) {
	other := url.Values{}
	if f.Next != "" {
		other.Set("next", f.Next)
	}
	link := func() string { return ui.c.Prefix + a.path + query(other) }
	p.Passkey = a.passkey
	if isRecovery(r) || !a.app && a.passkey == nil {
		ui.askForRecovery(p)
		p.with(t.faults, p.recoveryCode())
		if a.app {
			p.Claim, p.ClaimText = link(), p.say("code.to_app")
		}
	} else {
		other.Set("with", withRecovery)
		p.Claim, p.ClaimText = link(), p.say("code.recovery.title")
		if a.app {
			p.with(t.faults, p.appCode())
		} else {
			p.Title, p.Intro, p.Submit, p.Username = p.say("confirm.title"), []string{p.say("code.passkey")}, "", ""
		}
	}
	if p.Passkey != nil {
		p.Passkey.Or, p.Passkey.Main = p.Submit != "", p.Submit == ""
	}
}

// askForRecovery makes a page of the second step one for recovery codes, in every language.
func (ui *UI) askForRecovery(p *formPage) {
	p.Title, p.Action = p.say("code.recovery.title"), p.Action+"?with="+withRecovery
	p.Intro = []string{p.say("code.recovery.say"), p.say("code.lost")}
	p.Asked = append(p.Asked, sentField{"with", withRecovery})
	for i := range p.Languages {
		p.Languages[i].asked = p.Asked
	}
}

// query writes the query of an address; nothing, if it is empty.
func query(values url.Values) string {
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// appCode makes the field for a code of an authenticator app.
func (p *formPage) appCode() field {
	return field{words: p.words, ID: "code", Type: "text", Autocomplete: "one-time-code", InputMode: "numeric",
		Label: p.say("field.code"), Plain: true}
}

// recoveryCode makes the field for a recovery code.
func (p *formPage) recoveryCode() field {
	return field{words: p.words, ID: "code", Type: "text", Autocomplete: "off", Label: p.say("field.recovery"),
		Plain: true}
}

// codeTrouble is trouble for a form with the field code. recovery says that it asked for a recovery code.
func (ui *UI) codeTrouble(w http.ResponseWriter, r *http.Request, err error, recovery bool) trouble {
	words := ui.words(r)
	about := func(status int, key string) trouble {
		return trouble{status, "", map[string]string{"code": words.say(key)}}
	}
	input, _ := errors.AsType[auth.InputError](err)
	switch {
	case recovery && len(input) > 0 && input[0].Problem == auth.Malformed:
		return about(http.StatusUnprocessableEntity, "code.recovery.malformed")
	case recovery && errors.Is(err, auth.ErrWrongCode):
		return about(http.StatusUnauthorized, "code.recovery.wrong")
	case errors.Is(err, auth.ErrWrongCode):
		return about(http.StatusUnauthorized, "code.wrong")
	case errors.Is(err, auth.ErrUsedCode):
		return about(http.StatusUnauthorized, "code.used")
	case errors.Is(err, auth.ErrFactorLocked):
		return trouble{http.StatusForbidden, words.say("code.locked"), nil}
	case errors.Is(err, auth.ErrFactorUnreadable): // the store has logged it
		return trouble{http.StatusConflict, words.say("code.unreadable"), nil}
	}
	return ui.trouble(w, r, err)
}
