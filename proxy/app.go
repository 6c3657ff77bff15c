package proxy

import (
	"net/http"
	"time"
)

// app is the app of a request: its address, its rules, and its identity headers. Every step takes it from the
// exchange.
type app struct {
	upstream  Upstream
	timeout   time.Duration
	rules     Rules
	identity  Identity
	transport *transport
}

func newApp(c Config) *app {
	return &app{c.Upstream, c.UpstreamTimeout, c.Rules, c.Identity, newTransport(c.Upstream, c.UpstreamTimeout)}
}

// appOf is the app of a request. It is called before anything else reads the request. There is only one app today.
func (p *Proxy) appOf(*http.Request) *app { return p.app }
