package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/gatepost/gatepost/auth/session"
)

// Identity is the headers that tell the app who is signed in, and so the headers that no client may send.
type Identity struct {
	headers []identityHeader
	// stripped are folded names, and prefixes folded beginnings of names.
	stripped map[string]struct{}
	// chosen sends usernames that users chose.
	chosen bool
}

type identityHeader struct {
	name       string
	attributes []string
	named      bool // the username is among them
	value      func(*session.Session) string
}

// maxNameHeader limits the name, the one attribute that a user chooses, so that a name set by SQL stays within the
// limits of the app's server.
const maxNameHeader = 100 // in characters

// wellKnown are the default names of the identity headers, and other headers that apps may believe although any
// client can send them. Only the gate may set these.
var wellKnown = []string{
	"X-Auth-User", "X-Auth-Email", "X-Auth-Email-Verified", "X-Auth-Name", "X-Auth-Roles",
	"X-Kratos-Authenticated-Identity-Id", "GAP-Auth", "GAP-Signature",
	// reserved for later versions of the gate. Other X-Auth-* headers, such as X-Auth-Token and X-Auth-Key, are the
	// app's.
	"X-Auth-Actor", "X-Auth-Session", "X-Auth-Groups", "X-Auth-Username", "X-Auth-Level", "X-Auth-Time",
	"X-Auth-Methods", "X-Auth-Scope", providerTokenHeader,
	"X-Auth-Token-Id", "X-Auth-Assertion", "X-Gatepost",
	// client address, target host, route
	"X-Request-Id", "X-Real-IP", "X-Client-IP", "Client-IP", "X-Cluster-Client-IP",
	"True-Client-IP", "X-Originating-IP",
	"X-Original-Forwarded-For", "X-Original-Host", "X-Host", "X-HTTP-Host-Override", "Forwarded", "Via", "Proxy",
	// target or method other than the judged one
	"X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X-Rewrite-URI", "X-Envoy-Original-Path",
	"X-Matched-Path", "X-Now-Route-Matches",
	"X-Original-Method", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override",
	// mount points, which gunicorn and others take from a proxy
	"Script-Name", "X-Script-Name", "Path-Info", "X-Path-Info",
	// safety of the connection, files that a proxy would serve
	"Front-End-Https", "X-Scheme", "X-Url-Scheme", "X-Sendfile-Type", "X-Accel-Mapping",
}

// wellKnownPrefixes are folded beginnings of names of header families: identity headers of other gateways, clouds
// and tunnels, Remote-*, X-Forwarded-*, and internal headers of frameworks, such as X-Middleware-*.
var wellKnownPrefixes = []string{
	"remote", "xforwarded", "xauthrequest", "xauthenticated", "xremote", "xwebauth", "xauthentik",
	"xpomerium", "xtoken", "xvouch",
	"xmiddleware", "xinvoke", "xastro", reserved,
	"cfaccess", "xgoogauthenticated", "xgoogiap", "xmsclientprincipal", "xamznoidc", "tailscale", "xauthelia",
}

// reserved is the folded beginning of headers between gates, and between a gate and an app.
const reserved = "xgatepost"

// prefixInitials are the first letters of the prefixes. Most headers need no further comparison.
var prefixInitials = func() (initials string) {
	for _, p := range wellKnownPrefixes {
		initials += p[:1]
	}
	return initials
}()

// lookAlikes maps folded names to the only right spelling. A careless server reads another spelling, such as
// Content_Length, as the real header, which the gate and Go's server did not see.
var lookAlikes = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"Host", "Cookie", "Authorization", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection",
		"Keep-Alive", "Upgrade",
		"Expect", "Te", "Trailer", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode",
	} {
		m[foldName(name)] = name
	}
	return m
}()

// ParseIdentity reads "Header=attribute, …", with formats and templates as parseValue has them, and a list of further
// headers to strip. Its error has every fault.
func ParseIdentity(headers, strip string) (Identity, error) {
	id := Identity{stripped: map[string]struct{}{}}
	var faults []error
	for entry := range strings.SplitSeq(headers, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		if err := id.add(entry); err != nil {
			faults = append(faults, fmt.Errorf("GATEPOST_IDENTITY_HEADERS: %q: %w", entry, err))
		}
	}
	if len(id.headers) == 0 && len(faults) == 0 {
		faults = append(faults, fmt.Errorf("GATEPOST_IDENTITY_HEADERS: %q names no header; "+
			"write it like X-Auth-User=id", headers))
	}
	for name := range strings.SplitSeq(strip, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !httpguts.ValidHeaderFieldName(name) || slices.Contains(framing, foldName(name)) {
			faults = append(faults, fmt.Errorf("GATEPOST_STRIP_HEADERS: %q is not the name of a header that can be "+
				"removed", name))
		}
		id.stripped[foldName(name)] = struct{}{}
	}
	for _, name := range wellKnown {
		id.stripped[foldName(name)] = struct{}{}
	}
	return id, errors.Join(faults...)
}

func (id *Identity) add(entry string) error {
	name, written, ok := strings.Cut(entry, "=")
	name, written = strings.TrimSpace(name), strings.TrimSpace(written)
	if !ok {
		return errors.New("write it like X-Auth-User=id")
	}
	if err := checkHeaderName(name); err != nil {
		return err
	}
	value, carried, err := parseValue(written)
	if err != nil {
		return err
	}
	if _, dup := id.stripped[foldName(name)]; dup {
		return errors.New("another entry sets a header that apps cannot tell from this one")
	}
	id.stripped[foldName(name)] = struct{}{}
	id.headers = append(id.headers, identityHeader{textproto.CanonicalMIMEHeaderKey(name), carried,
		slices.Contains(carried, "username"), value})
	return nil
}

// ownHeaders have another meaning to the gate or to HTTP, so that no identity header may have their name.
var ownHeaders = []string{
	"host", "cookie", "setcookie", "connection", "upgrade", "contentlength", "contenttype", "transferencoding", "te",
	"trailer", "keepalive", "expect", "authorization", "accept", "xrequestid", "xforwardedfor", "xforwardedhost",
	"xforwardedproto", "xgatepostvia", "origin", "referer", "useragent", "range", "date",
}

// framing are headers that no request can do without, so that they cannot be stripped.
var framing = []string{"", "host", "connection", "upgrade", "contentlength", "transferencoding"}

func checkHeaderName(name string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name) || foldName(name) == "":
		return fmt.Errorf("%q is not a header name", name)
	case slices.Contains(ownHeaders, foldName(name)):
		return fmt.Errorf("%s has another use; choose a name like X-Auth-User", name)
	}
	return nil
}

// Renames reports whether an attribute is sent under a header other than the given one.
func (id Identity) Renames(attribute, header string) bool {
	return slices.ContainsFunc(id.headers, func(h identityHeader) bool {
		return h.carries(attribute) && foldName(h.name) != foldName(header)
	})
}

// Carries reports whether an attribute is sent.
func (id Identity) Carries(attribute string) bool {
	return slices.ContainsFunc(id.headers, func(h identityHeader) bool { return h.carries(attribute) })
}

// Doubts are headers that are valid and may not be what the operator meant.
func (id Identity) Doubts() (list []string) {
	for _, h := range id.headers {
		identifies := slices.ContainsFunc(h.attributes, func(a string) bool { return attributes[a].identifies })
		if h.carries("name") && !identifies && strings.HasSuffix(foldName(h.name), "user") {
			list = append(list, fmt.Sprintf("GATEPOST_IDENTITY_HEADERS: %s is for who somebody is, and two people may have "+
				"the same name, which they choose: send id, email or username there", h.name))
		}
	}
	return list
}

// WithChosenUsernames returns an Identity that also sends usernames that users chose. Without it a user with one is
// to the app as one without: whoever may sign up could have chosen a name that says more to the app.
func (id Identity) WithChosenUsernames() Identity {
	id.chosen = true
	return id
}

// strips reports whether a client may not send a header, in any spelling. Servers that pass headers as variables to
// scripts read -, _ and . as the same.
func (id *Identity) strips(name string) bool {
	var buf [64]byte
	folded := appendFolded(buf[:0], name)
	right, ok := lookAlikes[string(folded)]
	return ok && right != name || id.isStripped(folded)
}

// dropReserved deletes reserved headers from the app's answers, also from trailers.
func dropReserved(h http.Header) {
	for name := range h {
		if isReserved(strings.TrimPrefix(name, http.TrailerPrefix)) {
			delete(h, name)
		}
	}
}

// isReserved reports whether a name begins with reserved once it is folded. Most names differ in the first letter.
func isReserved(name string) bool {
	matched := 0
	for i := 0; i < len(name) && matched < len(reserved); i++ {
		switch c, counts := folded(name[i]); {
		case !counts:
		case c != reserved[matched]:
			return false
		default:
			matched++
		}
	}
	return matched == len(reserved)
}

func (id *Identity) isStripped(folded []byte) bool {
	if _, ok := id.stripped[string(folded)]; ok {
		return true
	}
	if len(folded) == 0 || strings.IndexByte(prefixInitials, folded[0]) < 0 {
		return false
	}
	for _, prefix := range wellKnownPrefixes {
		if len(folded) > len(prefix) && string(folded[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// set writes the identity headers, but those with the username of a user without one: what stands around it would be
// the same for all of them. It must be called last, when no header of the client's can remove them any more.
func (id *Identity) set(h http.Header, v *session.Session) {
	values := make([]string, len(id.headers))
	for i, ih := range id.headers {
		if ih.named && (v.User.Username == "" || v.User.UsernameChosen && !id.chosen) {
			continue
		}
		values[i] = ih.value(v)
		h[ih.name] = values[i : i+1 : i+1]
	}
}

func foldName(name string) string { return string(appendFolded(nil, name)) }

// appendFolded appends the letters of a name, in lower case, and its digits.
func appendFolded(dst []byte, name string) []byte {
	for i := range len(name) {
		if c, counts := folded(name[i]); counts {
			dst = append(dst, c)
		}
	}
	return dst
}

// folded returns a letter in lower case, or a digit. No other byte counts.
func folded(c byte) (lower byte, counts bool) {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c, true
	case 'A' <= c && c <= 'Z':
		return c + ('a' - 'A'), true
	}
	return 0, false
}

const upperHex = "0123456789ABCDEF"

// encode writes text so that any header parser accepts it and leaves it as it is: printable ASCII unchanged, %, a blank
// at either end and everything else as percent-encoded UTF-8, which decodeURIComponent decodes.
func encode(s string) string {
	n := 0
	for i := range len(s) {
		if !stays(s, i) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	out := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; stays(s, i) {
			out = append(out, c)
		} else {
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(out)
}

// stays reports whether a byte of a text is written as it is. Parsers cut blanks off at the ends of a value.
func stays(s string, i int) bool {
	c := s[i]
	return ' ' <= c && c <= '~' && c != '%' && (c != ' ' || 0 < i && i < len(s)-1)
}

func cutRunes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit {
			return s[:i]
		}
		n++
	}
	return s
}
