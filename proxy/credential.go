package proxy

import (
	"errors"
	"net/http"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// credential is what a request presents to say who sends it.
type credential struct {
	token secret.Token // empty: it cannot be one of ours, and nobody is signed in with it
}

// finder looks for one kind of credential.
type finder func(http.Header) (c credential, present bool)

// inCookie finds the session cookie.
func inCookie(cookie session.Cookie) finder {
	return func(h http.Header) (c credential, present bool) {
		c.token, present = cookie.Read(h)
		return c, present
	}
}

var errCredentials = errors.New("the request presents two credentials, which may be two people's")

// credentialIn finds what a request presents. It is the only place that does: of two kinds at once none is believed,
// whichever of them is good, and it fails with errCredentials.
func (p *Proxy) credentialIn(h http.Header) (found credential, present bool, err error) {
	for _, find := range p.finders {
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
