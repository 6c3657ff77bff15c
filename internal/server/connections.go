package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections are those of HTTP/1 that visitors have with the public listener. http.Server's own Shutdown drops a request that it
// reads a moment after it began, so a gate that stops waits for these before.
type connections struct{ all sync.Map } // net.Conn → *connection

type connection struct {
	since time.Time
	used  atomic.Bool // it had a request
}

// firstRequest is how long a connection may be there without a request before it counts for nothing: browsers open some to have them.
const firstRequest = 2 * time.Second

// note is a http.Server.ConnState.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.all.Store(conn, &connection{since: time.Now()})
	case http.StateActive:
		one, ok := c.all.Load(conn)
		if !ok || one.(*connection).used.Swap(true) {
			return
		}
		if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" { // which can say goodbye in time
			c.all.Delete(conn)
		}
	case http.StateHijacked, http.StateClosed:
		c.all.Delete(conn)
	}
}

// gone says that none had a request, or may be about to have one.
func (c *connections) gone() bool {
	gone := true
	c.all.Range(func(_, value any) bool {
		one := value.(*connection)
		gone = !one.used.Load() && time.Since(one.since) >= firstRequest
		return gone
	})
	return gone
}

// wait returns when they are gone, or have had so long, or ctx ends. One that was accepted a moment ago may not be known yet.
func (c *connections) wait(ctx context.Context, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	const quiet, step = 10, 10 * time.Millisecond
	for rounds := 0; rounds < quiet && ctx.Err() == nil; time.Sleep(step) {
		if rounds++; !c.gone() {
			rounds = 0
		}
	}
}
