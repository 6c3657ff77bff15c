package loginui

import (
	"net/http"
	"slices"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// accountPage is the data of account.html.
type accountPage struct {
	base
	Notice   string // what was done before
	User     session.User
	Sessions []sessionEntry
	Others   int  // the sessions of the user besides this one
	Mail     bool // mail can be sent, so the address can be changed
	Confirm  bool // the address is not confirmed yet

	ChooseUsername bool // the user has none, and may choose one

	HasPassword  bool
	PasswordsOff bool
	Ways         []wayEntry   // the ways in besides the password
	Connect      []button     // to connect a provider, or one more account there
	Passkeys     *passkeyRows // nil: there are none, and none can be added
	Factors      *factorRows  // nil: there are none, and none can be added
	Tokens       *tokenRows   // nil: there are none, and none can be made
	Activity     []pastEntry  // empty: none is kept
}

func (ui *UI) getAccount(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	account, err := ui.store.Account(r.Context(), token)
	if err != nil {
		return err
	}
	p := accountPage{base: ui.base(r, "account.title", "/account", ""), User: account.Session.User,
		Others: len(account.Sessions) - 1, Mail: ui.c.Mail,
		Confirm:        ui.c.Confirm && !account.Session.User.EmailVerified,
		ChooseUsername: ui.c.UsernamesChosen && account.Session.User.Username == ""}
	o, err := ui.ownWays(r)
	if err != nil {
		return err
	}
	p.HasPassword, p.PasswordsOff, p.Connect = o.password, ui.c.PasswordsOff, ui.connectable(p.words, o)
	p.Wide, p.Stylesheet, p.Ways = true, ui.accountStyle, ui.wayEntries(p.words, o)
	passkeys, err := ui.store.Passkeys(r.Context(), token)
	if err != nil {
		return err
	}
	next := ui.local(r.URL.Query().Get("next"))
	p.Passkeys = ui.passkeyRows(p.words, passkeys, next)
	factors, err := ui.store.Factors(r.Context(), token)
	if err != nil {
		return err
	}
	p.Factors = ui.factorRows(p.words, factors, next)
	tokens, err := ui.store.APITokens(r.Context(), token)
	if err != nil {
		return err
	}
	p.Tokens = ui.tokenRows(p.words, tokens)
	past, err := ui.store.Activity(r.Context(), token, activityRead)
	if err != nil {
		return err
	}
	p.Activity = pastEntries(p.words, past)
	for _, s := range account.Sessions {
		p.Sessions = append(p.Sessions, newSessionEntry(p.words, s))
	}
	if done := ui.c.Cookie.Done(r); p.has("account.done." + done) {
		p.Notice = p.say("account.done." + done)
		ui.usedUp(w, r, ui.c.Cookie.ClearDone)
	}
	return ui.show(w, r, http.StatusOK, "account", p)
}

// Roles are those of the user, unless they have only the one that everybody has.
func (p accountPage) Roles() []string {
	if slices.Equal(p.User.Roles, []string{auth.DefaultRole}) {
		return nil
	}
	return p.User.Roles
}

// usedUp removes a note for one page that has shown it, unless a browser loads the page before anybody asks for it.
func (ui *UI) usedUp(w http.ResponseWriter, r *http.Request, clear func(http.Header)) {
	if !isPrefetch(r) {
		clear(w.Header())
	}
}

// done redirects the visitor to their account page, which names what was done.
func (ui *UI) done(w http.ResponseWriter, what string) error {
	ui.c.Cookie.SetDone(w.Header(), what)
	seeOther(w, ui.c.Prefix+"/account")
	return nil
}

// doneAnew is done after a deed that gives the visitor a new session, for which the second step may be due first.
func (ui *UI) doneAnew(w http.ResponseWriter, issued auth.Issued, what string) error {
	ui.c.Cookie.SetDone(w.Header(), what)
	ui.goOn(w, issued, ui.c.Prefix+"/account")
	return nil
}

func (ui *UI) postEndSession(w http.ResponseWriter, r *http.Request, f form, token secret.Token) error {
	if f.ID == "" {
		return errForm
	}
	if err := ui.store.EndSession(r.Context(), token, f.ID, ui.client(r)); err != nil {
		return err
	}
	return ui.done(w, "session")
}

func (ui *UI) postEndOthers(w http.ResponseWriter, r *http.Request, f form, token secret.Token) error {
	if f.Tokens {
		if _, err := ui.store.RevokeAPITokens(r.Context(), token, ui.client(r)); err != nil {
			return err
		}
	}
	if _, err := ui.store.EndOtherSessions(r.Context(), token, ui.client(r)); err != nil {
		return err
	}
	return ui.done(w, "others")
}

// signedInAs returns the session that the request belongs to, or session.ErrNoSession.
func (ui *UI) signedInAs(r *http.Request) (session.Session, error) {
	token, _ := ui.presented(r)
	return ui.store.Describe(r.Context(), token)
}
