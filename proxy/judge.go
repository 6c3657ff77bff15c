package proxy

import (
	"net/http"
	"slices"
)

// decision is what becomes of a request. The zero value refuses it.
type decision struct {
	allow     bool         // the app gets it, as the exchange says who is signed in
	page      http.Handler // a page of the gate's answers it
	move      bool         // it is redirected to the public URL
	preflight bool         // it is the question of a browser, whether a page of another origin may ask
	closed    bool         // it is refused because the site is closed
	// status and err are those of a request that is refused.
	status int
	err    error
}

func refusal(status int, err error) decision { return decision{status: status, err: err} }

// judge decides about a request, and notes in the exchange what it was decided by. It answers nothing. No other code
// decides whether a request gets to the app.
func (p *Proxy) judge(x *exchange, r *http.Request) decision {
	if x.app == nowhere {
		return refusal(http.StatusNotFound, errNoApp)
	}
	if x.passed = passed(r.Header); slices.Contains(x.passed, p.via[0]) {
		return refusal(http.StatusLoopDetected, errLoop)
	}
	if refusedMethod(r.Method) {
		return refusal(http.StatusMethodNotAllowed, errMethod)
	}
	t, err := parseTarget(r, x.app.names...)
	if err != nil {
		return refusal(http.StatusBadRequest, err)
	}
	x.target = t
	if p.atOtherName(x, r) {
		return decision{move: true}
	}
	if page := p.c.Page(t.path); page != nil {
		return decision{page: page}
	}
	if x.dialect == nil && x.app.upstream.none() {
		return refusal(http.StatusNotFound, errNoUpstream)
	}
	access := x.app.rules.For(r.Method, t.path)
	if access.Withheld {
		x.hidden = p.shown(t.path)
		return refusal(http.StatusNotFound, ErrWithheld)
	}
	x.access, x.class = access, classOf(access)
	if x.dialect == nil {
		if x.crossing = x.app.cors.crossingOf(r, t.path); x.crossing.isPreflight(r) {
			return decision{preflight: true}
		}
	}
	return p.judgeVisitor(x, r)
}

// judgeVisitor decides whether the visitor meets what the rules ask for, and whether the app gets requests now.
func (p *Proxy) judgeVisitor(x *exchange, r *http.Request) decision {
	closed := p.closed()
	if closed != nil && len(p.c.ClosedRoles) == 0 {
		return decision{closed: true, err: closed}
	}
	if closed == nil && p.fromElsewhere(x, r) {
		return decision{page: p.c.CrossSite}
	}
	status, err := p.identify(x, r, x.access)
	if closed != nil && !x.passesClosed(p.c.ClosedRoles) {
		return decision{closed: true, err: closed}
	}
	if err != nil {
		return refusal(status, err)
	}
	if status, err := p.assert(x, r); err != nil {
		return refusal(status, err)
	}
	p.findProviderToken(x, r)
	return decision{allow: true}
}

// tell writes the headers that tell the app about the visitor. What a client may not send has to be removed before.
func (x *exchange) tell(h http.Header) {
	if x.signedIn {
		x.app.identity.set(h, &x.session)
	}
	x.tellToken(h)
	if x.assertion != nil {
		h[x.app.assertions.Header] = x.assertion
	}
	if x.providerToken != "" {
		h[providerTokenHeader] = []string{string(x.providerToken)}
	}
}
