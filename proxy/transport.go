package proxy

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/gatepost/gatepost/internal/direct"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// connections are connections to the app. Upgrades go over HTTP/1.1, which alone has them, and other requests over the
// version that the app speaks.
type connections struct{ plain, upgrades *http.Transport }

const (
	// idleConns is how many idle connections to the app are kept for bursts. Each is a socket on both sides.
	idleConns = 512
	// idleTimeout is how long an idle connection to the app is kept.
	idleTimeout = 90 * time.Second
)

func newConnections(u Upstream, timeout, idle time.Duration) *connections {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	dial := dialer.DialContext
	if u.scheme == "unix" {
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", u.address)
		}
	}
	over := func(set func(*http.Protocols)) *http.Transport {
		var protocols http.Protocols
		set(&protocols)
		return &http.Transport{
			DialContext:           dial,
			TLSClientConfig:       u.tls.config(),
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: timeout,
			MaxIdleConnsPerHost:   idleConns,
			IdleConnTimeout:       idle,
			DisableCompression:    true, // the client's Accept-Encoding and the app's bytes pass unchanged
			Protocols:             &protocols,
			WriteBufferSize:       8 << 10,
			ReadBufferSize:        8 << 10,
		}
	}
	http1 := func(p *http.Protocols) { p.SetHTTP1(true) }
	best := http1
	switch u.scheme {
	case "https":
		best = func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }
	case "h2c":
		best = func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }
	}
	return &connections{plain: over(best), upgrades: over(http1)}
}

// RoundTrip sends a request to the app.
func (c *connections) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, ok := r.Header["Upgrade"]; ok {
		return c.upgrades.RoundTrip(r)
	}
	return c.plain.RoundTrip(r)
}

// CloseIdleConnections closes idle connections to the app.
func (c *connections) CloseIdleConnections() {
	c.plain.CloseIdleConnections()
	c.upgrades.CloseIdleConnections()
}

// transport sends requests to the app over connections that are not too old for another one, as a connection keeps the
// address that its name had when it was made. HTTP/2 has all requests on one connection, so that it is never idle. So
// the transport begins anew with other connections at that age. Those before it end with the requests that they carry.
type transport struct {
	make func() *connections
	age  time.Duration // 0: no limit
	now  atomic.Pointer[generation]
	// direct is for requests to an app at http:// or unix://, except for upgrades; nil: the app is elsewhere. It looks
	// at the age of each connection by itself.
	direct *direct.Transport
}

// generation is the connections that are made in one span of age.
type generation struct {
	*connections
	since time.Time
}

func newTransport(u Upstream, timeout, age time.Duration) *transport {
	idle := idleTimeout
	if age > 0 {
		idle = min(idle, age)
	}
	t := &transport{age: age, make: func() *connections { return newConnections(u, timeout, idle) }}
	t.now.Store(&generation{t.make(), time.Now()})
	if u.isDirect() {
		t.direct = direct.New(direct.Options{Dial: u.dialer(), Timeout: timeout, Idle: idle, MaxIdle: idleConns, Age: age})
	}
	return t
}

// send sends a request to the app, and notes in h whether package direct alone has its headers.
func (t *transport) send(r *http.Request, h *headers) (*http.Response, error) {
	if _, upgrades := r.Header["Upgrade"]; t.direct != nil && !upgrades {
		h.over = true
		return t.direct.RoundTrip(r)
	}
	return t.current().RoundTrip(r)
}

// CloseIdleConnections closes idle connections to the app.
func (t *transport) CloseIdleConnections() {
	t.now.Load().CloseIdleConnections()
	if t.direct != nil {
		t.direct.CloseIdleConnections()
	}
}

// isDirect reports whether requests to the app, except for upgrades, go through package direct.
func (u Upstream) isDirect() bool { return u.scheme == "http" || u.scheme == "unix" }

// dialer is what connects to an app at http:// or unix://.
func (u Upstream) dialer() func(context.Context) (net.Conn, error) {
	network, address := "unix", u.address
	if u.scheme != "unix" {
		network, address = "tcp", net.JoinHostPort(u.hostPort())
		if ascii, err := httpguts.PunycodeHostPort(address); err == nil { // else dialling says what is wrong
			address = ascii
		}
	}
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, network, address) }
}

// current is the generation for a new request.
func (t *transport) current() *generation {
	g := t.now.Load()
	if t.age == 0 || time.Since(g.since) < t.age {
		return g
	}
	next := &generation{t.make(), time.Now()}
	if !t.now.CompareAndSwap(g, next) {
		return t.now.Load() // another request began it
	}
	go upkeep.Watch{}.Guard("close old connections to the app", g.CloseIdleConnections)()
	return next
}
