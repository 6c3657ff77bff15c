package loginui

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

func (ui *UI) getLogin(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	token, present := ui.presented(r)
	if done, err := ui.alreadyIn(w, r, token, next); done || err != nil {
		return err
	}
	if present {
		ui.c.Cookie.Clear(w.Header())
	}
	if ui.leadOn(w, r) {
		return nil
	}
	if p := ui.straight(r); p != nil {
		return ui.begin(w, r, auth.Flow{Provider: p.Spec().Name, Purpose: auth.ToSignIn, Next: ui.local(next),
			Remember: true})
	}
	address := ui.c.Cookie.Address(r)
	if address != "" {
		ui.usedUp(w, r, ui.c.Cookie.ClearAddress)
	}
	p := ui.loginPage(r, form{Remember: true, Next: ui.local(next), Email: address}, trouble{})
	p.Notice = ui.whyNoCookie(r, p.words, present)
	switch done := ui.c.Cookie.Done(r); {
	case done == doneCode:
		p.Notice = p.say("code.ended")
		ui.usedUp(w, r, ui.c.Cookie.ClearDone)
	case p.has("login.done." + done):
		p.Notice, p.Good = p.say("login.done."+done), true
		ui.usedUp(w, r, ui.c.Cookie.ClearDone)
	}
	if ui.c.Cookie.Marked(r) {
		p.Forget = forgetPath
	}
	return ui.showLogin(w, r, http.StatusOK, p, "")
}

// alreadyIn redirects a visitor who is signed in to next, or to where they prove what it needs. It reports whether it
// did.
func (ui *UI) alreadyIn(w http.ResponseWriter, r *http.Request, token secret.Token, next string) (bool, error) {
	s, err := ui.store.Lookup(r.Context(), token)
	if errors.Is(err, session.ErrNoSession) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	to := ui.landing(next)
	if ui.lacks(to, s) != nil { // front ends lead every 401 here
		to = ui.stepUpURL(to)
	}
	seeOther(w, to)
	return true, nil
}

// whyNoCookie explains a login that seems to loop. A visitor who was sent to the login right from one of the
// gate's own forms has just signed in, and their browser did not send the cookie back. The links on these pages
// send no Referer.
func (ui *UI) whyNoCookie(r *http.Request, w *words, present bool) string {
	if !present && ui.c.Cookie.Done(r) == doneIn && !ui.c.Cookie.Marked(r) && r.URL.Query().Has("next") {
		return w.say("login.cookie.blocked") // they came from a provider
	}
	from, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || present || from.Host != r.Host || r.URL.Query().Get("next") == "" {
		return ""
	}
	if r.URL.Query().Has("lang") { // they have chosen another language there
		return ""
	}
	if from.Path != ui.c.Prefix+"/login" && from.Path != ui.c.Prefix+"/signup" {
		return ""
	}
	if r.Host != ui.c.PublicURL.Host {
		return w.say("login.cookie.host", "host", r.Host, "site", ui.absolute("/"))
	}
	if ui.c.Cookie.Secure && from.Scheme == "http" {
		return w.say("login.cookie.http", "url", ui.absolute(ui.c.Prefix+"/login"))
	}
	return w.say("login.cookie.blocked")
}

func (ui *UI) postLogin(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	before := ui.presentedUser(r)
	issued, err := ui.signIn(r, f)
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.showLogin(w, r, t.status, ui.loginPage(r, f, t), f.Email)
	}
	ui.signedInAnew(w, r, before, issued)
	ui.forgetBegun(w, r)
	if issued.Challenge != "" && f.Kept != "" { // which is too long for an address
		return ui.askForCode(w, r, issued, f)
	}
	return ui.land(w, r, issued, f)
}

// land sends whoever has signed in on to the page asked for, or lets them send the form that waits.
func (ui *UI) land(w http.ResponseWriter, r *http.Request, issued auth.Issued, f form) error {
	if kept, ok := ui.store.Kept(r.Context(), f.Kept, ui.c.Cookie.ReadKept(r.Header), issued.Session); ok {
		return ui.offerKept(w, r, kept, ui.landing(f.Next))
	}
	ui.goOn(w, issued, ui.landing(f.Next))
	return nil
}

func (ui *UI) signIn(r *http.Request, f form) (auth.Issued, error) {
	presented, _ := ui.presented(r)
	return ui.store.SignIn(r.Context(), auth.Credentials{
		Email: f.Email, Password: f.password, Remember: f.Remember, Presented: presented, Client: ui.client(r),
	})
}

// signedIn sets the cookies of the session and of the browser; of half a sign-in those with which the rest can be done
// (goOn leads there). Without either it sets none.
func (ui *UI) signedIn(w http.ResponseWriter, issued auth.Issued) {
	switch {
	case issued.Session != "":
		ui.c.Cookie.Set(w.Header(), issued.Session, issued.Remember)
		if issued.Trust != "" {
			ui.c.Cookie.SetTrust(w.Header(), issued.Trust, ui.c.TrustBrowser)
		}
	case issued.Challenge != "":
		ui.c.Cookie.SetChallenge(w.Header(), issued.Challenge, auth.SecondStepFor)
	default:
		return
	}
	ui.c.Cookie.SetBrowser(w.Header(), issued.Browser, throttle.FamiliarFor)
}

func (ui *UI) loginPage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "login", "/login", f)
	p.failed(t)
	p.Home = cmp.Or(ui.c.Front, p.Home)
	secret := p.currentPassword("password", "field.password")
	if ui.c.Mail && !ui.c.PasswordsOff {
		p.Forgot = ui.c.Prefix + forgotPath
		secret.Aside = &aside{p.Forgot, p.say("login.forgot"), p.say("login.forgot.long")}
	}
	p.with(t.faults, p.email(f.Email), secret)
	p.AskRemember, p.Remember, p.Kept = true, f.Remember, f.Kept
	if !ui.c.SignUpClosed {
		p.OtherPage = ui.withNext("/signup", f.Next)
	}
	ui.offer(&p)
	ui.offerPasskey(&p, f)
	return p
}
