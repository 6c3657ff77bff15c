package direct

import (
	"context"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// flow is what a connection knows of the request that it carries.
//
// Watching a context for its end costs more than most requests take. So a request without a body begins with a
// deadline for both directions, and what then still goes on is watched. Who reads and writes does not notice.
type flow struct {
	ctx      context.Context
	eager    bool      // the deadline is until, and nobody watches ctx
	until    time.Time // zero: there is no deadline, or one of another kind
	inHead   bool      // the header of the answer has not come
	left     int64     // how many bytes may still be read
	got      int64     // how many were read
	wrote    int64     // how many were written
	ends     bool      // the next write is the last of the request, and has a deadline
	writeErr error     // of the connection
	reusable bool      // the answer allows another request
	up       *upload   // nil: the request has no body

	mu   sync.Mutex
	stop func() bool // ends the watching
	over bool        // nobody waits for this request any more
}

// noLimit is for bodies.
const noLimit = math.MaxInt64

// begin prepares for a request. Whatever deadline there was is replaced, unless it leaves enough patience: to set one
// costs more than to compare.
func (c *conn) begin(r *http.Request) {
	c.ctx, c.eager, c.inHead, c.left = r.Context(), !hasBody(r), true, maxHeader
	c.got, c.wrote, c.writeErr = 0, 0, nil
	if c.eager && c.until.Sub(c.took) >= patience {
		return
	}
	if c.until = (time.Time{}); c.eager {
		c.until = c.took.Add(2 * patience)
	}
	c.writeErr = c.net.SetDeadline(c.until)
}

// settle ends the time of patience.
func (c *conn) settle() error {
	c.eager, c.until = false, time.Time{}
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	c.watch()
	if err := c.net.SetDeadline(time.Time{}); err != nil || !c.inHead {
		return err
	}
	return c.limitWait()
}

// limitWait limits the wait for the header of the answer.
func (c *conn) limitWait() error {
	if c.t.o.Timeout == 0 {
		return nil
	}
	return c.net.SetReadDeadline(time.Now().Add(c.t.o.Timeout))
}

// watch closes the connection when the visitor leaves.
func (c *conn) watch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && c.stop == nil {
		c.stop = context.AfterFunc(c.ctx, upkeep.Watch{}.Guard("end a request to the app", func() { _ = c.net.Close() }))
	}
}

// unwatch reports whether the connection was not closed by watch, and is not going to be.
func (c *conn) unwatch() bool {
	stop := c.stop
	c.stop = nil
	return stop == nil || stop()
}

// drop ends a request and its connection. It may be called while another goroutine reads or writes.
func (c *conn) drop() {
	_ = c.net.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.unwatch()
	if c.up != nil {
		c.up.ended.Store(true)
	}
}
