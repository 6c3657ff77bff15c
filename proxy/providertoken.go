package proxy

import (
	"net/http"
	"strings"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// providerTokenHeader carries the token with which the app may call a provider in the name of the signed-in user. A
// client's header of this name is always removed.
const providerTokenHeader = "X-Auth-Provider-Token"

// ProviderTokens gives the app tokens of providers on some paths. The zero value gives none.
type ProviderTokens struct {
	// Paths are prefixes, in whole segments, of the paths where the app gets a token. A path that is not plain (with
	// %-escapes, empty or dot segments) gets none.
	Paths []string
	// Of returns the token of a session; empty: there is none. A request is never refused for want of one.
	Of func(*http.Request, session.Session) secret.Text
}

// providerTokenMost is the longest token that the app gets, in bytes. Servers take that much of headers at least, all
// together: nginx 8 KiB of one, Node.js 16 KiB, Go 1 MiB.
const providerTokenMost = 8 << 10

// findProviderToken notes the token of the request's session, for rewrite. One that breaks requests is left out.
func (p *Proxy) findProviderToken(x *exchange, r *http.Request) {
	if !x.signedIn || x.session.Grant != nil || !prefixes(x.app.tokens.Paths).have(x.target.path) {
		return
	}
	token := x.app.tokens.Of(r, x.session)
	if !fitsHeader(string(token)) {
		p.misfits.Do(func() {
			p.c.Log.Warn("the app gets no token of a provider: it is longer than 8 KiB, or has characters that no token has",
				"bytes", len(token))
		})
		return
	}
	x.providerToken = token
}

// fitsHeader reports whether a token can be the value of a header and is one of RFC 6749, section A.12.
func fitsHeader(token string) bool {
	return len(token) <= providerTokenMost && strings.Trim(token, " ") == token &&
		!strings.ContainsFunc(token, func(c rune) bool { return c < ' ' || c > '~' })
}
