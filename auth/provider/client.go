package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// What a call may take. A provider that needs more is not available.
const (
	callTime     = 10 * time.Second
	documentTime = 5 * time.Second // for a discovery document, and for keys
	answerMost   = 1<<20 - 1       // x/oauth2 would cut a longer one off, and not say so
	headerMost   = 64 << 10
	// connsMost is the most connections to one host: one for each sign-in, and connsMore for tokens that are renewed,
	// keys and the document. So none waits for a connection, which would look as if the provider did not answer.
	connsMost = callsMost + connsMore
	connsMore = 64
	connsIdle = 16 // are kept for the next call
)

// errInside is the refusal to call an address.
var errInside = errors.New("leads to an inside address, which it must not")

// newClient makes the only kind of HTTP client that calls providers: it follows no redirect, and everything about it
// has an end. HTTPS_PROXY and its kin are honoured; where a proxy is in between, that looks hosts up and has to keep
// us from inside addresses, as we do not see which address a name has.
func newClient(most func() place, h *health) *http.Client {
	g := guard{most: most}
	transport := &http.Transport{
		Proxy:                  g.proxy,
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    documentTime,
		ResponseHeaderTimeout:  callTime,
		IdleConnTimeout:        time.Minute,
		MaxConnsPerHost:        connsMost,
		MaxIdleConnsPerHost:    connsIdle,
		MaxResponseHeaderBytes: headerMost,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Transport:     bounded{transport, h},
		Timeout:       callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded ends answers that are too long, and notes whether the provider is there.
type bounded struct {
	next   http.RoundTripper
	health *health
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	b.health.note(r.Context(), res, err)
	if err != nil {
		return nil, err
	}
	res.Body = http.MaxBytesReader(nil, res.Body, answerMost)
	return res, nil
}

// guard keeps calls from addresses that are further inside than most. It looks at the address that is dialled: what
// a name led to a moment before does not count.
type guard struct {
	most    func() place
	proxies sync.Map // of string, host and port of proxies that were used
}

func (g *guard) proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if u != nil {
		g.proxies.Store(hostPort(u), true)
	}
	return u, err
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: documentTime, ControlContext: g.control}
	if _, ok := g.proxies.Load(address); ok {
		dialer.ControlContext = nil
	}
	return dialer.DialContext(ctx, network, address)
}

// control is called with each address before it is dialled.
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || placeOf(a.Addr()) > g.most() {
		return fmt.Errorf("%s %w", address, errInside)
	}
	return nil
}
