package loginui

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth"
)

// loginPage is login.html; signupPage adds nothing to it.
type loginPage struct {
	base
	Form        form
	Faults      faults
	Notice      string // said above the form
	PasswordMin int
	Forget      string // an image to load after a log-out; else empty
	OtherPage   string // link to signup, or from there to login; empty when there is none
}

func (ui *UI) getLogin(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	token, present := ui.presented(r)
	if done, err := ui.alreadyIn(w, r, token, next); done || err != nil {
		return err
	}
	if present {
		ui.c.Cookie.Clear(w.Header())
	}
	p := ui.loginPage(form{Remember: true, Next: localPath(next)})
	p.Notice = ui.whyNoCookie(r, present)
	if ui.c.Cookie.Marked(r) {
		p.Forget = forgetPath
	}
	return ui.show(w, http.StatusOK, "login", p)
}

// alreadyIn sends a visitor who is signed in on his way.
func (ui *UI) alreadyIn(w http.ResponseWriter, r *http.Request, token auth.Token, next string) (bool, error) {
	_, err := ui.store.Lookup(r.Context(), token)
	if errors.Is(err, auth.ErrNoSession) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	seeOther(w, ui.landing(next))
	return true, nil
}

// whyNoCookie explains a login that seems to loop. Whoever is sent here from one of our own forms has just signed in,
// and the cookie did not come back. The links on those pages send no Referer.
func (ui *UI) whyNoCookie(r *http.Request, present bool) string {
	from, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || present || from.Host != r.Host || r.URL.Query().Get("next") == "" {
		return ""
	}
	if from.Path != ui.c.Prefix+"/login" && from.Path != ui.c.Prefix+"/signup" {
		return ""
	}
	if r.Host != ui.c.PublicURL.Host {
		return "You logged in, but your browser did not send the login cookie back: you are at " + r.Host +
			", and this site is " + ui.absolute("/") + ". Log in there."
	}
	if ui.c.Cookie.Secure && from.Scheme == "http" {
		return "You logged in, but your browser did not keep the login cookie, which only travels over https://. Open " + ui.absolute(ui.c.Prefix+"/login") + " instead."
	}
	return "You logged in, but your browser did not send the login cookie back. Allow cookies for this site and log in again."
}

func (ui *UI) postLogin(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	presented, _ := ui.presented(r)
	issued, err := ui.store.SignIn(r.Context(), auth.Credentials{
		Email: f.Email, Password: f.password, Remember: f.Remember, Presented: presented, Client: ui.client(r),
	})
	if err != nil {
		return ui.formFailed(w, r, "login", ui.loginPage(f), err)
	}
	ui.signedIn(w, issued, f)
	return nil
}

// signedIn gives the browser its cookies and sends it on.
func (ui *UI) signedIn(w http.ResponseWriter, issued auth.Issued, f form) {
	ui.c.Cookie.Set(w.Header(), issued.Session, f.Remember)
	ui.c.Cookie.SetBrowser(w.Header(), issued.Browser)
	seeOther(w, ui.landing(f.Next))
}

func (ui *UI) loginPage(f form) loginPage {
	p := loginPage{base: ui.base("Log in"), Form: f.printable(), PasswordMin: ui.c.PasswordMin}
	if !ui.c.SignUpClosed {
		p.OtherPage = ui.withNext("/signup", f.Next)
	}
	return p
}

// formFailed shows the form again with what was typed, the password aside, and what to do.
func (ui *UI) formFailed(w http.ResponseWriter, r *http.Request, name string, p loginPage, err error) error {
	status := http.StatusUnprocessableEntity
	var input auth.InputError
	switch {
	case errors.As(err, &input):
		p.Faults = explain(input)
		if p.Faults.taken {
			status = http.StatusConflict
		}
	case errors.Is(err, auth.ErrBadCredentials) && !errors.Is(err, auth.ErrUnavailable):
		status = http.StatusUnauthorized
		p.Faults.Form = "The e-mail address or the password is not right."
	default:
		status, p.Faults.Form = ui.plainly(w, r, err)
	}
	return ui.show(w, status, name, p)
}

// The first field with something to do gets the cursor.

// FocusEmail is for the login page, and on the signup page for an address that was refused.
func (p loginPage) FocusEmail() bool {
	return p.Faults.Email != "" || p.Form.Email == ""
}

// FocusName is for the signup page: where it begins, unless something else was refused.
func (p loginPage) FocusName() bool { return p.Faults.Name != "" || !p.Faults.Any() }

// FocusPassword is for the signup page, when only the password was refused.
func (p loginPage) FocusPassword() bool {
	return p.Faults.Password != "" && p.Faults.Email == "" && p.Faults.Name == ""
}
