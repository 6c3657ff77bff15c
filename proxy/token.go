package proxy

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// tokenHeader carries an API token for apps that use Authorization themselves. It never reaches the app.
const tokenHeader = "X-Gatepost-Token"

// tokenIDHeader tells the app which API token a request came by. A client's header of this name is always removed.
const tokenIDHeader = "X-Auth-Token-Id"

// apiToken is a text in the format of the gate's API tokens that a request presents. Whatever it is, it never reaches
// the app.
type apiToken struct {
	ours            bool            // there is one
	token           secret.APIToken // empty when the gate cannot have issued it, or it stands where none may
	inAuthorization bool
	basic           bool // a browser may have sent it by itself
}

// TokenError is why an API token does not open what was asked for.
type TokenError struct {
	Code string  // as RFC 6750, section 3.1, and RFC 9470 call it
	Need *StepUp // what no API token proves; nil: it is something else
}

func (e *TokenError) Error() string { return "the API token does not open this: " + e.Code }

// The errors for API tokens. ErrToken is refused with status 401, the others with 403.
var (
	ErrToken      = &TokenError{Code: "invalid_token"}
	ErrTokenScope = &TokenError{Code: "insufficient_scope"}
	// ErrServiceAddress means that the app gets addresses under a name that apps take for an identity, and the service
	// account has none.
	ErrServiceAddress = errors.New("a service account has no address that the app could know it by")
)

// inAuthorization finds an API token in Authorization, in whatever scheme. Anything else in it is the app's.
func inAuthorization(r *http.Request) (c credential, present bool) {
	lines := r.Header["Authorization"]
	for _, line := range lines {
		token, basic, ours := readAuthorization(line)
		if !ours {
			continue
		}
		c.api = apiToken{ours: true, inAuthorization: true, basic: basic}
		if len(lines) == 1 { // else nobody knows which one counts
			c.api.token = token
		}
	}
	return c, c.api.ours
}

// readAuthorization reads a token as Bearer, as the password of Basic with any name, or as its name with no password.
func readAuthorization(line string) (t secret.APIToken, basic, ours bool) {
	scheme, value := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		scheme, value = line[:i], strings.TrimSpace(line[i:])
	}
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		t, ours = secret.ParseAPIToken(value)
		return t, false, ours || secret.HasAPIToken(line)
	case !strings.EqualFold(scheme, "Basic"):
		return "", false, secret.HasAPIToken(line)
	}
	name, password, _ := strings.Cut(decodeBasic(value), ":")
	byName, byPassword := secret.HasAPIToken(name), secret.HasAPIToken(password)
	switch {
	case byName && byPassword:
		return "", true, true
	case byPassword:
		t, _ = secret.ParseAPIToken(password)
	case byName && (password == "" || password == "x-oauth-basic"):
		t, _ = secret.ParseAPIToken(name)
	}
	return t, true, byName || byPassword || secret.HasAPIToken(value)
}

// decodeBasic reads what the most careless server could read: of either alphabet, with anything in between, and on
// behind a =.
func decodeBasic(value string) string {
	var out []byte
	for part := range strings.FieldsFuncSeq(strings.Map(base64Of, value), func(c rune) bool { return c == '=' }) {
		read, _ := base64.RawStdEncoding.DecodeString(part) // as far as it goes
		out = append(out, read...)
	}
	return string(out)
}

// base64Of is a character of the usual alphabet, or the mark of the end; negative: none.
func base64Of(c rune) rune {
	switch {
	case c == '-':
		return '+'
	case c == '_':
		return '/'
	case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/', c == '=':
		return c
	}
	return -1
}

// inTokenHeader finds an API token in the header of its own.
func inTokenHeader(r *http.Request) (c credential, present bool) {
	lines := r.Header[tokenHeader]
	if len(lines) == 0 {
		return c, false
	}
	c.api.ours = true
	if len(lines) == 1 {
		c.api.token, _ = secret.ParseAPIToken(strings.TrimSpace(lines[0]))
	}
	return c, true
}

// inAddress finds an API token in the path or the query, where none is ever accepted: addresses are logged.
func inAddress(r *http.Request) (c credential, present bool) {
	c.api.ours = secret.HasTrueAPIToken(r.RequestURI)
	return c, c.api.ours
}

// keyHeaders are where programs put keys of other systems. An API token there is a mistake, and the app would see it.
var keyHeaders = [...]string{"X-Api-Key", "X-Api-Token", "Api-Key", "X-Auth-Token", "X-Access-Token", "Private-Token",
	"Proxy-Authorization", "Sec-Websocket-Protocol"}

// inKeyHeader finds an API token in a header of another meaning, where none is ever accepted.
func inKeyHeader(r *http.Request) (c credential, present bool) {
	for _, name := range keyHeaders {
		c.api.ours = c.api.ours || slices.ContainsFunc(r.Header[name], secret.HasTrueAPIToken)
	}
	return c, c.api.ours
}

// identifyToken is identify for a request with an API token. One that does not count is refused on a public path, too.
func (p *Proxy) identifyToken(x *exchange, r *http.Request, access Access, c credential) (status int, err error) {
	if c.api.token == "" || !x.app.apiPaths.Have(r.Method, x.target.path) || c.api.basic && x.app.fromOtherSite(r) {
		return http.StatusUnauthorized, ErrToken
	}
	if isWebSocket(r.Header) && !x.app.isOriginOf(r) {
		return http.StatusForbidden, ErrOrigin
	}
	var found session.Session
	switch err := p.lookUp(x, r, &c, false, &found); {
	case errors.Is(err, session.ErrNoSession):
		return http.StatusUnauthorized, ErrToken
	case err != nil:
		return statusOf(err), err
	}
	if err := p.reaches(x.app, found, r.Method, x.target.path, access); err != nil {
		return http.StatusForbidden, err
	}
	x.session, x.signedIn, x.ownAuthorization = found, true, c.api.inAuthorization
	return 0, nil
}

// reaches says why an API token that counts does not open a path; nil: it does.
func (p *Proxy) reaches(a *app, v session.Session, method, path string, access Access) error {
	if !p.narrowed.have(v.Grant.Rules, method, path) {
		return ErrTokenScope
	}
	if a.renamesEmail && v.User.IsService() {
		return ErrServiceAddress
	}
	lacking := access.lacking(v)
	switch {
	case lacking == nil || access.Public:
		return nil
	case lacking.refusal != nil:
		return lacking.refusal
	}
	return &TokenError{Code: "insufficient_user_authentication", Need: access.stepUp()}
}

// fromOtherSite reports whether a browser says that the page of another site asks. It sends the name and the password
// of an address by itself. To plain http beyond this machine it says so in Origin alone.
func (a *app) fromOtherSite(r *http.Request) bool {
	site, origins := r.Header["Sec-Fetch-Site"], r.Header["Origin"]
	return len(site) > 0 && site[0] != "same-origin" && site[0] != "none" ||
		!comesFrom(origins, a.origins...) && !comesFrom(origins, a.names...)
}

// byBrowser reports whether a browser may ask, and not for a page. To plain http beyond this machine it sends no
// Sec-Fetch-Mode, but mostly one of the others.
func (a *app) byBrowser(r *http.Request) bool {
	if len(r.Header["Sec-Fetch-Mode"]) > 0 || len(r.Header["Origin"]) > 0 || len(r.Header["X-Requested-With"]) > 0 {
		return true
	}
	from, err := url.Parse(r.Header.Get("Referer"))
	return err == nil && from.Host != "" && (isAt(r.Host, from) || isOneOf(from, a.names))
}

// challenge tells a client whose request is refused how API tokens are presented, and what is wrong with its own. Git
// and others send nothing before they are asked for Basic. A browser would show a window for that, so none is asked.
func (p *Proxy) challenge(x *exchange, r *http.Request, status int, err error) {
	wrong, isToken := errors.AsType[*TokenError](err)
	if !isToken && (status != http.StatusUnauthorized || x.presented || !errors.Is(err, session.ErrNoSession)) {
		return
	}
	browser := x.app.byBrowser(r) || !isToken && p.c.Navigating(r)
	taken := x.app.apiPaths.Have(r.Method, x.target.path)
	realm := strconv.Quote(x.app.public.Host)
	bearer := "Bearer realm=" + realm
	if isToken {
		bearer += wrong.parameters()
	}
	if isToken || taken && !browser {
		x.Header()["Www-Authenticate"] = []string{bearer}
	}
	if status == http.StatusUnauthorized && taken && !browser {
		x.Header().Add("Www-Authenticate", "Basic realm="+realm+`, charset="UTF-8"`)
	}
}

func (e *TokenError) parameters() string {
	s := ", error=" + strconv.Quote(e.Code)
	if e.Need == nil {
		return s
	}
	if e.Need.Level > 0 {
		s += `, acr_values="` + strconv.Itoa(e.Need.Level) + `"`
	}
	if e.Need.MaxAge > 0 {
		s += ", max_age=" + strconv.Itoa(int(e.Need.MaxAge.Seconds()))
	}
	return s
}
