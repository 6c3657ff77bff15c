package api

import (
	"cmp"
	"errors"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
)

type changePasswordBody struct {
	CurrentPassword     secret.Password `json:"currentPassword"`
	NewPassword         secret.Password `json:"newPassword"`
	RevokeOtherSessions *bool           `json:"revokeOtherSessions" note:"they always end"`
}

// changePassword ends every session, as the page does, and gives the caller a new one.
func (a *API) changePassword(c *call, in changePasswordBody) (*issuedAnswer, error) {
	if err := c.needPassword(); err != nil {
		return nil, err
	}
	issued, err := a.store.ChangePassword(c.context(), c.token(), in.CurrentPassword, in.NewPassword, c.client())
	if err != nil {
		return nil, err
	}
	if err := c.renewed(issued); err != nil {
		return nil, err
	}
	v, err := a.store.Describe(c.context(), issued.Session)
	if err != nil {
		return nil, err
	}
	return &issuedAnswer{&v.ID, personOf(v.User)}, nil
}

type passwordBody struct {
	Password secret.Password `json:"password"`
}

// verifyPassword proves the caller again, which gives them a new session.
func (a *API) verifyPassword(c *call, in passwordBody) (done, error) {
	if err := c.needPassword(); err != nil {
		return done{}, err
	}
	issued, err := a.store.Confirm(c.context(), c.token(), in.Password, c.client())
	if err != nil {
		return done{}, ofOwnPassword(err)
	}
	return done{true}, c.renewed(issued)
}

// needPassword fails for callers who have no password, and for whom a fresh session would do in its place.
func (c *call) needPassword() error {
	if c.a.c.PasswordsOff {
		return errPasswords
	}
	ways, err := c.a.store.WaysIn(c.context(), c.token())
	if err != nil {
		return err
	}
	for _, way := range ways {
		if way.Provider == "" {
			return nil
		}
	}
	return errNoPassword
}

type requestResetBody struct {
	Email      string  `json:"email" is:"email"`
	RedirectTo *string `json:"redirectTo" note:"a page of the app that takes the token; without it the gate's page does"`
}

// requestReset answers the same whether the address has an account or not.
func (a *API) requestReset(c *call, in requestResetBody) (*said, error) {
	if a.c.PasswordsOff || !a.c.Mail {
		return nil, errResetOff
	}
	next, err := a.callback(text(in.RedirectTo), errRedirect)
	if err != nil {
		return nil, err
	}
	client := c.client()
	client.Next = next
	if err := a.store.RequestReset(c.context(), in.Email, client); err != nil {
		return nil, err
	}
	return &said{true, "If this email exists in our system, check your email for the reset link"}, nil
}

// openReset is where a mailed link leads, on the way to the page of the app that takes the token. It changes nothing.
func (a *API) openReset(c *call, _ struct{}) (redirected, error) {
	address := c.r.URL.Query().Get("callbackURL")
	if address == "" {
		return redirected{}, invalid("[query.callbackURL] Invalid input: expected string, received undefined")
	}
	next, err := a.callback(address, errCallback)
	if err != nil {
		return redirected{}, err
	}
	link, _ := secret.ParseToken(c.param) // none finds none
	l, err := a.store.Link(c.context(), link)
	if errors.Is(err, auth.ErrBadLink) || err == nil && !l.Resets() {
		c.redirect(withQuery(next, "error", errToken.Code))
		return redirected{}, nil
	}
	if err != nil {
		return redirected{}, err
	}
	c.redirect(withQuery(next, "token", c.param))
	return redirected{}, nil
}

type resetBody struct {
	NewPassword secret.Password `json:"newPassword"`
	Token       *string         `json:"token" note:"may be in the query instead"`
}

// reset chooses a new password with a mailed link. Every session of the user ends, and nobody is signed in.
func (a *API) reset(c *call, in resetBody) (done, error) {
	if a.c.PasswordsOff {
		return done{}, errResetOff
	}
	link, ok := secret.ParseToken(cmp.Or(text(in.Token), c.r.URL.Query().Get("token")))
	if !ok {
		return done{}, errToken
	}
	browser, err := a.store.ResetPassword(c.context(), link, in.NewPassword, c.client())
	if err != nil {
		return done{}, err
	}
	a.c.Pages.SignedOut(c, c.r)
	a.c.Pages.Known(c, browser)
	return done{true}, nil
}
