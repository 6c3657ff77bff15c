package loginui

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Paths of the pages about passkeys, below Prefix.
const (
	passkeysPath      = "/account/passkeys" // begins to add one
	addPasskeyPath    = "/account/passkeys/add"
	renamePasskeyPath = "/account/passkeys/rename"
	removePasskeyPath = "/account/passkeys/remove"
)

// passkeyRows are the passkeys on the account page.
type passkeyRows struct {
	List    []passkeyEntry
	Offered bool   // one more can be added
	Next    string // where to go on to once one is added; empty: nowhere
}

// passkeyEntry is the text about one passkey.
type passkeyEntry struct {
	ID, Name, Used string // Used is how long ago; empty: never
	Since          template.HTML
	Synced, Alone  bool
	Copied         bool // there may be a copy of it
}

// passkeyRows describes the passkeys of a user. Nil: they have none, and can add none.
func (ui *UI) passkeyRows(w *words, list []auth.Passkey, next string) *passkeyRows {
	if len(list) == 0 && !ui.morePasskeys() {
		return nil
	}
	rows := &passkeyRows{Next: next, Offered: ui.morePasskeys() && len(list) < auth.PasskeysMost}
	for _, p := range list {
		e := passkeyEntry{ID: p.ID, Name: passkeyName(w, p), Since: w.sayDate("ways.since", p.Since), Synced: p.Synced,
			Alone: p.Alone, Copied: !p.Copied.IsZero()}
		if !p.Used.IsZero() {
			e.Used = w.Ago(max(0, time.Since(p.Used)))
		}
		rows.List = append(rows.List, e)
	}
	return rows
}

func passkeyName(w *words, p auth.Passkey) string {
	if p.Name == "" {
		return w.say("passkey.unnamed")
	}
	return p.Name
}

// addPasskeyRoutes adds the pages about passkeys.
func (ui *UI) addPasskeyRoutes(account func(string, methods)) {
	ui.routes[passkeyAskPath] = methods{"POST": ui.postPasskeyAsk}
	account(passkeyLoginPath, methods{"GET": ui.getBackToLogin, "POST": ui.postPasskeyLogin})
	account(passkeyConfirmPath, methods{"GET": ui.getBack, "POST": ui.postPasskeyConfirm})
	account(passkeySignupPath, methods{"GET": ui.getBackToSignup, "POST": ui.withPasswords(ui.postPasskeySignup)})
	account(passkeyMadePath, methods{"GET": ui.getBackToSignup, "POST": ui.withPasswords(ui.postPasskeyMade)})
	account(passkeysPath, methods{"GET": ui.getBack, "POST": ui.confirmed(passkeysPath, ui.postPasskeys)})
	account(addPasskeyPath, methods{"GET": ui.getAddPasskey, "POST": ui.postAddPasskey})
	account(renamePasskeyPath, methods{"GET": ui.getRenamePasskey, "POST": ui.postRenamePasskey})
	account(removePasskeyPath, methods{"GET": ui.afterFactor(ui.getRemovePasskey), "POST": ui.postRemovePasskey})
}

// passkeysRefused answers a deed about passkeys that needs something else first. It reports false, and has answered
// nothing, for other errors.
func (ui *UI) passkeysRefused(w http.ResponseWriter, r *http.Request, err error, page string) (bool, error) {
	switch {
	case errors.Is(err, auth.ErrStaleFactor):
		ui.staleFactor(w, page)
		return true, nil
	case errors.Is(err, auth.ErrNoPasskey): // it was removed in another tab
		return true, ui.getBack(w, r)
	case errors.Is(err, session.ErrNoSession), errors.Is(err, session.ErrStale):
		return true, err
	case errors.Is(err, auth.ErrLastWayIn):
		return true, &astray{&fault{status: http.StatusConflict, key: "ways.last"}, err, ui.c.Prefix + "/account",
			"with.account"}
	case errors.Is(err, auth.ErrUnverified):
		return true, &astray{&fault{status: http.StatusForbidden, key: "passkey.unverified"}, err,
			ui.c.Prefix + "/account", "with.account"}
	case errors.Is(err, auth.ErrManyPasskeys):
		return true, &astray{&fault{status: http.StatusConflict, key: "passkey.many"}, err, ui.c.Prefix + "/account",
			"with.account"}
	case errors.Is(err, auth.ErrPasskeysOff):
		return true, errNotFound
	}
	return false, err
}

// postPasskeys leads to the page on which a passkey is added, for whoever may add one.
func (ui *UI) postPasskeys(w http.ResponseWriter, r *http.Request, f form, token secret.Token) error {
	err := ui.store.MayAddPasskey(r.Context(), token)
	if done, err := ui.passkeysRefused(w, r, err, "/account"); done || err != nil {
		return err
	}
	seeOther(w, ui.withNext(addPasskeyPath, f.Next))
	return nil
}

// getAddPasskey shows the page to whoever may add one. Who has proved themselves too long ago begins again.
func (ui *UI) getAddPasskey(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	err := ui.store.MayAddPasskey(r.Context(), token)
	if errors.Is(err, session.ErrStale) {
		return ui.getBack(w, r)
	}
	if done, err := ui.passkeysRefused(w, r, err, addPasskeyPath); done || err != nil {
		return err
	}
	f := form{Next: ui.local(r.URL.Query().Get("next"))}
	return ui.show(w, r, http.StatusOK, "form", ui.addPasskeyPage(r, f, trouble{}))
}

// postAddPasskey adds the passkey that the browser has made, and shows the recovery codes that may come with it.
func (ui *UI) postAddPasskey(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	added, err := ui.store.AddPasskey(r.Context(), token, ui.passkeyAnswer(r), f.Name)
	if done, err := ui.passkeysRefused(w, r, err, "/account"); done {
		return err
	}
	if err != nil {
		t := ui.passkeySignupTrouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.addPasskeyPage(r, f, t))
	}
	ui.signedIn(w, added.Issued)
	if len(added.Codes) == 0 {
		return ui.doneAnew(w, added.Issued, "passkey")
	}
	ui.c.Cookie.SetDone(w.Header(), "passkey")
	return ui.showCodes(w, r, added.Session, added.Codes, f.Next)
}

func (ui *UI) addPasskeyPage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "passkey.add", addPasskeyPath, form{Next: f.Next})
	p.failed(t)
	p.Intro, p.Submit, p.Cancel = []string{p.say("passkey.add.say")}, "", ui.c.Prefix+"/account"
	p.Passkey = ui.passkeyForm(p.words, auth.PasskeyToAdd, addPasskeyPath, "passkey.add.submit",
		form{Next: f.Next})
	if p.Passkey != nil {
		name := p.passkeyName(f.Name)
		name.Fault = t.faults["name"]
		p.Passkey.Field, p.Passkey.Main = &name, true
	}
	return p
}

// passkeyName makes the field for the name of a passkey.
func (p *formPage) passkeyName(value string) field {
	return field{words: p.words, ID: "name", Type: "text", Autocomplete: "off", Label: p.say("passkey.name"),
		Hint: p.say("passkey.name.hint"), Value: value, Optional: true, Max: 100}
}

// passkeyAsked is the passkey that a request is about. It fails with auth.ErrNoPasskey.
func (ui *UI) passkeyAsked(r *http.Request, id string) (auth.Passkey, error) {
	token, _ := ui.presented(r)
	list, err := ui.store.Passkeys(r.Context(), token)
	if err != nil {
		return auth.Passkey{}, err
	}
	for _, p := range list {
		if p.ID == id {
			return p, nil
		}
	}
	return auth.Passkey{}, auth.ErrNoPasskey
}

func (ui *UI) getRenamePasskey(w http.ResponseWriter, r *http.Request) error {
	p, err := ui.passkeyAsked(r, r.URL.Query().Get("id"))
	if done, err := ui.passkeysRefused(w, r, err, "/account"); done || err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.renamePasskeyPage(r, form{ID: p.ID, Name: p.Name}, trouble{}))
}

func (ui *UI) postRenamePasskey(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	_, err = ui.store.RenamePasskey(r.Context(), token, f.ID, f.Name, ui.client(r))
	if done, err := ui.passkeysRefused(w, r, err, "/account"); done {
		return err
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.renamePasskeyPage(r, f, t))
	}
	return ui.done(w, "passkey_renamed")
}

func (ui *UI) renamePasskeyPage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "passkey.rename", renamePasskeyPath, form{})
	p.failed(t)
	p.aboutPasskey(f.ID)
	p.with(t.faults, p.passkeyName(f.Name))
	p.Cancel = ui.c.Prefix + "/account"
	return p
}

// aboutPasskey makes a page one about a passkey, in every language.
func (p *formPage) aboutPasskey(id string) {
	p.ID = id
	p.Asked = append(p.Asked, sentField{"id", id})
	for i := range p.Languages {
		p.Languages[i].asked = p.Asked
	}
}

func (ui *UI) getRemovePasskey(w http.ResponseWriter, r *http.Request) error {
	p, err := ui.passkeyAsked(r, r.URL.Query().Get("id"))
	if done, err := ui.passkeysRefused(w, r, err, "/account"); done || err != nil {
		return err
	}
	return ui.show(w, r, http.StatusOK, "form", ui.removePasskeyPage(r, p, trouble{}))
}

func (ui *UI) postRemovePasskey(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	issued, err := ui.store.RemovePasskey(r.Context(), token, f.ID, ui.client(r))
	if done, err := ui.passkeysRefused(w, r, err, removePasskeyPath+"?id="+url.QueryEscape(f.ID)); done {
		return err
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.removePasskeyPage(r, auth.Passkey{ID: f.ID}, t))
	}
	ui.signedIn(w, issued)
	return ui.doneAnew(w, issued, "passkey_removed")
}

func (ui *UI) removePasskeyPage(r *http.Request, k auth.Passkey, t trouble) formPage {
	p := ui.form(r, "passkey.remove", removePasskeyPath, form{})
	p.failed(t)
	p.aboutPasskey(k.ID)
	p.Intro = []string{passkeyName(p.words, k), p.say("passkey.remove.say")}
	p.Danger, p.Cancel = true, ui.c.Prefix+"/account"
	return p
}
