package loginui

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/loginui/api"
)

// ErrWithheld is an error for Refuse: what may be meant for the gate below /api/auth/, and is not served there. The
// answer is the protocol's, which clients expect there.
var ErrWithheld = errors.New("nothing is served here")

// addAPI adds the protocol of Better Auth's client, unless /api/auth/ is the app's.
func (ui *UI) addAPI() {
	if ui.c.APIAuthApp {
		return
	}
	ui.api = api.New(api.Config{PublicURL: ui.c.PublicURL, Origins: ui.c.Origins, Cookie: ui.c.Cookie,
		AppName: ui.c.AppName,
		Mail:    ui.c.Mail, Confirm: ui.c.Confirm && ui.c.Mail, PasswordsOff: ui.c.PasswordsOff,
		UsernamesChosen: ui.c.UsernamesChosen, Log: ui.c.Log, Pages: api.Pages{
			Enter: ui.enter, Receive: ui.receiveJSON, Client: ui.client, LocalPath: localPath,
			Before: ui.presentedUser, SignedIn: ui.signedInFromAPI, SignedOut: ui.signedOutFromAPI, Renewed: ui.signedIn,
			Known: ui.known, LogoutURL: ui.leavingTo, Leaving: ui.leaving, ConfirmURL: ui.confirmURL,
			StepURL: func(next string) string { return ui.withNext(codePath, next) },
			Error:   ui.apiError, Arrived: ui.arrive, LinkRefused: ui.linkRefused,
		}}, ui.store)
	ui.routes[api.DocumentPath] = methods{"GET": ui.getDocument}
}

// leavingTo is logoutURL for an answer without words.
func (ui *UI) leavingTo(r *http.Request, token secret.Token) *url.URL {
	to, _ := ui.logoutURL(r, token)
	return to
}

// Shown is how a log may show a raw path of the gate's, without the secret that it may have.
func Shown(rawPath string) string { return api.Shown(rawPath) }

// CountAPI has a function told of each answer of the protocol, by the name of the endpoint and the status. Call it
// before the first request.
func (ui *UI) CountAPI(f func(endpoint string, status int)) {
	if ui.api != nil {
		ui.api.Count(f)
	}
}

func (ui *UI) serveAPI(w http.ResponseWriter, r *http.Request) {
	if errors.Is(ui.api.Serve(w, r), api.ErrTooLarge) {
		ui.linger(w, r)
	}
}

// getDocument serves the OpenAPI document.
func (ui *UI) getDocument(w http.ResponseWriter, _ *http.Request) error {
	doc, err := ui.api.Document()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, err = w.Write(doc)
	return err
}

// receiveJSON reads a body with the limits of the forms.
func (ui *UI) receiveJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxForm {
		_ = tooMuch(w, r) // which ends the connection
		return nil, api.ErrTooLarge
	}
	if r.ContentLength == 0 {
		return nil, nil
	}
	body, err := ui.readAll(w, r, maxForm)
	switch err {
	case error(errFormSize):
		return nil, api.ErrTooLarge
	case error(errFormTimeout):
		return nil, api.ErrTooSlow
	case error(errForm):
		return nil, api.ErrCutOff
	}
	return body, err
}

func (ui *UI) signedInFromAPI(w http.ResponseWriter, r *http.Request, before string, issued auth.Issued) {
	ui.signedInAnew(w, r, before, issued)
	ui.forgetBegun(w, r)
}

func (ui *UI) signedOutFromAPI(w http.ResponseWriter, r *http.Request) {
	ui.expireAppCookies(w, r)
	ui.forgetBegun(w, r)
	ui.forgetStep(w, r)
	ui.signedOut(w)
	ui.c.Cookie.SetMoved(w.Header(), r)
}

// known sets the cookie that makes a browser known.
func (ui *UI) known(w http.ResponseWriter, browser secret.Token) {
	ui.c.Cookie.SetBrowser(w.Header(), browser, throttle.FamiliarFor)
}

// leaving sets the cookie of a sign-in at a provider, and drops those of sign-ins that were left off.
func (ui *UI) leaving(w http.ResponseWriter, r *http.Request, begun auth.Begun) {
	ui.dropFlows(w, r, flowsKept-1)
	ui.c.Cookie.SetFlow(w.Header(), begun.ID, begun.Key, auth.FlowFor)
}

// confirmURL is the page that a link to confirm an address opens.
func (ui *UI) confirmURL(link secret.Token, next string) string {
	to := ui.LinkURL(mail.ForVerify, link)
	if next != "" {
		to += "&next=" + url.QueryEscape(next)
	}
	return to
}

// apiError is the page that front ends send people to when something went wrong elsewhere. It repeats nothing of the
// address: anybody can make one that says anything.
func (ui *UI) apiError(w http.ResponseWriter, r *http.Request) {
	p := messagePage{base: ui.refusal(r, "fault.failed_dependency.title"), LogIn: ui.c.Prefix + "/login",
		Kind: kindPlug}
	p.Text = p.say("fault.failed_dependency")
	ui.showMessage(w, r, http.StatusOK, p)
}

// linkRefused shows a browser that has opened a mailed link of the protocol's why it leads nowhere. It reports false
// for anybody else, and has answered nothing then. The page has no menu of languages, whose links would repeat the
// secret that the address may hold.
func (ui *UI) linkRefused(w http.ResponseWriter, r *http.Request, status int, err error) bool {
	if !isRead(r.Method) || !Navigating(r) {
		return false
	}
	switch {
	case errors.Is(err, auth.ErrBadLink):
		status = http.StatusGone
	case status == http.StatusForbidden: // an address to come back to is another site's; the page's 403 is about roles
		status = http.StatusBadRequest
	}
	p := ui.errorPage(w, r, status, err)
	p.Languages = nil
	ui.showMessage(w, r, status, p)
	return true
}
