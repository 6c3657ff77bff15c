package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// credential is what a request presents to identify its user.
type credential struct {
	token    secret.Token     // empty when it cannot be a token of the gate's, so that it signs nobody in
	imported session.Imported // of the system before; only if there is no token
	api      apiToken         // only if there is neither
}

// finder finds one kind of credential.
type finder func(*http.Request) (c credential, present bool)

// inCookie finds the session cookie.
func inCookie(cookie session.Cookie) finder {
	return func(r *http.Request) (c credential, present bool) {
		c.token, present = cookie.Read(r.Header)
		return c, present
	}
}

// inOldCookie finds a cookie of the system before, in a browser that has none of the gate's.
//
// That cookie may be SameSite=None, and so be sent by requests of other sites, which browsers tell by Sec-Fetch-Site or
// Origin. It counts with what a cookie of the gate's would come with (session.WithoutLax). The Origin of a WebSocket is
// checked for every credential alike.
func inOldCookie(sessions *session.Reader, cookie session.Cookie, origins []*url.URL) finder {
	return func(r *http.Request) (c credential, present bool) {
		if session.WithoutLax(r) || !isWebSocket(r.Header) && !comesFrom(r.Header["Origin"], origins...) {
			return c, false
		}
		c.imported = sessions.Imported(r.Header, cookie)
		return c, c.imported.Claims()
	}
}

// lookUp finds the session of a credential, and fills in v. What is hasty can go on without.
func (p *Proxy) lookUp(x *exchange, r *http.Request, c *credential, hasty bool, v *session.Session) error {
	x.passive = x.app.isPassive(r, x.target.path)
	return p.find(r.Context(), session.Asking{Client: x.client, Hasty: hasty, Passive: x.passive}, c, v)
}

func (p *Proxy) find(ctx context.Context, as session.Asking, c *credential, v *session.Session) error {
	if c.imported.Claims() || c.api.ours {
		return p.findOther(ctx, as, c, v)
	}
	return p.sessions.LookupInto(ctx, as, c.token, v)
}

// findOther finds what is no session of the gate's own.
func (p *Proxy) findOther(ctx context.Context, as session.Asking, c *credential, v *session.Session) (err error) {
	if c.imported.Claims() {
		*v, err = p.sessions.LookupImported(ctx, as, c.imported)
	} else {
		*v, err = p.sessions.LookupToken(ctx, as, c.api.token)
	}
	return err
}

// passiveHeader, set to 1 by a script of a page, says that nobody has done anything, so that the request is no use of
// the session. It can only have a session end earlier, and it never reaches the app.
const passiveHeader = "X-Gatepost-Passive"

func (a *app) isPassive(r *http.Request, rawPath string) bool {
	said := r.Header[passiveHeader]
	return len(said) == 1 && said[0] == "1" || a.passive.have(rawPath)
}

var errCredentials = errors.New("the request presents two credentials, which may be two people's")

// credentialIn finds the credential of a request. No other code does. With credentials of two kinds it fails with
// errCredentials, even when one of them is valid.
func (a *app) credentialIn(r *http.Request) (found credential, present bool, err error) {
	for _, find := range a.finders {
		c, there := find(r)
		if there && present {
			return credential{}, true, errCredentials
		}
		if there {
			found, present = c, true
		}
	}
	return found, present, nil
}
