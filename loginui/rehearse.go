package loginui

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/session"
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
				if err := ui.pages[name].Execute(io.Discard, data); err != nil && !seen[err.Error()] {
					seen[err.Error()] = true
					errs = append(errs, err)
				}
			}
		}
	}
	for _, kind := range mail.Kinds {
		for _, w := range ui.languages.list {
			m := mail.Mail{Kind: kind, To: "ada@example.com", Language: w.Lang, At: time.Now(),
				Facts: mail.Facts{Email: "new@example.com", IPAddress: "192.0.2.1"}}
			if _, err := ui.Compose(m); err != nil && !seen[err.Error()] {
				seen[err.Error()] = true
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// states returns for each page its data in every state: one plain, and one with everything there is to say.
func (ui *UI) states(r *http.Request) map[string][]any {
	s := session.Session{User: session.User{ID: "1", Name: "Ada", Email: "ada@example.com", Roles: []string{"user"}}}
	f := form{Email: "ada@example.com", Name: "Ada", Next: "/", ID: "1"}
	failed := trouble{http.StatusUnprocessableEntity, "…", map[string]string{"email": "…", "name": "…",
		"password": "…", "current": "…"}}
	login := ui.loginPage(r, f, failed)
	login.Notice, login.Forget, login.OtherPage, login.Forgot = "…", forgetPath, "/signup", forgotPath
	account := accountPage{base: ui.base(r, "account.title", "/account", ""), Notice: "…", User: s.User, Others: true,
		Mail: true, Confirm: true}
	for _, own := range []session.OwnSession{{IPAddress: "192.0.2.1", Current: true}, {IPAddress: "192.0.2.1"}, {}} {
		own.CreatedAt = time.Now()
		account.Sessions = append(account.Sessions, newSessionEntry(account.words, own))
	}
	message := messagePage{base: ui.refusal(r, "deleted.title"), Text: "…", More: "…", RequestID: "1",
		OtherAccount: true, LogIn: true}
	link := auth.Link{Purpose: mail.ForVerify, Email: s.User.Email}
	var forms []any
	for _, t := range []trouble{{}, failed} {
		forms = append(forms, ui.namePage(r, f, t), ui.passwordPage(r, s, t), ui.deletePage(r, s, t),
			ui.confirmPage(r, s, "/account/export", f, t),
			ui.forgotPage(r, f, t), ui.choosePage(r, "reset", resetPath, link, t),
			ui.choosePage(r, "undo", undoPath, link, t),
			ui.verifyForm(r, link, auth.Stranger, f, t), ui.addressPage(r, s, f, t), ui.invitationPage(r, link, f, t))
	}
	forms = append(forms, ui.verifyForm(r, link, auth.ByBrowser, f, trouble{}),
		ui.verifyForm(r, link, auth.BySession, f, trouble{}), ui.changePage(r, s, link))
	return map[string][]any{
		"login":   {ui.loginPage(r, form{}, trouble{}), login},
		"signup":  {ui.signupPage(r, form{}, trouble{}), ui.signupPage(r, f, failed)},
		"logout":  {logoutPage{ui.base(r, "logout.title", "/logout", ""), s}},
		"account": {accountPage{base: account.base}, account},
		"form":    forms,
		"message": {messagePage{base: message.base}, message},
	}
}
