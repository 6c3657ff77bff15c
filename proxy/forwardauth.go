package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// forwardAuth answers proxies of the operator's that ask whether a request may pass, and forward it themselves. What
// it knows of the request comes from the headers that such a proxy sets, and never from the query of the question.
type forwardAuth struct {
	p         *Proxy
	peers     []netip.Prefix
	trusted   []netip.Prefix // whose X-Forwarded-For counts: the peers, and the trusted proxies in front of them
	strangers sync.Once      // logs a peer that may not ask once
}

// ForwardAuth returns a handler that answers the questions of proxies in these networks. A peer without an address, as
// on a Unix socket, counts as one of this machine.
func (p *Proxy) ForwardAuth(peers []netip.Prefix) http.Handler {
	return &forwardAuth{p: p, peers: peers, trusted: slices.Concat(peers, p.c.TrustedProxies)}
}

// Faults of a question. They are the operator's to mend.
var (
	errPeer     = errors.New("the peer is none of GATEPOST_FORWARD_AUTH_PEERS")
	errDialect  = errors.New("this is none of the paths at which proxies ask")
	errQuestion = errors.New("the proxy does not say which request it asks about")
	errDisguise = errors.New("a header is spelt so that apps may take it for another one, and proxies do not cut it")
	errOwnPage  = errors.New("the path is one of the gate's own pages, which the proxy has to send there")
)

// thisMachine stands for the peer of a Unix socket, which has no address.
const thisMachine = "127.0.0.1:0"

// ServeHTTP answers a question.
func (f *forwardAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !peerAddr(r.RemoteAddr).IsValid() {
		r.RemoteAddr = thisMachine
	}
	d, rest := dialectOf(r.RequestURI)
	if !trusts(f.peers, peerAddr(r.RemoteAddr)) {
		f.turnAway(w, r)
		return
	}
	if d == nil {
		http.Error(w, errDialect.Error(), http.StatusNotFound)
		return
	}
	cut := d.toCut(r.Header, f.p.apps[0])
	about, err := d.asked(r, rest)
	if err != nil {
		about = r
	}
	x := f.p.begin(&dialectWriter{w, d, f.p.apps[0].public.origin}, about, f.trusted)
	x.dialect = d
	defer f.p.end(x)
	delete(about.Header, "X-Forwarded-For")
	if err == nil {
		err = checkSpelling(about.Header, &x.app.identity)
	}
	if err != nil {
		f.malformed(x, err)
		return
	}
	f.answer(x, about, cut)
}

// turnAway refuses a peer that may not ask. Its headers could say anything.
func (f *forwardAuth) turnAway(w http.ResponseWriter, r *http.Request) {
	f.strangers.Do(func() {
		f.p.c.Log.Warn("a peer asks for forward-auth and is refused; if it is your proxy, list its address in "+
			"GATEPOST_FORWARD_AUTH_PEERS", "peer", r.RemoteAddr)
	})
	f.p.metrics.turnedAway.Inc()
	w.Header().Set("Connection", "close")
	http.Error(w, errPeer.Error(), http.StatusForbidden)
}

// malformed refuses a question that cannot be understood.
func (f *forwardAuth) malformed(x *exchange, err error) {
	x.outcome, x.err = outcomeBadRequest, err
	http.Error(x, errors.Unwrap(err).Error(), http.StatusBadRequest)
}

// answer judges the request that was asked about.
func (f *forwardAuth) answer(x *exchange, about *http.Request, cut []string) {
	p := f.p
	switch v := p.judge(x, about); {
	case v.allow:
		x.outcome = outcomeAllowed
		x.grant(about.Header, cut)
	case v.page != nil:
		p.refuse(x, about, http.StatusNotFound, errOwnPage)
	case v.move:
		p.toPublicURL(x, about)
	case v.closed:
		p.refuseClosed(x, about, v.err)
	default:
		p.refuse(x, about, v.status, v.err)
	}
}

// grant lets a request pass. Each header that tells about the visitor is there, and empty where there is nothing to
// tell: a proxy copies what is there, and may leave the visitor's own where it is not. Cookie and Authorization are
// what the visitor sent, without what is the gate's.
func (x *exchange) grant(sent http.Header, cut []string) {
	h := x.Header()
	for _, name := range x.app.told {
		h[name] = nothing
	}
	if len(cut) > 0 {
		h[x.dialect.cuts] = []string{strings.Join(cut, ",")}
	}
	x.app.cookie.Strip(sent)
	h["Cookie"] = joined(sent["Cookie"])
	h["Authorization"] = joined(sent["Authorization"])
	h["X-Request-Id"] = []string{x.id}
	x.tell(h)
	if x.ownAuthorization {
		h["Authorization"] = nothing
	}
	h["Cache-Control"] = noStore
	h["Content-Length"] = zero
	x.WriteHeader(http.StatusOK)
}

// Values of headers. They are never modified.
var nothing, noStore, zero = []string{""}, []string{"no-store"}, []string{"0"}

// joined is a header on one line. Several of Cookie are one with ; between them (RFC 9113, section 8.2.3); several of
// Authorization are none that an app understands.
func joined(lines []string) []string {
	switch len(lines) {
	case 0:
		return nothing
	case 1:
		return lines
	}
	return []string{strings.Join(lines, "; ")}
}

// asked is the request that a question is about. The headers are the visitor's, as the proxy passes them on.
func (d *dialect) asked(r *http.Request, rest string) (*http.Request, error) {
	method, target, host := r.Method, rest, r.Host
	if d.uri != "" {
		var err error
		if method, target, host, err = d.told(r.Header); err != nil {
			return nil, err
		}
	}
	u, err := url.ParseRequestURI(target)
	if err != nil || strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == 0x7F }) {
		return nil, fmt.Errorf("the target: %w", errQuestion)
	}
	if !httpguts.ValidHeaderFieldName(method) || host == "" || strings.Contains(host, ",") ||
		!httpguts.ValidHostHeader(host) {
		return nil, fmt.Errorf("the method or the host: %w", errQuestion)
	}
	about := r.WithContext(r.Context())
	about.Method, about.RequestURI, about.URL, about.Host = method, target, u, host
	about.Proto, about.ProtoMajor, about.ProtoMinor = "HTTP/1.1", 1, 1
	about.Body, about.ContentLength = http.NoBody, 0
	dropQuestion(about.Header)
	return about, nil
}

// told reads the headers in which a proxy tells of the request. Each has to be there once.
func (d *dialect) told(h http.Header) (method, uri, host string, err error) {
	var values [3]string
	for i, name := range [...]string{d.method, d.uri, d.host} {
		if len(h[name]) != 1 || h[name][0] == "" {
			return "", "", "", fmt.Errorf("%d of %s: %w", len(h[name]), name, errQuestion)
		}
		values[i] = h[name][0]
	}
	return values[0], values[1], values[2], nil
}

// dropQuestion removes the headers of the question that are none of the request. Some proxies do not pass on Upgrade,
// by which the gate knows a WebSocket: then another header of its handshake tells. Over HTTP/2 that has no key (RFC
// 8441, section 5).
func dropQuestion(h http.Header) {
	for _, name := range [...]string{"X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Forwarded-Proto",
		"X-Original-Method", "X-Original-Uri", "X-Original-Host", "Forwarded", "Via", "X-Real-Ip",
		"Content-Type", "Content-Length"} {
		delete(h, name)
	}
	if h["Sec-Websocket-Key"] != nil || h["Sec-Websocket-Version"] != nil {
		h["Upgrade"] = []string{"websocket"}
	}
}

// checkSpelling fails for a header that only an odd spelling tells from one that no client may send. The gate removes
// these itself where it forwards; most proxies cannot.
func checkSpelling(h http.Header, id *Identity) error {
	var buf [64]byte
	for name := range h {
		if plainHeader(name) {
			continue
		}
		folded := appendFolded(buf[:0], name)
		if _, ok := lookAlikes[string(folded)]; ok || id.isStripped(folded) {
			return fmt.Errorf("%s: %w", strconv.QuoteToASCII(name), errDisguise)
		}
	}
	return nil
}

// plainHeader reports whether a name has letters, digits and hyphens alone, as servers tell them apart.
func plainHeader(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}

// ofProxies are headers that a proxy sets itself for the app.
var ofProxies = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id"}

// toCut are the headers of a request that no client may send, for a proxy that takes a list of them. It has neither
// what the gate tells anyway nor what the proxy sets itself.
func (d *dialect) toCut(h http.Header, a *app) (names []string) {
	if d.cuts == "" {
		return nil
	}
	var buf [64]byte
	for name := range h {
		if a.identity.isStripped(appendFolded(buf[:0], name)) && !slices.Contains(a.told, name) &&
			!slices.Contains(ofProxies, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// toldHeaders are the names of all headers that tell may write. The usual one of the assertion is among them in any
// case, as the proxies' files have it.
func toldHeaders(a *app) []string {
	names := []string{tokenIDHeader, "X-Auth-Assertion", providerTokenHeader}
	if name := a.assertions.Header; name != "" && !slices.Contains(names, name) {
		names = append(names, name)
	}
	for _, h := range a.identity.headers {
		if !slices.Contains(names, h.name) {
			names = append(names, h.name)
		}
	}
	return names
}

func setStatus(h http.Header, status int) { h[statusHeader] = []string{strconv.Itoa(status)} }
