package api

import (
	"errors"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

type signUpBody struct {
	Name        string          `json:"name" note:"may be empty"`
	Email       string          `json:"email" is:"email"`
	Password    secret.Password `json:"password"`
	Image       *string         `json:"image"`
	Username    *string         `json:"username" note:"where users choose theirs (GATEPOST_USERNAMES); else left out"`
	CallbackURL *string         `json:"callbackURL" note:"where the link to confirm the address leads back to"`
	RememberMe  *bool           `json:"rememberMe" note:"keep the session when the browser closes; default true"`
}

// signUp makes a user and signs them in. Where addresses are confirmed first, the answer is the same for an address
// that has an account: the user in it is made up, for both.
func (a *API) signUp(c *call, in signUpBody) (*issuedAnswer, error) {
	next, err := a.callback(text(in.CallbackURL), errCallback)
	if err != nil {
		return nil, err
	}
	client := c.client()
	client.Next = next
	u := auth.NewUser{Email: in.Email, Name: in.Name, Image: text(in.Image), Username: text(in.Username),
		Password: in.Password}
	issued, err := a.store.SignUp(c.context(), u, on(in.RememberMe, true), c.token(), client)
	switch {
	case errors.Is(err, auth.ErrUnverified):
		a.c.Pages.Known(c, issued.Browser)
		return &issuedAnswer{User: a.madeUp(in)}, nil
	case errors.Is(err, auth.ErrPasswordsOff):
		return nil, errSignUpOff
	case err != nil:
		return nil, err
	}
	if a.c.Pages.SignedIn(c, c.r, "", issued); issued.Challenge != "" {
		return nil, c.ask(issued)
	}
	v, err := a.store.Describe(c.context(), issued.Session)
	if err != nil {
		return nil, err
	}
	return &issuedAnswer{&v.ID, personOf(v.User)}, nil
}

// madeUp is a user as a sign-up would make it.
func (a *API) madeUp(in signUpBody) person {
	now := date(time.Now())
	p := person{ID: secret.NewID(), Name: strings.TrimSpace(in.Name), Role: auth.DefaultRole, CreatedAt: now,
		UpdatedAt: now}
	p.Email, _ = auth.CanonicalEmail(in.Email) // SignUp has approved it
	if a.c.UsernamesChosen {
		p.Username, _ = auth.CanonicalUsername(text(in.Username))
	}
	if text(in.Image) != "" {
		p.Image = in.Image
	}
	return p
}

type signInBody struct {
	Email       string          `json:"email"`
	Password    secret.Password `json:"password"`
	CallbackURL *string         `json:"callbackURL" note:"comes back as url"`
	RememberMe  *bool           `json:"rememberMe" note:"keep the session when the browser closes; default true"`
}

func (a *API) signIn(c *call, in signInBody) (*signedIn, error) {
	next, err := a.callback(text(in.CallbackURL), errCallback)
	if err != nil {
		return nil, err
	}
	before := a.c.Pages.Before(c.r)
	issued, err := a.store.SignIn(c.context(), auth.Credentials{Email: in.Email, Password: in.Password,
		Remember: on(in.RememberMe, true), Presented: c.token(), Client: c.client()})
	if err != nil {
		return nil, notIn(err)
	}
	if a.c.Pages.SignedIn(c, c.r, before, issued); issued.Challenge != "" {
		return nil, c.ask(issued)
	}
	v, err := a.store.Describe(c.context(), issued.Session)
	if err != nil {
		return nil, err
	}
	if next != "" {
		c.Header().Set("Location", next)
	}
	return &signedIn{Redirect: next != "", Token: v.ID, URL: next, User: personOf(v.User)}, nil
}

// notIn is why a sign-in failed. A password that cannot be one is as wrong as any other.
func notIn(err error) error {
	input, ok := errors.AsType[auth.InputError](err)
	switch {
	case errors.Is(err, database.ErrUnavailable): // before a wrong password, which was not counted then
		return err
	case ok && input[0].Field == "email":
		return errEmail
	case ok, errors.Is(err, auth.ErrBadCredentials):
		return errCredentials
	}
	return err
}

type signOutBody struct {
	CallbackURL     *string `json:"callbackURL" note:"providers send browsers back to the login"`
	DisableRedirect *bool   `json:"disableRedirect"`
}

// signOut ends the session before it answers. When that fails, the cookie stays.
func (a *API) signOut(c *call, in signOutBody) (*leaving, error) {
	if _, err := a.callback(text(in.CallbackURL), errCallback); err != nil {
		return nil, err
	}
	follow := !on(in.DisableRedirect, false)
	to := a.c.Pages.LogoutURL(c.r, c.token())
	if err := a.store.SignOut(c.context(), c.token(), c.client()); err != nil {
		return nil, err
	}
	a.c.Pages.SignedOut(c, c.r)
	if to == nil {
		return &leaving{Success: true}, nil
	}
	if follow {
		c.Header().Set("Location", to.String())
	}
	return &leaving{true, to.String(), &follow}, nil
}

// getSession answers a front end with the session of the visitor, or null. It clears no dead cookie: the answer may
// arrive after that of a sign-in.
func (a *API) getSession(c *call, _ struct{}) (*present, error) {
	v, err := c.describe()
	if errors.Is(err, session.ErrNoSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return presentOf(v), nil
}

func (a *API) postSession(*call, struct{}) (*present, error) { return nil, errDeferred }

func (a *API) ok(*call, struct{}) (alive, error) { return alive{true}, nil }

func (a *API) errorPage(c *call, _ struct{}) (webPage, error) {
	a.c.Pages.Error(c, c.r)
	return webPage{}, nil
}
