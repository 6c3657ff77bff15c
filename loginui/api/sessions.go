package api

type tokenBody struct {
	Token string `json:"token" note:"the token, which is the id, of one of the own sessions"`
}

func (a *API) listSessions(c *call, _ struct{}) ([]sessionAnswer, error) {
	own, err := c.account()
	if err != nil {
		return nil, err
	}
	list := []sessionAnswer{}
	for _, s := range own.Sessions {
		list = append(list, sessionAnswer{s.ID, own.Session.User.ID, s.ID, date(s.ExpiresAt), date(s.CreatedAt),
			date(s.UpdatedAt), s.IPAddress, s.UserAgent})
	}
	return list, nil
}

// revokeSession ends one session. Ids that are unknown, or another user's, change nothing.
func (a *API) revokeSession(c *call, in tokenBody) (done, error) {
	return done{true}, a.store.EndSession(c.context(), c.token(), in.Token, c.client())
}

func (a *API) revokeOtherSessions(c *call, _ struct{}) (done, error) {
	_, err := a.store.EndOtherSessions(c.context(), c.token(), c.client())
	return done{true}, err
}

func (a *API) revokeSessions(c *call, _ struct{}) (done, error) {
	err := a.store.EndAllSessions(c.context(), c.token(), c.client())
	if err == nil {
		a.c.Pages.SignedOut(c, c.r)
	}
	return done{true}, err
}
