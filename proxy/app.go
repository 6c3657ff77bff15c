package proxy

import (
	"net/http"
	"time"
)

// app is what stands behind the gate for one request: how it is reached, what its paths need, and how it is told who is
// there. Each station takes it from the exchange.
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

// appOf says which app a request is for, before anything else looks at it. Today all are for the same one.
func (p *Proxy) appOf(*http.Request) *app { return p.app }
