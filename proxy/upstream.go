package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Upstream is the address of the app.
type Upstream struct {
	scheme  string // "http", "https", "h2c" or "unix"
	address string // host and port, or the path of a Unix socket
	tls     UpstreamTLS
}

// ParseUpstream reads http://host, https://host, h2c://host or unix:///path.
func ParseUpstream(s string) (Upstream, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Upstream{}, errors.New("is not a URL (example: http://localhost:3000)")
	}
	if u.Scheme == "unix" {
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return Upstream{}, errors.New("name the socket by its full path (example: unix:///run/app.sock)")
		}
		return Upstream{scheme: "unix", address: u.Path}, nil
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c":
		return Upstream{}, errors.New("starts with http://, https://, h2c:// or unix:// " +
			"(example: http://localhost:3000)")
	case u.User != nil:
		return Upstream{}, errors.New("takes no user name or password")
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return Upstream{}, errors.New("names no host (example: http://localhost:3000)")
	case u.Path != "" && u.Path != "/", u.RawQuery != "" || u.ForceQuery, u.Fragment != "":
		return Upstream{}, errors.New("takes no path: the app receives each path as it is, and what was judged must " +
			"be what is forwarded")
	}
	return Upstream{scheme: u.Scheme, address: u.Host}, nil
}

// String is the address as it was written; "none" where there is no app.
func (u Upstream) String() string {
	if u.none() {
		return "none"
	}
	return u.scheme + "://" + u.address
}

func (u Upstream) none() bool { return u.scheme == "" }

var errNoUpstream = errors.New("there is no GATEPOST_UPSTREAM: this listener has the gate's own pages only")

// target is the address as HTTP requests name it.
func (u Upstream) target() (scheme, host string) {
	switch u.scheme {
	case "unix":
		return "http", "unix"
	case "h2c":
		return "http", u.address
	}
	return u.scheme, u.address
}

// dialTimeout limits connecting to the app.
const dialTimeout = 5 * time.Second

// Dial opens and closes a connection to the app, to see whether it is there.
func (u Upstream) Dial(ctx context.Context) error {
	network, address := "unix", u.address
	if u.scheme != "unix" {
		network, address = "tcp", net.JoinHostPort(u.hostPort())
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// hostPort is the host and port of an app on a network, with the scheme's default port.
func (u Upstream) hostPort() (host, port string) {
	if host, port, err := net.SplitHostPort(u.address); err == nil {
		return host, port
	}
	return strings.Trim(u.address, "[]"), map[bool]string{true: "443", false: "80"}[u.scheme == "https"]
}

func (p *Proxy) newReverseProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      way{p},
		ModifyResponse: p.modifyResponse,
		ErrorHandler:   p.upstreamError,
		BufferPool:     &buffers,
		ErrorLog:       slog.NewLogLogger(p.c.Log.Handler(), slog.LevelDebug),
	}
}

// rewrite makes the request that the app gets. Headers of one connection are removed first, so that Connection cannot
// remove what it sets. ReverseProxy has done that for WebSockets; other requests came to it without headers.
func (p *Proxy) rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	out := pr.Out
	out.URL.Scheme, out.URL.Host = x.app.upstream.target()
	setPath(out.URL, x.target.path)
	out.URL.RawQuery, out.URL.ForceQuery = x.target.query, x.target.hasQuery && x.target.query == ""
	if out.Host = pr.In.Host; out.Host == "" {
		out.Host = x.app.public.Host
	}
	out.Trailer = nil // announced trailers cannot be checked
	sent := x.request.Header
	if pr.In.Header == nil {
		out.Header = x.headers.take(len(sent) + x.room())
		endToEnd(out.Header, sent, x.app.passes)
	}
	h := out.Header
	if pr.In.Header != nil {
		maps.DeleteFunc(h, func(name string, values []string) bool { return !x.app.passes(name, values) })
	}
	x.app.cookie.StripLines(h)
	h[viaHeader] = p.via
	if len(x.passed) > 0 {
		h[viaHeader] = []string{strings.Join(append(x.passed, p.via...), ", ")}
	}
	p.c.Forwarded.pass(h, sent, pr.In.RemoteAddr, p.c.TrustedProxies)
	h["X-Forwarded-Host"] = x.app.public.hostHeader
	h["X-Forwarded-Proto"] = x.app.public.schemeHeader
	x.forwarded = [2]string{x.id, x.address}
	h["X-Request-Id"] = x.forwarded[0:1:1]
	if x.address != "" {
		h["X-Forwarded-For"] = x.forwarded[1:2:2]
	}
	x.tell(h)
	if isWebSocket(h) {
		spellSocket(h)
	}
}

// ownHeadersMost is how many headers rewrite sets besides those of tell.
const ownHeadersMost = 5

// room is how many headers the gate adds at most.
func (x *exchange) room() int {
	if x.signedIn {
		return ownHeadersMost + len(x.app.told)
	}
	return ownHeadersMost
}

// statusClientGone is the logged status when the client left before there was an answer. The number is nginx's.
const statusClientGone = 499

// upstreamError answers when the app does not. The answer does not show the app's address.
func (p *Proxy) upstreamError(_ http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	switch {
	case x.lasting.over.Load() != nil && !x.lasting.waits: // End cuts the connection
	case x.lasting.over.Load() != nil, errors.Is(err, errOver):
		p.tellOver(x)
	case errors.Is(err, ErrLoginLoop):
		p.refuse(x, x.request, http.StatusLoopDetected, err)
	case x.body != nil && x.body.silent.Load():
		p.refuse(x, x.request, http.StatusGatewayTimeout, errSilent)
	case x.body != nil && x.body.failed.Load():
		p.refuse(x, x.request, http.StatusBadRequest, fmt.Errorf("read the request body: %w", err))
	case isTimeout(err) && !isDial(err):
		p.refuse(x, x.request, http.StatusGatewayTimeout, err)
	default:
		p.refuse(x, x.request, http.StatusBadGateway, x.app.upstream.withCure(err))
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// buffers are reused for copying bodies, so that memory does not grow with traffic.
var buffers bufferPool

type bufferPool struct{ pool sync.Pool }

// bufferSize is in bytes.
const bufferSize = 32 << 10

// Get returns a buffer of bufferSize bytes.
func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

// Put returns a buffer from Get.
func (b *bufferPool) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
