package loginui

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// The pages that mailed links open, below Prefix.
const (
	forgotPath  = "/login/forgot"
	resetPath   = "/login/reset"
	verifyPath  = "/signup/verify"
	invitePath  = "/signup/invitation"
	changePath  = "/account/email/confirm"
	undoPath    = "/account/email/undo"
	addressPath = "/account/email"
)

var linkPaths = map[mail.Purpose]string{
	mail.ForReset: resetPath, mail.ForVerify: verifyPath, mail.ForInvite: invitePath, mail.ForChange: changePath, mail.ForUndo: undoPath,
}

// LinkURL is the address that a link opens. It holds the secret of the link, and goes to nobody but whom it is for.
func (ui *UI) LinkURL(p mail.Purpose, t secret.Token) string {
	return ui.absolute(ui.c.Prefix+linkPaths[p]) + "?token=" + url.QueryEscape(string(t))
}

// opened is a page that a mailed link opens. The secret goes from the address into a cookie first: addresses stay in histories,
// logs, and the Referer of whatever a page loads. Whatever fetches links before their reader does, a scanner or a browser,
// changes nothing by it: what a link is for is done by a form.
func (ui *UI) opened(path string, show page) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		query := r.URL.Query()
		if !query.Has("token") {
			return show(w, r)
		}
		if !ui.c.Cookie.SetLink(w.Header(), query.Get("token")) {
			return auth.ErrBadLink
		}
		seeOther(w, ui.withNext(path, localPath(query.Get("next"))))
		return nil
	}
}

// withMail is a page that only mail leads to, or that mails.
func (ui *UI) withMail(show page) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !ui.c.Mail {
			return errNotFound
		}
		return show(w, r)
	}
}

// linkForm is the form of a page that a link opens. It says which link that was: in another tab another may have been opened since.
func (ui *UI) linkForm(r *http.Request, name, path string, f form) formPage {
	p := ui.form(r, name, path, f)
	p.ID = fingerprint(ui.link(r))
	return p
}

// sameLink says whether a form is about the link opened last.
func (ui *UI) sameLink(r *http.Request, f form) bool { return f.ID == fingerprint(ui.link(r)) }

// fingerprint tells links apart, and opens nothing.
func fingerprint(t secret.Token) string {
	sum := sha256.Sum256([]byte(t))
	return hex.EncodeToString(sum[:8])
}

// link is the token of the link opened last; empty when there is none.
func (ui *UI) link(r *http.Request) secret.Token { return ui.c.Cookie.ReadLink(r.Header) }

// closeLink forgets the link opened last, for when somebody signs in, up or out: whoever comes next may be another
// person, and would have what the link opens. One to a new address opens nothing without its user's session, and stays:
// they may have to sign in first.
func (ui *UI) closeLink(w http.ResponseWriter, r *http.Request) {
	if ui.link(r) == "" {
		return
	}
	if l, err := ui.store.Link(r.Context(), ui.link(r)); err != nil || l.Purpose != mail.ForChange {
		ui.c.Cookie.ClearLink(w.Header())
	}
}

// readLink says what the link opened last is about, if it is for one of some purposes.
func (ui *UI) readLink(r *http.Request, allowed func(auth.Link) bool) (auth.Link, error) {
	l, err := ui.store.Link(r.Context(), ui.link(r))
	if err == nil && !allowed(l) {
		return auth.Link{}, auth.ErrBadLink
	}
	return l, err
}

func isFor(p mail.Purpose) func(auth.Link) bool {
	return func(l auth.Link) bool { return l.Purpose == p }
}

// sent is the page that says what to do next: read the mail.
func (ui *UI) sent(w http.ResponseWriter, r *http.Request, status int, key, email string) error {
	p := messagePage{base: ui.refusal(r, "sent.title")}
	p.Text, p.More = p.say(key, "email", email), p.say("sent.more")
	return ui.show(w, status, "message", p)
}
