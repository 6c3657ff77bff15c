package loginui

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
)

func (ui *UI) getSignup(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	token, present := ui.presented(r)
	if done, err := ui.alreadyIn(w, r, token, next); done || err != nil {
		return err
	}
	if ui.c.SignUpClosed {
		return ui.closed()
	}
	if present {
		ui.c.Cookie.Clear(w.Header())
	}
	return ui.show(w, r, http.StatusOK, "signup", ui.signupPage(r, form{Remember: true, Next: ui.local(next)}, trouble{}))
}

// getRegister redirects the path that other systems use for signup.
func (ui *UI) getRegister(w http.ResponseWriter, r *http.Request) error {
	seeOther(w, ui.withNext("/signup", ui.local(r.URL.Query().Get("next"))))
	return nil
}

func (ui *UI) postSignup(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	presented, _ := ui.presented(r)
	u := auth.NewUser{Email: f.Email, Name: f.Name, Username: f.Username, Password: f.password}
	client := ui.client(r)
	client.Next = f.Next
	issued, err := ui.twice.do(r, f, ui.solved(client), func(ctx context.Context) (auth.Issued, error) {
		return ui.store.SignUp(ctx, u, f.Remember, presented, client)
	})
	if errors.Is(err, auth.ErrSignUpClosed) {
		return ui.closed()
	}
	if errors.Is(err, auth.ErrUnverified) {
		ui.c.Cookie.SetBrowser(w.Header(), issued.Browser, throttle.FamiliarFor)
		ui.forgetBegun(w, r)
		return ui.sent(w, r, http.StatusOK, "verify.sent", f.Email)
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "signup", ui.signupPage(r, f, t))
	}
	ui.signedInAnew(w, r, "", issued)
	ui.forgetBegun(w, r)
	ui.goOn(w, issued, ui.landing(f.Next))
	return nil
}

// closed returns the reason why signup is refused.
func (ui *UI) closed() error {
	if ui.c.ByInvitation {
		return errors.Join(errInvited, auth.ErrSignUpClosed)
	}
	return auth.ErrSignUpClosed
}

// taken reports whether the address already has an account.
func taken(err error) bool {
	var input auth.InputError
	return errors.As(err, &input) &&
		slices.ContainsFunc(input, func(f auth.FieldError) bool { return f.Problem == auth.Taken })
}

func (ui *UI) signupPage(r *http.Request, f form, t trouble) formPage {
	p := ui.form(r, "signup", "/signup", f)
	p.failed(t)
	p.Home = cmp.Or(ui.c.Front, p.Home)
	p.with(t.faults, slices.Concat([]field{p.email(f.Email)}, ui.ownNames(&p, f),
		[]field{p.newPassword("field.password", ui.c.PasswordMin)})...)
	p.AskRemember, p.Remember, p.Once = true, f.Remember, secret.NewID()
	p.OtherPage, p.Trap = ui.withNext("/login", f.Next), true
	ui.offer(&p)
	ui.offerPasskeySignup(&p)
	if p.Submit != "" {
		ui.guard(&p, captcha.SignUp)
	}
	return p
}
