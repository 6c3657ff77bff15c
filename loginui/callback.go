package loginui

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/throttle"
)

// answerFields are the parameters of a provider's answer. answerMost is the longest value, in bytes.
var answerFields = []string{"state", "code", "error", "iss", "user"}

const answerMost = 4096

// answerOf reads a provider's answer. One with a parameter twice, or with a value that is too long, is none: it has
// no state.
func answerOf(values url.Values) (state string, a auth.ProviderAnswer) {
	for _, name := range answerFields {
		if len(values[name]) > 1 || len(values.Get(name)) > answerMost {
			return "", auth.ProviderAnswer{}
		}
	}
	return values.Get("state"), auth.ProviderAnswer{Code: values.Get("code"), Error: values.Get("error"),
		Issuer: values.Get("iss"), User: values.Get("user")}
}

// getCallback takes the answer that a browser brings from a provider. Without the cookie of the sign-in it ends
// nothing.
func (ui *UI) getCallback(p *provider.Provider) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		c := auth.Callback{Provider: p.Spec().Name, Client: ui.client(r)}
		if values, err := url.ParseQuery(r.URL.RawQuery); err == nil {
			c.State, c.ProviderAnswer = answerOf(values)
		}
		c.User = "" // it comes in a form only
		if c.State != "" {
			c.Key = ui.c.Cookie.Flow(r.Header, auth.FlowID(c.State))
		}
		c.Session, _ = ui.presented(r)
		before := ui.presentedUser(r)
		done, err := ui.store.FinishProvider(r.Context(), c)
		if err != nil {
			return ui.unfinished(w, r, c, done, err)
		}
		ui.c.Cookie.ClearFlow(w.Header(), auth.FlowID(c.State))
		return ui.finished(w, r, before, done)
	}
}

// postCallback takes an answer that is posted across sites, which browsers send without our cookies. It opens
// nothing and sets nothing: the browser has to come for the answer, with its cookies.
func (ui *UI) postCallback(p *provider.Provider, path string) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.PostForm == nil {
			return errFormType
		}
		state, answer := answerOf(r.PostForm)
		if err := ui.store.Park(r.Context(), p.Spec().Name, state, answer); err != nil {
			return ui.stray(w, r, err, trip{provider: p.Spec().Name})
		}
		seeOther(w, path+"?state="+url.QueryEscape(state))
		return nil
	}
}

// finished acts on a sign-in at a provider that went well.
func (ui *UI) finished(w http.ResponseWriter, r *http.Request, before string, done auth.Finished) error {
	switch done.Purpose {
	case auth.ToLink:
		if on := localPath(done.Next); on != "" && on != ui.c.Prefix+"/account" { // begun by a front end of the app
			seeOther(w, on)
			return nil
		}
		return ui.done(w, "linked")
	case auth.ToConfirm:
		ui.signedIn(w, done.Issued)
		if on := localPath(done.Next); on != "" && on != ui.c.Prefix+"/account" { // see getStepUp
			seeOther(w, ui.landing(on))
			return nil
		}
		return ui.doneAnew(w, done.Issued, "confirmed")
	}
	ui.signedInAnew(w, r, before, done.Issued)
	ui.endClaims(r) // sign-ins of other tabs go on
	ui.forgetLink(w, r)
	if done.Challenge != "" {
		ui.goOn(w, done.Issued, ui.landing(done.Next))
		return nil
	}
	if done.Took {
		ui.c.Cookie.SetDone(w.Header(), doneTaken)
		seeOther(w, ui.withNext(takenPath, localPath(done.Next)))
		return nil
	}
	ui.c.Cookie.SetDone(w.Header(), doneIn)
	seeOther(w, ui.landing(done.Next))
	return nil
}

// unfinished answers a callback that failed. The cookie of the sign-in goes, unless it is needed to prove an account
// here, or the callback was of no sign-in with that provider: the cookie may be of one under way with another. Where
// sign-ups must not tell whether an address has an account, the answer is the same for both.
func (ui *UI) unfinished(w http.ResponseWriter, r *http.Request, c auth.Callback, done auth.Finished, err error) error {
	h, id := w.Header(), auth.FlowID(c.State)
	claim, claims := errors.AsType[*auth.ClaimError](err)
	switch {
	case claims, errors.Is(err, auth.ErrUnverified):
		ui.c.Cookie.SetFlow(h, id, c.Key, auth.ClaimFor)
	case c.Key != "" && !errors.Is(err, auth.ErrNoFlow) && !errors.Is(err, database.ErrUnavailable):
		ui.c.Cookie.ClearFlow(h, id)
	}
	switch {
	case errors.Is(err, auth.ErrStaleFactor):
		return err
	case claims:
		seeOther(w, ui.c.Prefix+connectPath+"?claim="+claim.ID)
		return nil
	case errors.Is(err, auth.ErrUnverified):
		if done.Browser != "" {
			ui.c.Cookie.SetBrowser(h, done.Browser, throttle.FamiliarFor)
		}
		return ui.sentTo(w, r, http.StatusOK, "with.unverified", "provider", ui.label(c.Provider))
	}
	ui.c.Cookie.SetDone(h, doneAstray)
	return ui.stray(w, r, err, trip{c.Provider, done.Purpose, done.Next, c.Error != ""})
}

// takenPath is the page for those whose account had been made by somebody else.
const takenPath = "/account/taken"

// getTaken says, once, what a visitor has to know whose account had been made by somebody else.
func (ui *UI) getTaken(w http.ResponseWriter, r *http.Request) error {
	next := ui.landing(r.URL.Query().Get("next"))
	if ui.c.Cookie.Done(r) != doneTaken {
		seeOther(w, next)
		return nil
	}
	ui.usedUp(w, r, ui.c.Cookie.ClearDone)
	return ui.show(w, r, http.StatusOK, "message", ui.takenPage(r, next))
}

// takenPage tells the owner of an address that they have the account that somebody else made with it.
func (ui *UI) takenPage(r *http.Request, next string) messagePage {
	p := messagePage{base: ui.refusal(r, "taken.title"), Kind: kindDone, On: next}
	p.Text, p.More = p.say("taken.say"), p.say("taken.app", "app", ui.c.AppName)
	p.Stylesheet, p.OnText = ui.wholeStyle, p.say("taken.go")
	return p
}
