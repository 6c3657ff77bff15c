package api

import (
	"errors"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

type updateUserBody struct {
	Name  *string  `json:"name"`
	Image maybe    `json:"image" note:"null removes it"`
	Email whatever `json:"email" note:"refused: see change-email"`
}

func (a *API) updateUser(c *call, in updateUserBody) (done, error) {
	switch {
	case in.Email.present:
		return done{}, errEmailFixed
	case in.Name == nil && !in.Image.present:
		if _, err := c.describe(); err != nil {
			return done{}, err
		}
		return done{}, errNoFields
	}
	p := auth.Profile{Name: in.Name}
	if in.Image.present {
		p.Image = &in.Image.value
	}
	return done{true}, a.store.ChangeProfile(c.context(), c.token(), p, c.client())
}

type changeEmailBody struct {
	NewEmail    string           `json:"newEmail" is:"email"`
	Password    *secret.Password `json:"password" note:"needed by users who have one; Better Auth has no such field"`
	CallbackURL *string          `json:"callbackURL" note:"the gate's own page takes the link"`
}

// changeEmail answers the same whether the new address is in use or not.
func (a *API) changeEmail(c *call, in changeEmailBody) (done, error) {
	if !a.c.Mail {
		return done{}, errChangeOff
	}
	if _, err := a.callback(text(in.CallbackURL), errCallback); err != nil {
		return done{}, err
	}
	issued, err := a.store.RequestEmailChange(c.context(), c.token(), typed(in.Password), in.NewEmail, c.client())
	if err != nil {
		return done{}, ofOwnPassword(err)
	}
	return done{true}, c.renewed(issued)
}

type deleteUserBody struct {
	Password    *secret.Password `json:"password" note:"needed by users who have one; others need a fresh session"`
	Token       *string          `json:"token" note:"refused: there is no deletion by a mailed link"`
	CallbackURL *string          `json:"callbackURL"`
}

func (a *API) deleteUser(c *call, in deleteUserBody) (*deleted, error) {
	if _, err := a.callback(text(in.CallbackURL), errCallback); err != nil {
		return nil, err
	}
	if in.Token != nil {
		if _, err := c.describe(); err != nil {
			return nil, err
		}
		return nil, errNoDeletion
	}
	err := a.store.DeleteAccount(c.context(), c.token(), typed(in.Password), c.client())
	if errors.Is(err, session.ErrStale) {
		return nil, errExpired
	}
	if err != nil {
		return nil, ofOwnPassword(err)
	}
	a.c.Pages.SignedOut(c, c.r)
	return &deleted{true, "User deleted"}, nil
}

// ofOwnPassword is an error of a deed that takes the user's password under that name: what is wrong with it is that it
// is not theirs.
func ofOwnPassword(err error) error {
	if input, ok := errors.AsType[auth.InputError](err); ok {
		for _, f := range input {
			if f.Field == "password" {
				return errPassword
			}
		}
	}
	return err
}
