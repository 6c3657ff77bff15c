package loginui

import (
	"net/http"

	"github.com/gatepost/gatepost/auth"
)

func (ui *UI) getSignup(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	token, present := ui.presented(r)
	if done, err := ui.alreadyIn(w, r, token, next); done || err != nil {
		return err
	}
	if ui.c.SignUpClosed {
		return auth.ErrSignUpClosed
	}
	if present {
		ui.c.Cookie.Clear(w.Header())
	}
	return ui.show(w, http.StatusOK, "signup", ui.signupPage(form{Remember: true, Next: localPath(next)}))
}

// getRegister serves the name other systems use.
func (ui *UI) getRegister(w http.ResponseWriter, r *http.Request) error {
	seeOther(w, ui.withNext("/signup", localPath(r.URL.Query().Get("next"))))
	return nil
}

func (ui *UI) postSignup(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	presented, _ := ui.presented(r)
	u := auth.NewUser{Email: f.Email, Name: f.Name, Password: f.password}
	issued, err := ui.store.SignUp(r.Context(), u, f.Remember, presented, ui.client(r))
	if err != nil {
		return ui.formFailed(w, r, "signup", ui.signupPage(f), err)
	}
	ui.signedIn(w, issued, f)
	return nil
}

func (ui *UI) signupPage(f form) loginPage {
	return loginPage{base: ui.base("Sign up"), Form: f.printable(), PasswordMin: ui.c.PasswordMin, OtherPage: ui.withNext("/login", f.Next)}
}
