package loginui

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatepost/gatepost/auth/secret"
)

// fault is a refusal with a status of its own, for requests no form of ours makes.
type fault struct {
	status int
	key    string // the message to the visitor; empty: that of the status
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
	errForm        = &fault{status: http.StatusBadRequest, key: "fault.form"}
	errFormDouble  = &fault{status: http.StatusBadRequest, key: "fault.form.double"}
	errFormTimeout = &fault{status: http.StatusRequestTimeout}
	errLinkClosed  = &fault{status: http.StatusGone, key: "fault.link_closed"}
	errInvited     = &fault{status: http.StatusForbidden, key: "fault.by_invitation"}
	errCrossSite   = &fault{status: http.StatusForbidden, key: "fault.cross_site"}
)

// form is what somebody typed.
type form struct {
	Email, Name       string
	password, current secret.Password
	Remember          bool
	Next              string // a path on this site, or empty
	ID                string // which session is meant
	asked             bool   // there is a field for the password
}

// fields are those that our forms have.
var fields = []string{"email", "password", "current", "name", "remember", "next", "id"}

// readForm is one of our forms, which receive has read. Fields we do not know are ignored; ours may come once.
func readForm(r *http.Request) (form, error) {
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
		Email: values.Get("email"), Name: values.Get("name"), Remember: isOn(values.Get("remember")),
		password: secret.Password(values.Get("password")), current: secret.Password(values.Get("current")),
		Next: localPath(values.Get("next")), ID: values.Get("id"), asked: values.Has("password"),
	}, nil
}

func isOn(s string) bool {
	switch strings.ToLower(s) {
	case "", "0", "false", "off", "no":
		return false
	}
	return true
}

// checkOrigin refuses posts from other sites. Browsers say where a post comes from in Sec-Fetch-Site or Origin; a
// program that says neither has no user who could be tricked.
func (ui *UI) checkOrigin(r *http.Request) error {
	if ui.overHTTP(r) {
		return &fault{http.StatusForbidden, "fault.http", []any{"url", ui.absolute(ui.c.Prefix + "/login")}}
	}
	if ui.origin.Check(r) != nil {
		return errCrossSite
	}
	return nil
}

// overHTTP notices, before a password is checked, that the browser would throw the session cookie away: the page was
// opened over http while the cookie is for https only.
func (ui *UI) overHTTP(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && ui.c.Cookie.Secure && origin.Scheme == "http" && strings.EqualFold(origin.Hostname(), ui.c.PublicURL.Hostname())
}

func (ui *UI) absolute(path string) string {
	return ui.c.PublicURL.Scheme + "://" + ui.c.PublicURL.Host + path
}
