package loginui

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/captcha"
)

// fault is a refusal with a status of its own, for requests that none of the gate's forms makes.
type fault struct {
	status int
	key    string // the message to the visitor; empty: the message of the status
	args   []any
}

func (f *fault) Error() string {
	return strings.TrimSpace(fmt.Sprint(http.StatusText(f.status), " ", f.key))
}

var (
	errNotFound    = &fault{status: http.StatusNotFound}
	errMethod      = &fault{status: http.StatusMethodNotAllowed}
	errFormSize    = &fault{status: http.StatusRequestEntityTooLarge}
	errFormType    = &fault{status: http.StatusUnsupportedMediaType}
	errLateSignUp  = &fault{status: http.StatusConflict, key: "passkey.signup.expired"} // it was admitted too long ago
	errForm        = &fault{status: http.StatusBadRequest, key: "fault.form"}
	errFormDouble  = &fault{status: http.StatusBadRequest, key: "fault.form.double"}
	errFormTimeout = &fault{status: http.StatusRequestTimeout}
	errLinkClosed  = &fault{status: http.StatusGone, key: "fault.link_closed"}
	errInvited     = &fault{status: http.StatusForbidden, key: "fault.by_invitation"}
	errCrossSite   = &fault{status: http.StatusForbidden, key: "fault.cross_site"}
)

// form holds the fields that the visitor filled in.
type form struct {
	Email, Name       string
	Username          string // that the visitor chooses for themselves
	password, current secret.Password
	Remember          bool
	Next              string // a path on this site, or empty
	ID                string // the id of the session that the form is about
	Once              string // known to this form alone; see twice
	Kept              string // a form of the app's that met an ended login, sealed; see UI.keep
	Claim             string // the claim that the form is about; empty: the latest of the browser
	asked             bool   // the form has a password field
	Trust             bool   // ask for no code in this browser for a while
	// Days, Rules and Roles are of an API token. Tokens says that all of them are to be revoked.
	Days, Rules, Roles string
	Tokens             bool
	Code               string // of an authenticator app, or for recovery
}

// fields are the names of all fields of the gate's forms.
var fields = append([]string{"email", "password", "current", "name", "username", "remember", "next", "id", "once",
	"kept", "claim", "answer", "for", "code", "trust", "days", "rules", "roles", "tokens", trapField}, captcha.Fields()...)

// readForm returns the form that receive has read. Unknown fields are ignored. A known field may come only
// once.
func (ui *UI) readForm(r *http.Request) (form, error) {
	values := r.PostForm
	if values == nil {
		return form{}, errFormType
	}
	for _, name := range fields {
		if len(values[name]) > 1 {
			return form{}, errFormDouble
		}
	}
	return form{
		Email: values.Get("email"), Name: values.Get("name"), Username: values.Get("username"),
		Remember: isOn(values.Get("remember")),
		password: secret.Password(values.Get("password")), current: secret.Password(values.Get("current")),
		Next: ui.local(values.Get("next")), ID: values.Get("id"), Once: values.Get("once"),
		Kept: values.Get("kept"), Claim: values.Get("claim"), asked: values.Has("password"),
		Code: values.Get("code"), Trust: isOn(values.Get("trust")),
		Days: values.Get("days"), Rules: values.Get("rules"), Roles: values.Get("roles"), Tokens: isOn(values.Get("tokens")),
	}, nil
}

func isOn(s string) bool {
	switch strings.ToLower(s) {
	case "", "0", "false", "off", "no":
		return false
	}
	return true
}

// checkOrigin refuses posts from other sites, except those that providers send (see UI.foreign). Browsers say in
// Sec-Fetch-Site or Origin where a post comes from. A client that sends neither header is no browser, and has no user
// whom another site could trick.
func (ui *UI) checkOrigin(r *http.Request) error {
	if ui.foreign[r.URL.EscapedPath()] != nil {
		return nil
	}
	if ui.overHTTP(r) {
		return &fault{http.StatusForbidden, "fault.http", []any{"url", ui.absolute(ui.c.Prefix + "/login")}}
	}
	if ui.origin.Check(r) != nil {
		return errCrossSite
	}
	return nil
}

// overHTTP reports whether the form's page was opened over http while the session cookie is for https only. The
// browser would discard the cookie, so this is checked before the password.
func (ui *UI) overHTTP(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && ui.c.Cookie.Secure && origin.Scheme == "http" &&
		strings.EqualFold(origin.Hostname(), ui.c.PublicURL.Hostname())
}

// origins are those of this site, as browsers write them. The public URL comes first.
func (ui *UI) origins() []string {
	list := []string{ui.absolute("")}
	for _, u := range ui.c.Origins {
		list = append(list, u.Scheme+"://"+u.Host)
	}
	return list
}

func (ui *UI) absolute(path string) string {
	return ui.c.PublicURL.Scheme + "://" + ui.c.PublicURL.Host + path
}
