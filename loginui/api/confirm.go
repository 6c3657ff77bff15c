package api

import (
	"errors"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

type sendVerificationBody struct {
	Email       string  `json:"email" is:"email"`
	CallbackURL *string `json:"callbackURL" note:"where the link leads back to"`
}

// sendVerification tells whoever is signed out nothing about the address.
func (a *API) sendVerification(c *call, in sendVerificationBody) (done, error) {
	if !a.c.Confirm {
		return done{}, errConfirmOff
	}
	next, err := a.callback(text(in.CallbackURL), errCallback)
	if err != nil {
		return done{}, err
	}
	client := c.client()
	client.Next = next
	v, err := c.describe()
	if errors.Is(err, session.ErrNoSession) {
		return done{true}, a.store.RequestVerificationOf(c.context(), in.Email, client)
	}
	if err != nil {
		return done{}, err
	}
	switch email, err := auth.CanonicalEmail(in.Email); {
	case err != nil || email != v.User.Email:
		return done{}, errMismatch
	case v.User.EmailVerified:
		return done{}, errVerified
	}
	return done{true}, a.store.RequestVerification(c.context(), c.token(), client)
}

// verifyEmail confirms an address for a script of this site, in the browser that is known to be the one that typed the
// address. A browser that loads the address as a page is sent to the gate's page, which asks for the password of
// whoever is not known: scanners and browsers open links before their reader does.
func (a *API) verifyEmail(c *call, _ struct{}) (*confirmed, error) {
	query := c.r.URL.Query()
	next, err := a.callback(query.Get("callbackURL"), errCallback)
	if err != nil {
		return nil, err
	}
	link, ok := secret.ParseToken(query.Get("token"))
	if !ok {
		return nil, c.badLink(next)
	}
	l, err := a.store.Link(c.context(), link)
	switch {
	case errors.Is(err, auth.ErrBadLink), err == nil && l.Purpose != mail.ForVerify:
		return nil, c.badLink(next)
	case err != nil:
		return nil, err
	case !mayChange(c.r):
		c.redirect(a.c.Pages.ConfirmURL(link, next))
		return nil, nil
	}
	return a.confirm(c, link, next)
}

func (a *API) confirm(c *call, link secret.Token, next string) (*confirmed, error) {
	before := a.c.Pages.Before(c.r)
	issued, err := a.store.VerifyEmail(c.context(), auth.Verification{Link: link, Remember: true, Session: c.token(),
		Client: c.client()})
	if _, ok := errors.AsType[auth.InputError](err); ok || errors.Is(err, auth.ErrBadLink) ||
		errors.Is(err, auth.ErrPasswordsOff) {
		return nil, c.badLink(next) // of a stranger, who needs the password
	}
	if err != nil {
		return nil, err
	}
	if issued.Session != "" || issued.Challenge != "" {
		a.c.Pages.SignedIn(c, c.r, before, issued)
	}
	switch {
	case issued.Challenge != "" && next != "":
		c.redirect(a.c.Pages.StepURL(next))
		return nil, nil
	case issued.Challenge != "":
		return nil, c.ask(issued)
	case next != "":
		c.redirect(next)
		return nil, nil
	}
	return &confirmed{Status: true}, nil
}

// badLink answers a link that does not work: where a page was named, by a parameter of it.
func (c *call) badLink(next string) error {
	if next == "" {
		return errors.Join(errLinkToken, auth.ErrBadLink)
	}
	c.redirect(withQuery(next, "error", errLinkToken.Code))
	return nil
}
