package proxy

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// credential is what a request presents to identify its user.
type credential struct {
	token secret.Token // empty when it cannot be a token of the gate's, so that it signs nobody in
}

// finder finds one kind of credential.
type finder func(http.Header) (c credential, present bool)

// inCookie finds the session cookie.
func inCookie(cookie session.Cookie) finder {
	return func(h http.Header) (c credential, present bool) {
		c.token, present = cookie.Read(h)
		return c, present
	}
}

var errCredentials = errors.New("the request presents two credentials, which may be two people's")

// credentialIn finds the credential of a request. No other code does. With credentials of two kinds it fails with
// errCredentials, even when one of them is valid.
func (a *app) credentialIn(h http.Header) (found credential, present bool, err error) {
	for _, find := range a.finders {
		c, there := find(h)
		if there && present {
			return credential{}, true, errCredentials
		}
		if there {
			found, present = c, true
		}
	}
	return found, present, nil
}
