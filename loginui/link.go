package loginui

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// Paths of the pages that mailed links open, below Prefix.
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
	mail.ForReset: resetPath, mail.ForVerify: verifyPath, mail.ForInvite: invitePath,
	mail.ForChange: changePath, mail.ForUndo: undoPath, mail.ForConnect: linkingPath, mail.ForProve: provePath,
}

// LinkURL returns the address of a mailed link. It holds the link's secret, so it must go to the recipient
// alone.
func (ui *UI) LinkURL(p mail.Purpose, t secret.Token) string {
	return ui.absolute(ui.c.Prefix+linkPaths[p]) + "?token=" + url.QueryEscape(string(t))
}

// opened wraps a page that a mailed link opens. It first moves the secret from the address into a cookie,
// because addresses stay in histories, in logs and in the Referer of what a page loads. Opening a link changes
// nothing: scanners and browsers open links before their reader does. Only the form on the page acts.
func (ui *UI) opened(path string, show page) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		query := r.URL.Query()
		if !query.Has("token") {
			return show(w, r)
		}
		if !ui.c.Cookie.SetLink(w.Header(), query.Get("token")) {
			return auth.ErrBadLink
		}
		seeOther(w, ui.withNext(path, ui.local(query.Get("next"))))
		return nil
	}
}

// withMail answers 404 instead of the page when the gate sends no mail.
func (ui *UI) withMail(show page) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !ui.c.Mail {
			return errNotFound
		}
		return show(w, r)
	}
}

// linkForm makes the form of a page that a link opens. It carries the link's fingerprint, since another tab may
// have opened another link since.
func (ui *UI) linkForm(r *http.Request, name, path string, f form) formPage {
	p := ui.form(r, name, path, f)
	p.ID = fingerprint(ui.link(r))
	return p
}

// sameLink reports whether the form is about the link that was opened last.
func (ui *UI) sameLink(r *http.Request, f form) bool { return f.ID == fingerprint(ui.link(r)) }

// fingerprint tells links apart without revealing their secret.
func fingerprint(t secret.Token) string {
	sum := sha256.Sum256([]byte(t))
	return hex.EncodeToString(sum[:8])
}

// link returns the token of the link that was opened last, or "".
func (ui *UI) link(r *http.Request) secret.Token { return ui.c.Cookie.ReadLink(r.Header) }

// forgetBegun forgets what was begun in this browser when a visitor signs in, up or out: the link that was opened
// last, and sign-ins at providers. The next user of the browser may be another person, and must not get what the link
// opens, nor finish what others began. A link that confirms a new address stays: it works only with its user's
// session, and the user may have to sign in first.
func (ui *UI) forgetBegun(w http.ResponseWriter, r *http.Request) {
	ui.endFlows(w, r)
	ui.forgetLink(w, r)
}

func (ui *UI) forgetLink(w http.ResponseWriter, r *http.Request) {
	if ui.link(r) == "" {
		return
	}
	if l, err := ui.store.Link(r.Context(), ui.link(r)); err != nil || l.Purpose != mail.ForChange {
		ui.c.Cookie.ClearLink(w.Header())
	}
}

// readLink looks up the link that was opened last. It fails with auth.ErrBadLink when allowed refuses the link.
func (ui *UI) readLink(r *http.Request, allowed func(auth.Link) bool) (auth.Link, error) {
	l, err := ui.store.Link(r.Context(), ui.link(r))
	if err == nil && !allowed(l) {
		return auth.Link{}, auth.ErrBadLink
	}
	return l, err
}

// wasUsed reports whether the link that was opened last is bad because the user who is signed in has used it, here or
// elsewhere.
func (ui *UI) wasUsed(r *http.Request, err error, p mail.Purpose) bool {
	if !errors.Is(err, auth.ErrBadLink) || ui.link(r) == "" {
		return false
	}
	token, _ := ui.presented(r)
	used, err := ui.store.WasUsed(r.Context(), ui.link(r), p, token)
	return err == nil && used
}

func isFor(p mail.Purpose) func(auth.Link) bool {
	return func(l auth.Link) bool { return l.Purpose == p }
}

// sent shows the page that tells the visitor to read their mail.
func (ui *UI) sent(w http.ResponseWriter, r *http.Request, status int, key, email string) error {
	return ui.sentTo(w, r, status, key, "email", email)
}

func (ui *UI) sentTo(w http.ResponseWriter, r *http.Request, status int, key string, args ...any) error {
	p := messagePage{base: ui.refusal(r, "sent.title"), Kind: kindMail}
	p.Text, p.More = p.say(key, args...), p.say("sent.more")
	p.Stylesheet = ui.wholeStyle
	return ui.show(w, r, status, "message", p)
}
