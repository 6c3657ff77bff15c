package loginui

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
)

// Limits on our own forms; the app's bodies have none.
const (
	maxForm = 64 << 10
)

// formTimeout is how long a form may take to arrive. A variable only for its test.
var formTimeout = 15 * time.Second

// fault is a refusal with a status of its own, for requests no form of ours makes.
type fault struct {
	status int
	say    string // to the visitor
}

func (f *fault) Error() string { return f.say }

var (
	errNotFound    = &fault{http.StatusNotFound, "There is no page at this address."}
	errMethod      = &fault{http.StatusMethodNotAllowed, "This page cannot be used in that way."}
	errFormSize    = &fault{http.StatusRequestEntityTooLarge, "That was more than this form takes."}
	errFormType    = &fault{http.StatusUnsupportedMediaType, "Send the form as application/x-www-form-urlencoded."}
	errForm        = &fault{http.StatusBadRequest, "The form could not be read. Go back and send it again."}
	errFormDouble  = &fault{http.StatusBadRequest, "The form has the same field twice. Go back and send it again."}
	errFormTimeout = &fault{http.StatusRequestTimeout, "The form took too long to arrive. Send it again."}
	errCrossSite   = &fault{http.StatusForbidden, "This form was sent from another site, so nothing was done. Open the page here and send it again."}
)

// form is what somebody typed.
type form struct {
	Email, Name string
	password    auth.Password
	Remember    bool
	Next        string // a path on this site, or empty
}

// readForm reads one of our forms. Fields we do not know are ignored; ours may come once.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	values, err := readValues(w, r)
	if err != nil {
		return form{}, err
	}
	for _, name := range []string{"email", "password", "name", "remember", "next"} {
		if len(values[name]) > 1 {
			return form{}, errFormDouble
		}
	}
	return form{
		Email: values.Get("email"), Name: values.Get("name"), password: auth.Password(values.Get("password")),
		Remember: isOn(values.Get("remember")), Next: localPath(values.Get("next")),
	}, nil
}

func readValues(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.ContentLength == 0 {
		return url.Values{}, nil // an empty form needs no type
	}
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errFormType
	}
	// Not every ResponseWriter has deadlines; the body limit holds all the same.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(formTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err == nil { // else the deadline stays, and what is left unread delays no answer
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	var tooLarge *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &tooLarge):
		return nil, errFormSize
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, errFormTimeout
	case err != nil:
		return nil, errForm
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errForm
	}
	return values, nil
}

// printable is the form as it can be shown again; what was typed has been refused before.
func (f form) printable() form {
	f.Email, f.Name = strings.ToValidUTF8(f.Email, "\uFFFD"), strings.ToValidUTF8(f.Name, "\uFFFD")
	return f
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
	if why := ui.cookieTrouble(r); why != "" {
		return &fault{http.StatusForbidden, why}
	}
	if ui.origin.Check(r) != nil {
		return errCrossSite
	}
	return nil
}

// cookieTrouble notices, before a password is checked, that the browser would throw the session cookie away: the page
// was opened over http while the cookie is for https only.
func (ui *UI) cookieTrouble(r *http.Request) string {
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || !ui.c.Cookie.Secure || origin.Scheme != "http" || !strings.EqualFold(origin.Hostname(), ui.c.PublicURL.Hostname()) {
		return ""
	}
	return "This page was opened over http://, and the login cookie only travels over https://. Open " + ui.absolute(ui.c.Prefix+"/login") + " instead."
}

func (ui *UI) absolute(path string) string {
	return ui.c.PublicURL.Scheme + "://" + ui.c.PublicURL.Host + path
}
