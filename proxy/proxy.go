// Package proxy is the reverse proxy of the gate. It judges every request, and answers it with a page of the
// gate's, refuses it, or forwards it to the app with the identity of the signed-in user.
//
// It decides on the bytes that it forwards. The meaning of a path to the app is not known here. So the rules judge
// every plausible reading of it (reading.go), and the app gets exactly the bytes that were judged.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
)

// Config is the configuration of a Proxy. All fields are required unless they say otherwise.
type Config struct {
	// Upstream is the app. The zero value is none: then whatever is no page of the gate's is not found, and the app is
	// behind another proxy, which asks ForwardAuth.
	Upstream Upstream
	// UpstreamTimeout is the longest wait for the first byte of the app's answer. Nothing is timed after that.
	UpstreamTimeout time.Duration
	// UpstreamConnAge is the greatest age of a connection to the app that gets another request; 0 for no limit.
	UpstreamConnAge time.Duration
	// PublicURL is the origin that visitors type. The app gets it as X-Forwarded-Host and X-Forwarded-Proto, and a
	// WebSocket handshake with the session cookie must come from it.
	PublicURL *url.URL
	// Aliases are other origins of the site, from which pages are redirected to PublicURL; empty for none.
	Aliases []*url.URL
	// Origins are those of them whose pages may also open a WebSocket with the session cookie; empty for none.
	Origins []*url.URL
	// Rules say what paths need. The zero value leaves every path public.
	Rules Rules
	// Tokens say which requests take API tokens. The zero value: none.
	Tokens TokenPaths
	// Identity is the headers that tell the app who is signed in.
	Identity Identity
	// Cookie is the session cookie.
	Cookie session.Cookie
	// TrustedProxies are the peers whose X-Forwarded-For and X-Request-Id are believed; empty for none. Clients in
	// such a network can choose the address that they count as.
	TrustedProxies []netip.Prefix

	// Forwarded are headers of TrustedProxies that the app gets. The zero value is none.
	Forwarded Forwarded
	// PassivePaths are prefixes, in whole segments, of paths whose requests are no use of a session, as those that a
	// page makes by itself. A path that is not plain counts.
	PassivePaths []string
	// CrossSitePaths are raw paths to which other sites may send forms as the visitor. Empty for none.
	CrossSitePaths []string
	// CrossSite answers such a form with a page that sends it once more, from this site.
	CrossSite http.Handler
	// ProviderTokens gives the app tokens of providers. The zero value gives none.
	ProviderTokens ProviderTokens
	// Assertions are signed tokens of who is signed in. The zero value gives none.
	Assertions Assertions
	// CORS says which pages of other origins may read the app's answers. The zero value lets none.
	CORS CORS

	// HSTS is the Strict-Transport-Security of answers that have none (RFC 6797); empty for none. It binds the host
	// for its max-age, whatever is served there later.
	HSTS string

	// Page returns the handler of a raw path that is a page of the gate's, and nil for a path of the app's.
	Page func(rawPath string) http.Handler
	// Shown is how the log shows a raw path of the gate's, without the secret that it may have. When nil, as it is.
	Shown func(rawPath string) string
	// Closed says why the app gets no requests now; nil: it gets them. It is asked for each request that the app would
	// get, and its error goes to Refuse with status 503. When Closed is nil, the app gets all.
	Closed func() error
	// ClosedRoles are roles of those whose requests it gets nevertheless. Empty: nobody's.
	ClosedRoles []string
	// LeadsBack reports whether a page of the gate's redirects signed-in visitors to the app. When nil, login loops
	// are not detected.
	LeadsBack func(rawPath string) bool
	// Refuse answers a request that is not forwarded. The status is 401 for a visitor who is not signed in.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, err error)
	// Navigating reports whether a browser is loading a page, as opposed to a script or a program that asks for
	// data.
	Navigating func(*http.Request) bool

	// Log gets one line for each request. Default: slog.Default().
	Log *slog.Logger
	// Lines writes most request lines to the same place at a lower cost. The zero value leaves all to Log.
	Lines Lines
	// Metrics registers the metrics. When nil, they are counted and not registered.
	Metrics prometheus.Registerer
}

// Proxy is the gate as an http.Handler. It must not be behind an http.ServeMux, which redirects paths that it would
// clean.
type Proxy struct {
	c        Config
	sessions *session.Reader
	forward  *httputil.ReverseProxy
	apps     []*app
	// appOf returns the app of a request, or nowhere. It is called before anything else reads the request.
	appOf     func(*http.Request) *app
	metrics   *metrics
	streams   streams
	waiting   waiting
	loudness  loudness
	ties      ties
	trails    trails
	narrowed  narrowed
	loops     sync.Once // logs a login loop once
	moves     trails    // redirects to the public URL
	rewrites  sync.Once // logs a proxy that replaces Host once
	via       []string  // the gate's own id, as the value of a header
	misfits   sync.Once // logs a provider's token that is no value of a header once
	untrusted sync.Once // logs the hint about an X-Forwarded-For that is not believed once
}

// New returns a Proxy in front of the app that uses the sessions of a Reader. Close must be called in the end.
func New(c Config, sessions *session.Reader) *Proxy {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	only := newApp(c, sessions) // there is one app for all hosts today
	p := &Proxy{c: c, sessions: sessions, metrics: newMetrics(c.Metrics), apps: []*app{only},
		appOf: func(*http.Request) *app { return only }, via: []string{newGateID()}}
	p.waiting.hold = p.holdWaiting
	p.forward = p.newReverseProxy()
	p.loudness.say = p.hush
	return p
}

// Close ends idle connections to the apps, and logs what is left to log.
func (p *Proxy) Close() {
	for _, a := range p.apps {
		a.transport.CloseIdleConnections()
	}
	p.loudness.end()
}

// ErrOrigin means that a WebSocket handshake with the session cookie came from the page of another site. It is
// refused with status 403: browsers send the cookie with it, and let the page read what comes back.
var ErrOrigin = errors.New("a WebSocket handshake with a session came from another origin")

// ServeHTTP serves a request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := p.begin(w, r, p.c.TrustedProxies)
	defer p.end(x)
	p.serve(x, r)
}

// serve does with a request what judge says.
func (p *Proxy) serve(x *exchange, r *http.Request) {
	switch v := p.judge(x, r); {
	case v.allow:
		p.serveUpstream(x, r)
	case v.page != nil:
		p.servePage(x, r, v.page)
	case v.preflight:
		p.answerPreflight(x, r)
	case v.move:
		p.toPublicURL(x, r)
	case v.closed:
		p.refuseClosed(x, r, v.err)
	default:
		p.refuse(x, r, v.status, v.err)
	}
}

// identify finds the session of a request and decides whether it may pass. On a public path a session only adds
// identity, and a missing or invalid one refuses nobody.
func (p *Proxy) identify(x *exchange, r *http.Request, access Access) (status int, err error) {
	presented, present, err := x.app.credentialIn(r)
	x.presented = present
	if err != nil {
		return http.StatusBadRequest, err
	}
	if presented.api.ours {
		return p.identifyToken(x, r, access, presented)
	}
	if !present && !access.Public {
		return http.StatusUnauthorized, session.ErrNoSession
	}
	if !present {
		return 0, nil
	}
	if isWebSocket(r.Header) && !x.app.isOriginOf(r) {
		return http.StatusForbidden, ErrOrigin
	}
	var found session.Session
	err = p.lookUp(x, r, &presented, access.Public, &found)
	if err == nil && presented.imported.Claims() && !access.Public && isGet(r.Method) && p.c.Navigating(r) {
		return http.StatusSeeOther, session.ErrMove
	}
	if err == nil {
		if lacking := access.lacking(found); lacking != nil && !access.Public {
			return lacking.status, access.refusalOf(lacking)
		}
		x.session, x.signedIn = found, true
		return 0, nil
	}
	if access.Public {
		x.err = unlessNoSession(err)
		return 0, nil
	}
	return statusOf(err), err
}

// statusOf is the status of a request whose session could not be looked up. Only 503 asks the client to come back.
func statusOf(err error) int {
	switch {
	case errors.Is(err, session.ErrNoSession):
		return http.StatusUnauthorized
	case errors.Is(err, share.ErrCrowded):
		return http.StatusTooManyRequests
	case errors.Is(err, database.ErrUnavailable), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func unlessNoSession(err error) error {
	if errors.Is(err, session.ErrNoSession) {
		return nil
	}
	return err
}

// isOriginOf checks the Origin of a WebSocket handshake. Browsers always send it. A program without it has no user
// whom another site could trick.
func (a *app) isOriginOf(r *http.Request) bool {
	return comesFrom(r.Header["Origin"], a.origins...)
}

func isGet(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// servePage serves a page of the gate's.
func (p *Proxy) servePage(x *exchange, r *http.Request, page http.Handler) {
	x.class, x.outcome, x.hidden = classOwn, outcomeOwn, p.shown(x.target.path)
	asOwn(x, r)
	page.ServeHTTP(x, r)
}

// asOwn prepares a request for one of the gate's pages, which finds the client's address and the request id in the
// usual places.
func asOwn(x *exchange, r *http.Request) {
	dropBody(x, r) // a handler that reads a form sets its own limit
	r.Header.Set("X-Request-Id", x.id)
	r.RemoteAddr = netip.AddrPortFrom(x.client, 0).String()
}

func (p *Proxy) shown(rawPath string) string {
	if p.c.Shown == nil {
		return rawPath
	}
	return p.c.Shown(rawPath)
}

func (p *Proxy) serveUpstream(x *exchange, r *http.Request) {
	x.outcome = outcomeForwarded
	defer cleanTrailers(x.Header())
	ctx := withExchange(r.Context(), x)
	if r.ContentLength == 0 {
		if x.signedIn {
			var cancel func()
			ctx, cancel = x.stoppable(ctx)
			defer cancel()
			p.waiting.add(x)
		}
		p.forward.ServeHTTP(x, forReverseProxy(ctx, r))
		x.headers.giveBack()
		return
	}
	ctx, x.body = watchBody(ctx, r.Body, x.app.timeout)
	defer x.body.stop()
	p.holdUpload(x, r.ContentLength)
	// The app may answer while it still reads the body, and the client may wait for the answer.
	_ = http.NewResponseController(x).EnableFullDuplex() // HTTP/2 needs no enabling
	out := forReverseProxy(ctx, r)
	// r itself must keep its body: the server reads what is left of r.Body, and would otherwise take it for the
	// next request.
	out.Body = x.body
	p.forward.ServeHTTP(x, out)
}

// forReverseProxy is the request that ReverseProxy gets: with headers only if it is the handshake of a WebSocket. So no
// other request becomes a tunnel, as h2c and the like would, which no rule judges.
func forReverseProxy(ctx context.Context, r *http.Request) *http.Request {
	out := r.WithContext(ctx)
	if !isWebSocket(r.Header) {
		out.Header = nil
	}
	return out
}

// unreadTimeout limits the wait for a body that is not read. The server reads some of it before it sends the gate's
// answer, so that the client is ready to read that.
const unreadTimeout = time.Second

func dropBody(x *exchange, r *http.Request) {
	if r.ContentLength != 0 {
		// Not every connection has a deadline.
		_ = http.NewResponseController(x).SetReadDeadline(time.Now().Add(unreadTimeout))
	}
}

func (p *Proxy) refuse(x *exchange, r *http.Request, status int, err error) {
	x.outcome, x.err = outcomeOf(status), err
	if errors.As(err, new(*StepUp)) {
		x.outcome = outcomeForbidden
	}
	if r.Context().Err() != nil {
		x.outcome, x.status = outcomeClientGone, statusClientGone
		return
	}
	asOwn(x, r)
	p.challenge(x, r, status, err)
	x.crossing.markOwn(x.Header())
	p.c.Refuse(x, r, status, err)
}
