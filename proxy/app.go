package proxy

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// app is the app of a request, with all that depends on the host that visitors type. Each station takes it from the
// exchange, and reads none of it in Config.
type app struct {
	public   publicURL
	aliases  []*url.URL // Config.Aliases
	names    []*url.URL // the public URL and the aliases
	origins  []*url.URL // the public URL and Config.Origins
	hsts     string     // Config.HSTS
	cookie   session.Cookie
	finders  []finder // one for each kind of credential
	rules    Rules
	apiPaths TokenPaths // Config.Tokens
	identity Identity
	// renamesEmail says that the app gets the address under a name of its own.
	renamesEmail bool
	tokens       ProviderTokens
	assertions   Assertions // Config.Assertions
	cors         CORS
	passive      prefixes
	upstream     Upstream
	timeout      time.Duration // Config.UpstreamTimeout
	transport    *transport
	told         []string            // the headers by which the app learns about the visitor
	usual        map[string]struct{} // those of usualHeaders that Identity.strips leaves
}

func newApp(c Config, sessions *session.Reader) *app {
	finders, origins := []finder{inCookie(c.Cookie)}, append([]*url.URL{c.PublicURL}, c.Origins...)
	if c.Cookie.Elsewhere() {
		finders = append(finders, inOldCookie(sessions, c.Cookie, origins))
	}
	finders = append(finders, inAuthorization, inTokenHeader, inAddress, inKeyHeader)
	a := &app{public: newPublicURL(c.PublicURL), aliases: c.Aliases, origins: origins,
		names: append([]*url.URL{c.PublicURL}, c.Aliases...), hsts: c.HSTS, cookie: c.Cookie, finders: finders,
		rules: c.Rules, apiPaths: c.Tokens, identity: c.Identity, renamesEmail: c.Identity.Renames("email", "X-Auth-Email"),
		tokens: c.ProviderTokens, assertions: c.Assertions, cors: c.CORS, passive: c.PassivePaths,
		upstream: c.Upstream, timeout: c.UpstreamTimeout,
		transport: newTransport(c.Upstream, c.UpstreamTimeout, c.UpstreamConnAge)}
	a.told, a.usual = toldHeaders(a), map[string]struct{}{}
	for _, name := range usualHeaders {
		if !a.identity.strips(name) {
			a.usual[name] = struct{}{}
		}
	}
	return a
}

// nowhere is the app of a request whose host has none. The first station refuses it with errNoApp, and status 404.
var nowhere = &app{}

var errNoApp = errors.New("there is no app at this host")

// publicURL is the public URL of an app, and its parts that requests are compared with.
type publicURL struct {
	*url.URL
	origin, hostname string
	loopback         bool
	// hostHeader and schemeHeader are values of headers, which are never modified.
	hostHeader, schemeHeader []string
}

func newPublicURL(u *url.URL) publicURL {
	return publicURL{URL: u, origin: u.Scheme + "://" + u.Host, hostname: strings.ToLower(u.Hostname()),
		loopback: IsLoopback(u.Hostname()), hostHeader: []string{u.Host}, schemeHeader: []string{u.Scheme}}
}
