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

// connections are the HTTP/1 connections of visitors to the public listener. A gate that stops waits for them
// before it calls http.Server's Shutdown, which drops a request whose first bytes have just arrived.
type connections struct {
	all  sync.Map     // net.Conn → *connection
	last atomic.Int64 // time.Since(epoch) when the last request began
}

// epoch is the beginning of a time that no clock changes.
var epoch = time.Now()

type connection struct {
	since time.Time
	used  atomic.Bool // the connection has carried a request
}

// firstRequest is how long a new connection may stay without a request before the gate no longer waits for it.
// Browsers open spare connections.
const firstRequest = 2 * time.Second

// note is the http.Server.ConnState callback.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.all.Store(conn, &connection{since: time.Now()})
	case http.StateActive:
		c.last.Store(int64(time.Since(epoch)))
		one, ok := c.all.Load(conn)
		if !ok || one.(*connection).used.Swap(true) {
			return
		}
		if isHTTP2(conn) { // which Shutdown ends cleanly
			c.all.Delete(conn)
		}
	case http.StateHijacked, http.StateClosed:
		c.all.Delete(conn)
	}
}

// isHTTP2 reports whether an active connection is one of HTTP/2.
func isHTTP2(conn net.Conn) bool {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.ConnectionState().NegotiatedProtocol == "h2"
	}
	c := socketOf(conn)
	return c != nil && c.h2c.on && c.opening.complete()
}

// gone reports whether no connection has carried a request or may be about to carry its first.
func (c *connections) gone() bool {
	gone := true
	c.all.Range(func(_, value any) bool {
		one := value.(*connection)
		gone = !one.used.Load() && time.Since(one.since) >= firstRequest
		return gone
	})
	return gone
}

// wait returns when no connection is in use, when no request has begun for a time, or when ctx ends. The state has to
// stay quiet for several rounds, because a connection accepted a moment ago may not be in the list yet.
func (c *connections) wait(ctx context.Context, idle time.Duration) {
	since := time.Since(epoch)
	const quiet, step = 10, 10 * time.Millisecond
	for rounds := 0; rounds < quiet && ctx.Err() == nil && time.Since(epoch)-since < idle; time.Sleep(step) {
		since = max(since, time.Duration(c.last.Load()))
		if rounds++; !c.gone() {
			rounds = 0
		}
	}
}
