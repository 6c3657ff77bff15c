package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections are those of HTTP/1 that visitors have with the public listener. http.Server's own Shutdown drops a request that it
// reads a moment after it began, so a gate that stops waits for these before.
type connections struct {
	mu  sync.Mutex
	all map[net.Conn]struct{}
}

// note is a http.Server.ConnState.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.all == nil {
			c.all = map[net.Conn]struct{}{}
		}
		c.all[conn] = struct{}{}
	case http.StateActive:
		if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" { // which can say goodbye in time
			c.forget(conn)
		}
	case http.StateHijacked, http.StateClosed:
		c.forget(conn)
	}
}

func (c *connections) forget(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, conn)
}

func (c *connections) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// wait returns when they are gone, or ctx ends. One that was accepted a moment ago may not be known yet.
func (c *connections) wait(ctx context.Context) {
	const quiet, step = 10, 10 * time.Millisecond
	for gone := 0; gone < quiet && ctx.Err() == nil; gone++ {
		if c.len() > 0 {
			gone = 0
		}
		time.Sleep(step)
	}
}
