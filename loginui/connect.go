package loginui

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// Paths of the pages on which a visitor proves the account that has their address, below Prefix.
const (
	connectPath     = "/login/connect"
	connectMailPath = "/login/connect/mail"
	linkingPath     = "/login/connect/link" // opened by a mailed link
)

// claimKeys returns the key of a claim, if this browser has it; without an id, the keys of all that it has. Two tabs
// may ask for two proofs: a form is about the one that its page shows.
func (ui *UI) claimKeys(r *http.Request, id string) []secret.Token {
	if id == "" {
		return ui.c.Cookie.FlowKeys(r.Header)
	}
	if key := ui.c.Cookie.Flow(r.Header, id); key != "" {
		return []secret.Token{key}
	}
	return nil
}

// claim returns what this browser has to prove. Where sign-ups must not tell whether an address has an account, only
// the mailed link leads on, and nothing is to be seen before.
func (ui *UI) claim(w http.ResponseWriter, r *http.Request, id string) (auth.Claim, error) {
	c, err := ui.store.ClaimOf(r.Context(), ui.claimKeys(r, id))
	if err != nil {
		return auth.Claim{}, ui.stray(w, r, err, trip{})
	}
	return c, nil
}

func (ui *UI) getConnect(w http.ResponseWriter, r *http.Request) error {
	c, err := ui.claim(w, r, r.URL.Query().Get("claim"))
	if err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.connectPage(r, c, trouble{}))
}

func (ui *UI) postConnect(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	c, gone := ui.claim(w, r, f.Claim)
	presented, _ := ui.presented(r)
	before := ui.presentedUser(r)
	done, err := ui.twice.finish(r, ui.claiming(r, f), func(ctx context.Context) (done ending, err error) {
		if gone != nil {
			return done, gone
		}
		done.Finished, err = ui.store.ClaimByPassword(ctx, ui.claimKeys(r, c.ID), f.password, presented, ui.client(r))
		return done, err
	})
	switch {
	case gone != nil && err != nil:
		return gone
	case errors.Is(err, auth.ErrNoFlow), errors.Is(err, auth.ErrLoggedOut), errors.Is(err, auth.ErrLinkedElsewhere),
		errors.Is(err, auth.ErrPasswordsOff):
		return ui.stray(w, r, err, trip{provider: done.Provider, next: done.Next})
	case err != nil:
		t := ui.wrongPassword(w, r, err, "password")
		return ui.show(w, r, t.status, "form", ui.connectPage(r, c, t))
	}
	ui.endFlows(w, r)
	return ui.finished(w, r, before, done.Finished)
}

// claiming is linked for the form of a claim, which the browser that came from the provider has the key of.
func (ui *UI) claiming(r *http.Request, f form) form {
	keys := ui.claimKeys(r, f.Claim)
	if len(keys) == 0 {
		return f
	}
	f = ui.linked(r, f)
	for _, key := range keys {
		f.Once += " " + string(key)
	}
	return f
}

func (ui *UI) postConnectMail(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	c, err := ui.claim(w, r, f.Claim)
	if err != nil {
		return err
	}
	if err := ui.store.MailClaim(r.Context(), ui.claimKeys(r, c.ID), ui.client(r)); err != nil {
		return ui.stray(w, r, err, trip{provider: c.Provider})
	}
	return ui.sentTo(w, r, http.StatusOK, "connect.sent", "email", c.Email)
}

func (ui *UI) connectPage(r *http.Request, c auth.Claim, t trouble) formPage {
	p := ui.form(r, "connect", connectPath, form{})
	p.failed(t)
	p.about(c)
	p.Intro = []string{p.say("connect.say", "email", c.Email, "provider", c.Label), p.loginThere(c)}
	p.Cancel = ui.loginURL("")
	byMail := button{Action: ui.c.Prefix + connectMailPath, Label: p.say("connect.mail")}
	switch {
	case c.ByPassword:
		p.Username = c.Email
		p.with(t.faults, p.currentPassword("password", "field.password"))
		if c.ByMail {
			p.Buttons = []button{byMail}
		}
	case c.ByMail:
		p.Action, p.Submit, p.Busy = byMail.Action, byMail.Label, p.say("forgot.busy")
	default:
		p.Submit, p.Intro, p.Instead = "", append(p.Intro, p.say("confirm.none")), p.say("with.choose")
	}
	return p
}

// about has a form prove one claim, in every language.
func (p *formPage) about(c auth.Claim) {
	p.ClaimID = c.ID
	p.Asked = append(p.Asked, sentField{"claim", c.ID})
	for i := range p.Languages {
		p.Languages[i].asked = p.Asked
	}
}

// loginThere says who comes from the provider: in a browser that others use, too, that may have been somebody else.
// A login that is the address of the account says nothing of that, as anybody may have typed it there: then the page
// says when it was.
func (p *formPage) loginThere(c auth.Claim) string {
	if c.Login == "" || strings.EqualFold(c.Login, c.Email) {
		return p.say("connect.unknown", "provider", c.Label, "ago", p.Ago(time.Since(c.Began)))
	}
	return p.say("connect.login", "provider", c.Label, "login", c.Login)
}

// getLinking works in the browser that came from the provider alone: the link by itself connects nothing.
func (ui *UI) getLinking(w http.ResponseWriter, r *http.Request) error {
	l, err := ui.readLink(r, isFor(mail.ForConnect))
	if err != nil {
		return err
	}
	c, err := ui.store.ClaimOfLink(r.Context(), l, ui.c.Cookie.FlowKeys(r.Header))
	if err != nil {
		return ui.strayLink(w, r, err, trip{})
	}
	return ui.show(w, r, http.StatusOK, "form", ui.linkingPage(r, c))
}

func (ui *UI) linkingPage(r *http.Request, c auth.Claim) formPage {
	p := ui.linkForm(r, "linking", linkingPath, form{})
	p.ClaimID = c.ID
	p.Intro = []string{p.say("linking.say", "email", c.Email, "provider", c.Label), p.loginThere(c)}
	p.Cancel = ui.loginURL("")
	return p
}

func (ui *UI) postLinking(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	if !ui.sameLink(r, f) {
		return auth.ErrBadLink
	}
	presented, _ := ui.presented(r)
	before := ui.presentedUser(r)
	done, err := ui.twice.finish(r, ui.claiming(r, f), func(ctx context.Context) (done ending, err error) {
		done.Finished, err = ui.store.ClaimByLink(ctx, ui.link(r), ui.claimKeys(r, f.Claim), presented, ui.client(r))
		return done, err
	})
	if err != nil {
		return ui.strayLink(w, r, err, trip{provider: done.Provider, next: done.Next})
	}
	ui.c.Cookie.ClearLink(w.Header())
	ui.endFlows(w, r)
	return ui.finished(w, r, before, done.Finished)
}

// strayLink is stray for a link that was opened in another browser than the one that came from the provider.
func (ui *UI) strayLink(w http.ResponseWriter, r *http.Request, err error, t trip) error {
	if errors.Is(err, auth.ErrBadLink) {
		return err
	}
	if errors.Is(err, auth.ErrNoFlow) {
		return &astray{&fault{status: http.StatusForbidden, key: "linking.elsewhere"}, err, ui.loginURL(""), "with.choose"}
	}
	return ui.stray(w, r, err, t)
}
