package proxy

import (
	"net/http"
	"path"
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

// wanted reports whether the app gets a token on a raw path.
func (t ProviderTokens) wanted(rawPath string) bool {
	if len(t.Paths) == 0 || strings.ContainsAny(rawPath, `%;\`) {
		return false
	}
	if clean := path.Clean(rawPath); clean != rawPath && clean+"/" != rawPath {
		return false
	}
	for _, prefix := range t.Paths {
		if rest, ok := strings.CutPrefix(rawPath, strings.TrimSuffix(prefix, "/")); ok &&
			(rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// findProviderToken notes the token of the request's session, for rewrite.
func findProviderToken(x *exchange, r *http.Request) {
	if x.signedIn && x.app.tokens.wanted(x.target.path) {
		x.providerToken = x.app.tokens.Of(r, x.session)
	}
}
