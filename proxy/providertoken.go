package proxy

import (
	"net/http"

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

// findProviderToken notes the token of the request's session, for rewrite.
func findProviderToken(x *exchange, r *http.Request) {
	if x.signedIn && prefixes(x.app.tokens.Paths).have(x.target.path) {
		x.providerToken = x.app.tokens.Of(r, x.session)
	}
}
