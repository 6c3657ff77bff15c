package proxy

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"

	"github.com/gatepost/gatepost/auth/session"
)

// Assertions tell the app who is signed in, by a signed token that it can verify. The zero value tells nothing.
type Assertions struct {
	// Header carries it, as Identity.WithAssertion returns it.
	Header string
	// Of makes it for a request of a session. The value must not be modified.
	Of func(v *session.Session, method, rawPath string) ([]string, error)
	// Bound says that method and path are in it. Longer ones than boundMost are refused then.
	Bound bool
}

// boundMost bounds a method and its path in an assertion, in bytes: servers take 8 KiB of a header, and the path grows
// by a third in it.
const boundMost = 4 << 10

var errBoundTooLong = errors.New("the path is too long to stand in a signed assertion")

// WithAssertion returns an Identity that takes the header of the assertion from clients as well, in every spelling, and
// the name of this header as it is sent.
func (id Identity) WithAssertion(name string) (Identity, string, error) {
	if err := checkHeaderName(name); err != nil {
		return id, "", err
	}
	folded := foldName(name)
	for _, h := range id.headers {
		if foldName(h.name) == folded {
			return id, "", fmt.Errorf("GATEPOST_IDENTITY_HEADERS sets %s, which apps cannot tell from it", h.name)
		}
	}
	if folded == foldName(providerTokenHeader) {
		return id, "", errors.New("it carries the token of a provider; choose a name like X-Auth-Assertion")
	}
	id.stripped = maps.Clone(id.stripped)
	id.stripped[folded] = struct{}{}
	return id, textproto.CanonicalMIMEHeaderKey(name), nil
}

// assert notes the assertion of the request's session, for rewrite. Without one the app would not know whether the
// gate vouches for the identity: a protected path is refused, and a public one served as to nobody.
func (p *Proxy) assert(x *exchange, r *http.Request) (status int, err error) {
	if !x.signedIn || x.app.assertions.Of == nil {
		return 0, nil
	}
	if x.app.assertions.Bound && len(r.Method)+len(x.target.path) > boundMost {
		return http.StatusBadRequest, errBoundTooLong
	}
	if x.assertion, err = x.app.assertions.Of(&x.session, r.Method, x.target.path); err == nil {
		return 0, nil
	}
	if x.app.assertions.isTooLong(x, r) {
		return http.StatusBadRequest, errBoundTooLong
	}
	if !x.access.Public {
		return statusOf(err), err
	}
	x.session, x.signedIn, x.err = session.Session{}, false, err
	return 0, nil
}

// isTooLong reports whether an assertion was not made because of what the client sent: beside many roles less fits, and
// signs such as & take more in it than in the path. Without the path it would be made.
func (a Assertions) isTooLong(x *exchange, r *http.Request) bool {
	if !a.Bound || len(x.target.path) < boundMost/16 {
		return false
	}
	_, err := a.Of(&x.session, r.Method, "/")
	return err == nil
}
