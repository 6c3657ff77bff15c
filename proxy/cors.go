package proxy

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/publicsuffix"
)

// CORS says which pages of other origins may read what the app answers, by path. It is the one exception to the rule
// that no header of the gate's is on the app's answers. The zero value lets none.
type CORS struct{ paths []corsPath }

// corsPath is a prefix, with its origins as browsers write them.
type corsPath struct {
	prefix  prefixes
	origins []corsOrigin
}

type corsOrigin struct {
	value []string // of the header; never modified
	// credentials says that the page may send the cookie: browsers send it for a page of the same site only.
	credentials bool
}

// With returns a CORS that has a prefix more, in whole segments, for pages of some origins. Of several prefixes of a
// path the longest decides.
func (c CORS) With(prefix string, public *url.URL, origins ...*url.URL) CORS {
	p := corsPath{prefix: prefixes{prefix}}
	for _, o := range origins {
		p.origins = append(p.origins, corsOrigin{[]string{o.Scheme + "://" + o.Host}, SameSite(o, public)})
	}
	c.paths = append(slices.Clone(c.paths), p)
	slices.SortStableFunc(c.paths, func(a, b corsPath) int { return len(b.prefix[0]) - len(a.prefix[0]) })
	return c
}

// SameSite reports whether browsers take two origins for one site: of one scheme, and of one registrable domain. Only
// then do they send a cookie that is SameSite=Lax.
func SameSite(a, b *url.URL) bool {
	if a.Scheme != b.Scheme {
		return false
	}
	one, other := strings.ToLower(a.Hostname()), strings.ToLower(b.Hostname())
	if one == other {
		return true
	}
	if _, err := netip.ParseAddr(one); err == nil {
		return false
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(one)
	theirs, err2 := publicsuffix.EffectiveTLDPlusOne(other)
	return err == nil && err2 == nil && domain == theirs
}

// crossing is what is said to the browser about a request below a prefix of CORS.
type crossing struct {
	on     bool        // the path lies below a prefix
	origin *corsOrigin // nil: the request comes from none that may
}

// crossingOf finds the prefix and the origin of a request.
func (c CORS) crossingOf(r *http.Request, rawPath string) (x crossing) {
	for i := range c.paths {
		p := &c.paths[i]
		if !p.prefix.have(rawPath) {
			continue
		}
		origins := r.Header["Origin"]
		for j := range p.origins {
			if len(origins) == 1 && origins[0] == p.origins[j].value[0] {
				return crossing{true, &p.origins[j]}
			}
		}
		return crossing{on: true}
	}
	return crossing{}
}

var (
	varyOrigin  = []string{"Origin"} // like the others, never modified
	varyAsked   = []string{"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
	corsTrue    = []string{"true"}
	corsFor     = []string{"600"} // seconds
	corsExposed = []string{"Retry-After, WWW-Authenticate, X-Request-Id"}
)

// mark writes on an answer who may read it.
func (c crossing) mark(h http.Header) {
	if !c.on {
		return
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), varyOrigin...)
	if c.origin == nil {
		return
	}
	h["Access-Control-Allow-Origin"] = c.origin.value
	if c.origin.credentials {
		h["Access-Control-Allow-Credentials"] = corsTrue
	}
}

// markOwn is mark for an answer of the gate's, with what a script has to read of it.
func (c crossing) markOwn(h http.Header) {
	if c.mark(h); c.origin != nil {
		h["Access-Control-Expose-Headers"] = corsExposed
	}
}

// replace is mark for an answer of the app's. What the app says about it itself does not count, except which of its
// headers a script may read.
func (c crossing) replace(h http.Header) {
	if !c.on {
		return
	}
	exposed := h["Access-Control-Expose-Headers"]
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	if c.mark(h); c.origin != nil && len(exposed) > 0 {
		h["Access-Control-Expose-Headers"] = exposed
	}
}

// isPreflight reports whether a request is the question that a browser asks before one of another origin's page, below
// a prefix of CORS.
func (c crossing) isPreflight(r *http.Request) bool {
	return c.on && r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 &&
		len(r.Header["Access-Control-Request-Method"]) == 1
}

// answerPreflight answers that question. It has no credentials, and the answer says nothing about whether the request
// itself may pass.
func (p *Proxy) answerPreflight(x *exchange, r *http.Request) {
	h, method := x.Header(), r.Header["Access-Control-Request-Method"]
	if c := x.crossing; c.origin != nil && httpguts.ValidHeaderFieldName(method[0]) && !refusedMethod(method[0]) {
		c.mark(h)
		h["Access-Control-Allow-Methods"] = method
		if asked := headersAsked(r.Header["Access-Control-Request-Headers"]); asked != "" {
			h["Access-Control-Allow-Headers"] = []string{asked}
		}
		h["Access-Control-Max-Age"] = corsFor
	}
	h["Vary"] = varyAsked
	x.outcome = outcomeOwn
	dropBody(x, r)
	x.WriteHeader(http.StatusNoContent)
}

// headersAskedMost is in bytes.
const headersAskedMost = 4 << 10

// headersAsked are the names that a browser asks for, where each is one; else none. Which of them reach the app is
// decided as for every request.
func headersAsked(lines []string) string {
	asked := strings.Join(lines, ",")
	if asked == "" || len(asked) > headersAskedMost {
		return ""
	}
	for name := range strings.SplitSeq(asked, ",") {
		if !httpguts.ValidHeaderFieldName(strings.Trim(name, " \t")) {
			return ""
		}
	}
	return asked
}
