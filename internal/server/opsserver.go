package server

import (
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of the ops listener. Whoever reaches it is a prober or a monitor, and has nothing long to say.
const (
	opsHeaderTimeout = 10 * time.Second
	// opsReadTimeout ends what is under way when it is over, though no body is read any more: it is no shorter than the
	// answers.
	opsReadTimeout = opsWriteTimeout
	// opsWriteTimeout is above what a profile takes that is asked for without a length (30 s).
	opsWriteTimeout = 2 * time.Minute
	opsIdleTimeout  = time.Minute
	opsHeaderBytes  = 16 << 10
	// opsConnections are open at once; one more ends the one that has been without a request for the longest.
	OpsConnections = 128
)

func newOpsServer(handler http.Handler, quiet *log.Logger) *http.Server {
	few := &fewConnections{most: OpsConnections, waiting: map[net.Conn]time.Time{}, busy: map[net.Conn]bool{}}
	return &http.Server{Handler: handler, ReadHeaderTimeout: opsHeaderTimeout, ReadTimeout: opsReadTimeout, WriteTimeout: opsWriteTimeout, IdleTimeout: opsIdleTimeout,
		MaxHeaderBytes: opsHeaderBytes, ErrorLog: quiet, ConnState: few.note}
}

// fewConnections bounds the connections of a server: who fills it with connections that ask for nothing loses them, and
// a prober gets in.
type fewConnections struct {
	most    int
	mu      sync.Mutex
	waiting map[net.Conn]time.Time // for a request, since
	busy    map[net.Conn]bool
}

// note is a http.Server.ConnState.
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

// end closes the one that has waited the longest, or the newcomer where all others are at work.
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
