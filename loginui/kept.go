package loginui

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
)

const (
	// maxKept is the most bytes of a form of the app's that is kept while its sender logs in.
	maxKept = 16 << 10
	// maxSent is the most bytes of a form that another site sends, with which one of this site's begins; see
	// UI.CrossSite. Signed answers of companies' logins can have some 100 KB.
	maxSent = 256 << 10
	// maxSentFields is the most fields of either.
	maxSentFields = 500
)

// sentField is a field of a form of the app's.
type sentField struct{ Name, Value string }

// againPage is the data of again.html: a form of the app's, to send once more.
type againPage struct {
	base
	Text   string
	Action string
	Fields []sentField
	Submit string
	Cancel string // where to go on without the form; empty: no link
	Now    bool   // where there are scripts, the form is sent without being asked
}

// keep answers a form of the app's that met an ended login with the login. Its page brings the form along, sealed for
// this browser and the user whose login it was. It reports false, and has answered nothing, for a form that cannot be
// kept: one of the gate's own, which has been read; one of another site, or at another name of this one, where a login
// does not last; a long one, a file, or one of somebody who is not known.
func (ui *UI) keep(w http.ResponseWriter, r *http.Request) bool {
	to := localPath(r.URL.RequestURI())
	_, read := ui.routes[r.URL.EscapedPath()]
	if read || ui.c.PasswordsOff || to == "" || !ui.isOwnForm(r) || r.ContentLength > maxKept {
		return false
	}
	leave, err := ui.admission.Enter(clientAddr(r))
	if err != nil {
		return false
	}
	defer leave()
	body, err := ui.readAll(w, r, maxKept)
	if err != nil || sentFields(string(body)) == nil {
		return false
	}
	key := ui.c.Cookie.ReadKept(r.Header)
	if key == "" {
		key = secret.NewToken()
	}
	ended, _ := ui.presented(r)
	sealed, err := ui.store.Keep(r.Context(), auth.SentForm{To: to, Body: string(body)}, key, ended,
		ui.client(r))
	if err != nil {
		return false
	}
	ui.c.Cookie.SetKept(w.Header(), key, auth.KeptFor)
	p := ui.loginPage(r, form{Remember: true, Next: ui.local(ui.cameFrom(r)), Kept: sealed}, trouble{})
	p.Notice = p.say("login.kept")
	if err := ui.showLogin(w, r, http.StatusUnauthorized, p, ""); err != nil {
		lastResort(w, p.words)
	}
	return true
}

// isOwnForm reports whether a page of this site sends the form, at the public URL. A form of another site would act as
// the visitor. Where the browser says the origin of the page, that counts: a proxy in front may have replaced Host.
func (ui *UI) isOwnForm(r *http.Request) bool {
	if !isForm(r) || r.Header["Content-Encoding"] != nil {
		return false
	}
	site, origin := r.Header["Sec-Fetch-Site"], r.Header["Origin"]
	if len(site) > 0 && (len(site) > 1 || site[0] != "same-origin") || len(origin) > 1 {
		return false
	}
	if len(origin) == 1 && origin[0] != "null" {
		return strings.EqualFold(origin[0], ui.absolute(""))
	}
	return len(site) > 0 && ui.isAtPublicURL(r)
}

// isAtPublicURL reports whether Host is that of the public URL, where the session cookie belongs.
func (ui *UI) isAtPublicURL(r *http.Request) bool {
	return hostOf(&url.URL{Scheme: ui.c.PublicURL.Scheme, Host: r.Host}) == hostOf(ui.c.PublicURL)
}

// offerKept lets a user who has logged in send the form that met the end of their login before.
func (ui *UI) offerKept(w http.ResponseWriter, r *http.Request, kept auth.SentForm, next string) error {
	p := againPage{base: ui.refusal(r, "kept.title"), Action: kept.To, Fields: sentFields(kept.Body), Cancel: next}
	path, _, _ := strings.Cut(kept.To, "?")
	p.Text, p.Submit = p.say("kept.say", "path", path), p.say("kept.submit", "path", path)
	return ui.showAgain(w, r, p)
}

// CrossSite answers a form that another site sends to a path where it may, as a payment or a login of a company does
// when it is done. Browsers send no cookie of the session with it. So the page has the browser send it once more, from
// this site.
func (ui *UI) CrossSite(w http.ResponseWriter, r *http.Request) {
	ui.protect(w.Header())
	if framed(r) {
		ui.askAtTheTop(w, r, ui.signedOutPage(r, ui.cameFrom(r)))
		return
	}
	// The window may be one that the app has opened, and waits for.
	w.Header().Del("Cross-Origin-Opener-Policy")
	if err := ui.sendAgain(w, r); err != nil {
		ui.answer(w, r, err)
	}
}

func (ui *UI) sendAgain(w http.ResponseWriter, r *http.Request) error {
	if !isForm(r) {
		return errFormType
	}
	if r.ContentLength > maxSent {
		return tooMuch(w, r)
	}
	body, err := ui.readAll(w, r, maxSent)
	if err != nil {
		return err
	}
	p := againPage{base: ui.refusal(r, "again.title"), Action: localPath(r.URL.RequestURI()),
		Fields: sentFields(string(body)), Now: true}
	if p.Fields == nil || p.Action == "" {
		return errForm
	}
	if !ui.isAtPublicURL(r) { // at another name of the site nobody is signed in
		p.Action = ui.absolute(p.Action)
	}
	p.Text, p.Submit = p.say("again.say", "app", ui.c.AppName), p.say("again.submit")
	return ui.showAgain(w, r, p)
}

// showAgain shows a form of the app's. The app may redirect it to any site, as it may its own.
func (ui *UI) showAgain(w http.ResponseWriter, r *http.Request, p againPage) error {
	w.Header().Set(policy, strings.Replace(ui.policy, "form-action 'self'",
		"form-action http: https:", 1))
	return ui.show(w, r, http.StatusOK, "again", p)
}

// sentFields returns the fields of an urlencoded form in their order: none of a button alone. It returns nil if a
// browser would not send the same form again from hidden fields.
func sentFields(body string) []sentField {
	list := []sentField{}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || name == "" || !plainText(name) || !plainText(value) || len(list) == maxSentFields {
			return nil
		}
		list = append(list, sentField{name, value})
	}
	return list
}

// plainText reports whether a text stays the same in a page.
func plainText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
