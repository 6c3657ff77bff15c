// Package proxy is the front door: every request enters here, is judged, and is answered by our own pages, refused, or
// forwarded to the app with the identity of whoever is signed in.
//
// It decides on the bytes it forwards. What a path means to the app is not known here, so the rules judge every
// plausible reading of it (reading.go), and the app receives exactly the bytes that were judged.
package proxy

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
)

// Config is what a Proxy needs. All fields are required unless they say otherwise.
type Config struct {
	// Upstream is the app.
	Upstream Upstream
	// UpstreamTimeout is the longest wait for the first byte of the app's answer. Nothing is timed after that.
	UpstreamTimeout time.Duration
	// PublicURL is the origin people type. The app learns it as X-Forwarded-Host and -Proto, and a WebSocket
	// handshake that carries our cookie must come from it.
	PublicURL *url.URL
	// Rules say which paths need what. The zero value leaves every path public.
	Rules Rules
	// Identity is how the app is told who is there.
	Identity Identity
	// Cookie is the session cookie.
	Cookie session.Cookie
	// TrustedProxies are the peers whose X-Forwarded-For and X-Request-Id are believed. Empty: nobody's. A network
	// listed here that clients can connect from lets them choose the address they are known by.
	TrustedProxies []netip.Prefix

	// HSTS is the Strict-Transport-Security of answers that have none (RFC 6797). It binds the whole host, for as long as it says,
	// whatever comes to stand there. Empty: nothing is said.
	HSTS string

	// Page says which handler serves a raw path that is one of our own pages; nil: none, and it is the app's.
	Page func(rawPath string) http.Handler
	// LeadsBack says whether one of our pages sends a visitor who is signed in back to the app. Nil: loops are not
	// looked for.
	LeadsBack func(rawPath string) bool
	// Refuse answers a request that goes no further. Status is 401 for a visitor who is not signed in.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, err error)
	// Navigating says whether a browser is loading a page, as opposed to a script or a program asking for data.
	Navigating func(*http.Request) bool

	// Log receives one line for each request. Default: slog.Default().
	Log *slog.Logger
	// Lines writes most of them, where Log writes the others. The zero value leaves all to Log, which costs more.
	Lines Lines
	// Metrics registers what is counted. Nil: shown to nobody.
	Metrics prometheus.Registerer
}

// Proxy is the gate as an http.Handler. It must not stand behind an http.ServeMux, which redirects paths it would
// clean.
type Proxy struct {
	c         Config
	sessions  *session.Reader
	forward   *httputil.ReverseProxy
	app       *app
	finders   []finder // of credentials
	metrics   *metrics
	streams   streams
	loudness  loudness
	ties      ties
	trails    trails
	loops     sync.Once // a loop between the app's login and ours was logged
	publicIs  publicURL
	via       []string  // the gate's own id, the value of a header
	untrusted sync.Once // the hint about an X-Forwarded-For that is not believed was logged
}

// publicURL holds what each request compares with.
type publicURL struct {
	origin, host string
	hostname     string
	loopback     bool
	// hostHeader and schemeHeader are values of headers, which nobody changes.
	hostHeader, schemeHeader []string
}

// New makes a Proxy in front of the app, with the sessions of a Reader. Close it when done.
func New(c Config, sessions *session.Reader) *Proxy {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	p := &Proxy{c: c, sessions: sessions, metrics: newMetrics(c.Metrics), app: newApp(c), finders: []finder{inCookie(c.Cookie)}, via: []string{newGateID()}}
	u := c.PublicURL
	p.publicIs = publicURL{origin: u.Scheme + "://" + u.Host, host: u.Host, hostname: strings.ToLower(u.Hostname()), loopback: IsLoopback(u.Hostname()),
		hostHeader: []string{u.Host}, schemeHeader: []string{u.Scheme}}
	p.forward = p.newReverseProxy()
	p.loudness.say = p.hush
	return p
}

// Close ends idle connections to the app, and says what is left to log.
func (p *Proxy) Close() {
	p.app.transport.CloseIdleConnections()
	p.loudness.end()
}

var errOrigin = errors.New("a WebSocket handshake with a session came from another origin")

// ServeHTTP takes a request through the stations, each of which sees it once.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := p.begin(w, r)
	defer p.end(x)
	p.serve(x, r)
}

func (p *Proxy) serve(x *exchange, r *http.Request) {
	if x.passed = passed(r.Header); slices.Contains(x.passed, p.via[0]) {
		p.refuse(x, r, http.StatusLoopDetected, errLoop)
		return
	}
	if refusedMethod(r.Method) {
		p.refuse(x, r, http.StatusMethodNotAllowed, errMethod)
		return
	}
	t, err := parseTarget(r, p.c.PublicURL)
	if err != nil {
		p.refuse(x, r, http.StatusBadRequest, err)
		return
	}
	x.target = t
	if p.otherLoopbackName(r) {
		p.toPublicURL(x, t)
		return
	}
	if page := p.c.Page(t.path); page != nil {
		p.servePage(x, r, page)
		return
	}
	access := x.app.rules.For(r.Method, t.path)
	x.access, x.class = access, classOf(access)
	if status, err := p.identify(x, r, access); err != nil {
		p.refuse(x, r, status, err)
		return
	}
	p.serveUpstream(x, r)
}

// identify finds out who is there and whether they may pass. On public paths a session only adds identity, and its
// absence, for whatever reason, refuses nobody.
func (p *Proxy) identify(x *exchange, r *http.Request, access Access) (status int, err error) {
	presented, present, err := p.credentialIn(r.Header)
	if err != nil {
		return http.StatusBadRequest, err
	}
	if !present && !access.Public {
		return http.StatusUnauthorized, session.ErrNoSession
	}
	if !present {
		return 0, nil
	}
	if isWebSocket(r.Header) && !p.fromOurOrigin(r) {
		return http.StatusForbidden, errOrigin
	}
	lookup := p.sessions.LookupFor
	if access.Public {
		lookup = p.sessions.Glance
	}
	found, err := lookup(r.Context(), x.client, presented.token)
	switch {
	case err == nil && !access.Public && access.lacking(found) != nil:
		lacking := access.lacking(found)
		return lacking.status, lacking.refusal
	case err == nil:
		x.session, x.signedIn = found, true
		return 0, nil
	case access.Public:
		x.err = unlessNoSession(err)
		return 0, nil
	case errors.Is(err, session.ErrNoSession):
		return http.StatusUnauthorized, err
	case errors.Is(err, share.ErrCrowded):
		return http.StatusTooManyRequests, err
	case errors.As(err, new(*database.RefusedError)):
		return http.StatusInternalServerError, err // waiting does not help
	}
	return http.StatusServiceUnavailable, err
}

func unlessNoSession(err error) error {
	if errors.Is(err, session.ErrNoSession) {
		return nil
	}
	return err
}

// fromOurOrigin judges a handshake by its Origin. Browsers always send one; a program that sends none has no user
// who could be tricked.
func (p *Proxy) fromOurOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return len(origins) == 1 && err == nil && sameOrigin(u, p.c.PublicURL)
}

// otherLoopbackName catches a browser that opened 127.0.0.1 while the public URL says localhost, or the like: the
// cookie would belong to one name only.
func (p *Proxy) otherLoopbackName(r *http.Request) bool {
	if !p.publicIs.loopback || r.Host == p.publicIs.host || !isGet(r.Method) {
		return false
	}
	name := hostname(r.Host)
	return name != p.publicIs.hostname && IsLoopback(name) && p.c.Navigating(r)
}

func isGet(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func (p *Proxy) toPublicURL(x *exchange, t target) {
	x.outcome = outcomeRedirected
	x.Header().Set("Location", p.publicIs.origin+t.String())
	x.Header().Set("Cache-Control", "no-store")
	x.WriteHeader(http.StatusSeeOther)
}

// servePage hands over to our own pages, which learn the client's address and the request id where handlers look for
// them.
func (p *Proxy) servePage(x *exchange, r *http.Request, page http.Handler) {
	x.class, x.outcome = classOwn, outcomeOwn
	dropBody(x, r) // a form that is read sets its own limit
	r.Header.Set("X-Request-Id", x.id)
	r.RemoteAddr = netip.AddrPortFrom(x.client, 0).String()
	page.ServeHTTP(x, r)
}

func (p *Proxy) serveUpstream(x *exchange, r *http.Request) {
	x.outcome = outcomeForwarded
	defer cleanTrailers(x.Header())
	if !isWebSocket(r.Header) {
		delete(r.Header, "Upgrade") // h2c and the like would become a tunnel past the rules
	}
	ctx := withExchange(r.Context(), x)
	if r.ContentLength == 0 {
		p.forward.ServeHTTP(x, r.WithContext(ctx))
		return
	}
	ctx, x.body = watchBody(ctx, r.Body, x.app.timeout)
	defer x.body.stop()
	p.holdUpload(x, r.ContentLength)
	// The app may answer while it still reads, and the answer may be what the client waits for.
	_ = http.NewResponseController(x).EnableFullDuplex() // HTTP/2 needs no enabling
	out := r.WithContext(ctx)
	// Never on r itself: the server looks at r.Body for what is left unread, and would take it for the next request.
	out.Body = x.body
	p.forward.ServeHTTP(x, out)
}

// unreadTimeout bounds the wait for a body that nobody will read: the server takes some of it off the connection before
// it sends an answer of ours, so that the client is ready to listen.
const unreadTimeout = time.Second

func dropBody(x *exchange, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(x).SetReadDeadline(time.Now().Add(unreadTimeout)) // not every connection has one
	}
}

func (p *Proxy) refuse(x *exchange, r *http.Request, status int, err error) {
	x.outcome, x.err = outcomeOf(status), err
	if r.Context().Err() != nil {
		x.outcome, x.status = outcomeClientGone, statusClientGone
		return
	}
	dropBody(x, r)
	r.Header.Set("X-Request-Id", x.id)
	p.c.Refuse(x, r, status, err)
}

// IsLoopback says whether a host name means this very machine: localhost, a name below it, or a loopback address.
func IsLoopback(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

// hostname is the name in a Host header: lower-case, without port and brackets.
func hostname(host string) string {
	u := url.URL{Host: host}
	return strings.ToLower(u.Hostname())
}
