package server

import (
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of the ops listener. Its clients are probes and monitors, whose requests are short.
const (
	// opsHeaderTimeout limits reading a request's header.
	opsHeaderTimeout = 10 * time.Second
	// opsReadTimeout limits reading a request. It also ends the answer that is under way, so it is no shorter than
	// opsWriteTimeout.
	opsReadTimeout = opsWriteTimeout
	// opsWriteTimeout limits writing an answer. It is longer than a profile takes by default (30 s).
	opsWriteTimeout = 2 * time.Minute
	// opsIdleTimeout is how long an idle connection is kept.
	opsIdleTimeout = time.Minute
	// opsHeaderBytes limits a request's header.
	opsHeaderBytes = 16 << 10
	// opsConnections is how many connections may be open at once. A further one closes the connection that has been
	// without a request for the longest.
	opsConnections = 128
)

func newOpsServer(handler http.Handler, quiet *log.Logger) *http.Server {
	few := newFew(opsConnections)
	return &http.Server{Handler: handler, ReadHeaderTimeout: opsHeaderTimeout, ReadTimeout: opsReadTimeout,
		WriteTimeout: opsWriteTimeout, IdleTimeout: opsIdleTimeout,
		MaxHeaderBytes: opsHeaderBytes, ErrorLog: quiet, ConnState: few.note}
}

// fewConnections limits the connections of a server. Connections without a request are closed first, so that
// whoever fills the server with them cannot keep probes out.
type fewConnections struct {
	most    int
	mu      sync.Mutex
	waiting map[net.Conn]time.Time // connections without a request, since when
	busy    map[net.Conn]bool
}

func newFew(most int) *fewConnections {
	return &fewConnections{most: most, waiting: map[net.Conn]time.Time{}, busy: map[net.Conn]bool{}}
}

// note is the http.Server.ConnState callback.
func (c *fewConnections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, conn)
	delete(c.busy, conn)
	switch state {
	case http.StateNew, http.StateIdle:
		c.waiting[conn] = time.Now()
	case http.StateActive:
		c.busy[conn] = true
	}
	if len(c.waiting)+len(c.busy) > c.most {
		c.end(conn)
	}
}

// end closes the connection that has waited the longest for a request. When all others have a request, it closes
// the newcomer.
func (c *fewConnections) end(newcomer net.Conn) {
	oldest := newcomer
	since := time.Now()
	for conn, at := range c.waiting {
		if conn != newcomer && at.Before(since) {
			oldest, since = conn, at
		}
	}
	delete(c.waiting, oldest)
	_ = oldest.Close()
}
