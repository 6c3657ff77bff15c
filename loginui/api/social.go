package api

import (
	"errors"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

type socialBody struct {
	Provider           string   `json:"provider"`
	CallbackURL        *string  `json:"callbackURL"`
	ErrorCallbackURL   *string  `json:"errorCallbackURL" note:"the gate's own page says what went wrong"`
	NewUserCallbackURL *string  `json:"newUserCallbackURL" note:"new users come to callbackURL as well"`
	DisableRedirect    *bool    `json:"disableRedirect"`
	IDToken            whatever `json:"idToken" note:"refused"`
}

// signInSocial begins to sign in at a provider, and tells where.
func (a *API) signInSocial(c *call, in socialBody) (*onward, error) {
	return a.goTo(c, in, auth.Flow{Purpose: auth.ToSignIn, Remember: true})
}

// linkSocial begins to connect a provider to the account of the caller.
func (a *API) linkSocial(c *call, in socialBody) (*onward, error) {
	if _, err := c.describe(); err != nil {
		return nil, err
	}
	return a.goTo(c, in, auth.Flow{Purpose: auth.ToLink, Session: c.token()})
}

func (a *API) goTo(c *call, in socialBody, f auth.Flow) (*onward, error) {
	var err error
	if f.Next, err = a.callback(text(in.CallbackURL), errCallback); err != nil {
		return nil, err
	}
	if _, err := a.callback(text(in.ErrorCallbackURL), errErrorCallback); err != nil {
		return nil, err
	}
	if _, err := a.callback(text(in.NewUserCallbackURL), errNewUserCallback); err != nil {
		return nil, err
	}
	f.Provider, f.Client = in.Provider, c.client()
	if in.IDToken.present {
		return nil, errIDToken
	}
	begun, err := a.store.BeginProvider(c.context(), f)
	if err != nil {
		return nil, err
	}
	a.c.Pages.Leaving(c, c.r, begun)
	follow := !on(in.DisableRedirect, false)
	if follow {
		c.Header().Set("Location", begun.URL.String())
	}
	return &onward{begun.URL.String(), follow}, nil
}

// waysIn returns the caller and their ways to sign in.
func (c *call) waysIn() (userID string, ways []auth.WayIn, err error) {
	v, err := c.a.store.Describe(c.context(), c.token())
	switch {
	case errors.Is(err, session.ErrNoSession):
		return c.a.store.WaysInImported(c.context(), c.asking(), c.imported())
	case err != nil:
		return "", nil, err
	}
	ways, err = c.a.store.WaysIn(c.context(), c.token())
	return v.User.ID, ways, err
}

func (a *API) listAccounts(c *call, _ struct{}) ([]account, error) {
	userID, ways, err := c.waysIn()
	if err != nil {
		return nil, err
	}
	list := []account{}
	for _, way := range ways {
		list = append(list, accountOf(way, userID))
	}
	return list, nil
}

func accountOf(way auth.WayIn, userID string) account {
	out := account{way.ID, way.Subject, way.Provider, userID, date(way.Since), date(way.Updated), way.Scopes}
	if way.Provider == "" {
		out.AccountID, out.ProviderID = userID, credential
	}
	if out.Scopes == nil {
		out.Scopes = []string{}
	}
	return out
}

// credential is the protocol's name for the password among the providers.
const credential = "credential"

type unlinkBody struct {
	AccountID  *string `json:"accountId" note:"the id of the account, or with providerId the provider's"`
	ProviderID *string `json:"providerId" note:"of older clients"`
}

// unlinkAccount takes the id of a row, as today's clients send it, and a provider with or without its own id of the
// user, as older ones do. The password is not unlinked.
func (a *API) unlinkAccount(c *call, in unlinkBody) (done, error) {
	if in.AccountID == nil && in.ProviderID == nil {
		return done{}, invalid("[body.accountId] " + expected("string", nil))
	}
	ways, err := a.store.WaysIn(c.context(), c.token())
	if err != nil {
		return done{}, err
	}
	id, all := "", 0
	for _, way := range ways {
		if way.Provider != "" && in.means(way) {
			id, all = way.ID, all+1
		}
	}
	switch {
	case len(ways) == 1:
		return done{}, errLastAccount
	case all != 1:
		return done{}, errAccount
	}
	return done{true}, a.store.Unlink(c.context(), c.token(), id, c.client())
}

func (in unlinkBody) means(way auth.WayIn) bool {
	if in.ProviderID == nil {
		return way.ID == *in.AccountID
	}
	return way.Provider == *in.ProviderID &&
		(in.AccountID == nil || *in.AccountID == way.Subject || *in.AccountID == way.ID)
}
