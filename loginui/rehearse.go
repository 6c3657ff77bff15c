package loginui

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/captcha"
)

// rehearse renders every page in every state and language. A template of the operator's that uses something
// that does not exist then fails the start, not a visitor's request.
func (ui *UI) rehearse() error {
	var errs []error
	seen := map[string]bool{}
	for _, w := range ui.languages.list {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/", RawQuery: "lang=" + w.Lang},
			Header: http.Header{}}
		for name, states := range ui.states(r) {
			for _, data := range states {
				if err := ui.tryPage(name, data); err != nil && !seen[err.Error()] {
					seen[err.Error()] = true
					errs = append(errs, err)
				}
			}
		}
	}
	for _, kind := range mail.Kinds {
		for _, w := range ui.languages.list {
			m := mail.Mail{Kind: kind, To: "ada@example.com", Language: w.Lang, At: time.Now(),
				Facts: mail.Facts{Email: "new@example.com", IPAddress: "192.0.2.1", Provider: "Example ID"}}
			if _, err := ui.Compose(m); err != nil && !seen[err.Error()] {
				seen[err.Error()] = true
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// tryPage renders a page in one state. A form that asks for a challenge and does not show it would be refused for ever.
func (ui *UI) tryPage(name string, data any) error {
	var page bytes.Buffer
	if err := ui.pages[name].Execute(&page, data); err != nil {
		return err
	}
	p, ok := data.(formPage)
	if ok && p.Captcha != nil && ui.c.Captcha.Name != "" &&
		!bytes.Contains(page.Bytes(), []byte(cmp.Or(p.Captcha.Own, p.Captcha.Script))) {
		return fmt.Errorf("templates/%s.html: the form does not show the challenge for bots (GATEPOST_CHALLENGE): "+
			`put {{if .Captcha}}{{template "captcha" .}}{{end}} into the form, as our parts.html does`, name)
	}
	return nil
}

// states returns for each page its data in every state: one plain, and one with everything there is to say.
func (ui *UI) states(r *http.Request) map[string][]any {
	s := session.Session{User: session.User{ID: "1", Name: "Ada", Email: "ada@example.com", Username: "ada",
		Roles: []string{"user"}}}
	f := form{Email: "ada@example.com", Name: "Ada", Username: "ada", Next: "/", ID: "1"}
	failed := trouble{http.StatusUnprocessableEntity, "…", map[string]string{"email": "…", "name": "…",
		"username": "…", "password": "…", "current": "…"}}
	ways := []button{{Action: "/login/with/example", Label: "…", Note: "…", Provider: "example", Mark: "<svg></svg>"},
		{Action: "/login/with/other", Label: "…", Provider: "other", Logo: "https://other.example/logo.svg"}}
	all := ownWays{password: true, list: []auth.WayIn{{ID: "1", Since: time.Now()}, {ID: "2", Provider: "example",
		Login: "ada", Since: time.Now()}}}
	login := ui.loginPage(r, f, failed)
	login.Notice, login.Good, login.Forget, login.OtherPage, login.To = "…", true, forgetPath, "/signup", "/…"
	login.Fields[1].Aside = &aside{forgotPath, "…", "…"}
	login.Kept = "…"
	login.Captcha = &widget{Kind: captcha.Kind{Field: "altcha"}, Puzzle: puzzlePath, Own: "/.gatepost/captcha.js"}
	login.Buttons = ways
	only := ui.loginPage(r, f, trouble{})
	serviced := ui.signupPage(r, f, failed)
	serviced.Captcha = &widget{Kind: captcha.Kind{Class: "…", Script: "https://captcha.example/"}, SiteKey: "…"}
	only.Submit, only.Fields, only.Buttons = "", nil, ways
	account := accountPage{base: ui.base(r, "account.title", "/account", ""), Notice: "…", User: s.User, Others: 2,
		Mail: true, Confirm: true, HasPassword: true, Connect: ways}
	account.Ways = ui.wayEntries(account.words, all)
	account.Ways[0].Mark, account.Ways[0].Logo = ways[0].Mark, ways[1].Logo
	account.Activity = []pastEntry{{What: "…", When: account.when(time.Now()), Place: "…", Times: 2, Refused: true}, {}}
	bare := accountPage{base: account.base, ChooseUsername: true, PasswordsOff: true, Ways: account.Ways}
	for _, own := range []session.OwnSession{{IPAddress: "192.0.2.1", Current: true}, {IPAddress: "192.0.2.1"}, {}} {
		own.CreatedAt = time.Now()
		account.Sessions = append(account.Sessions, newSessionEntry(account.words, own))
	}
	message := messagePage{base: ui.refusal(r, "deleted.title"), Text: "…", More: "…", RequestID: "1",
		OtherAccount: true, LogIn: "/login", Leave: "/login", On: "/", OnText: "…"}
	message.Framed = true
	forms := ui.formStates(r, s, f, failed, all)
	return map[string][]any{
		"login":   {ui.loginPage(r, form{}, trouble{}), login, only},
		"signup":  {ui.signupPage(r, form{}, trouble{}), serviced},
		"logout":  {logoutPage{ui.base(r, "logout.title", "/logout", ""), s, "/logout", "/"}},
		"account": {accountPage{base: account.base}, account, bare},
		"form":    append(forms, only),
		"onward":  {onwardPage{base: message.base, Text: "…", Go: "…", URL: "https://example.com/"}},
		"message": {messagePage{base: message.base}, message},
		"again": {againPage{base: message.base, Text: "…", Action: "/", Submit: "…", Now: true},
			againPage{base: message.base, Text: "…", Action: "/", Submit: "…", Cancel: "/", Fields: []sentField{{"a", "b"}}}},
	}
}

// formStates returns the states of the pages around one form.
func (ui *UI) formStates(r *http.Request, s session.Session, f form, failed trouble, all ownWays) (forms []any) {
	link := auth.Link{Purpose: mail.ForVerify, Email: s.User.Email}
	for _, t := range []trouble{{}, failed} {
		forms = append(forms, ui.namePage(r, f, t), ui.usernamePage(r, f, t), ui.passwordPage(r, s, t),
			ui.deletePage(r, s, all, t),
			ui.confirmPage(r, s, all, "/account/export", f, t),
			ui.forgotPage(r, f, t), ui.choosePage(r, "reset", resetPath, link, t),
			ui.choosePage(r, "undo", undoPath, link, t),
			ui.verifyForm(r, link, auth.Stranger, f, t), ui.addressPage(r, s, all, f, t), ui.invitationPage(r, link, f, t))
	}
	claims := []auth.Claim{{ID: "1", Email: f.Email, Label: "…", Login: "…", ByPassword: true, ByMail: true},
		{Email: f.Email, ByPassword: true}, {Email: f.Email, ByMail: true}, {}}
	for _, c := range claims {
		forms = append(forms, ui.connectPage(r, c, trouble{}), ui.connectPage(r, c, failed))
	}
	forms = append(forms, ui.linkingPage(r, claims[0]), ui.provePage(r, link),
		ui.confirmPage(r, s, ownWays{}, "/account/export", f, trouble{}), ui.deletePage(r, s, ownWays{}, trouble{}),
		ui.addressPage(r, s, ownWays{}, f, trouble{}), ui.resetPage(r, link, failed))
	forms = append(forms, ui.verifyForm(r, link, auth.ByBrowser, f, trouble{}),
		ui.verifyForm(r, link, auth.BySession, f, trouble{}), ui.changePage(r, s, link))
	return forms
}
