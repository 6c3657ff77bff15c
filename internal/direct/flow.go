package direct

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
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
	eager    bool  // the deadline is that of patience, and nobody watches ctx
	inHead   bool  // the header of the answer has not come
	left     int64 // how many bytes may still be read
	got      int64 // how many were read
	wrote    int64 // how many were written
	writeErr error // of the connection
	eof      bool
	reusable bool    // the answer allows another request
	up       *upload // nil: the request has no body

	mu   sync.Mutex
	stop func() bool // ends the watching
	over bool        // nobody waits for this request any more
}

// noLimit is for bodies.
const noLimit = math.MaxInt64

// begin prepares for a request, and replaces whatever deadline there was.
func (c *conn) begin(r *http.Request) {
	c.ctx, c.eager, c.inHead, c.left = r.Context(), !hasBody(r), true, maxHeader
	c.got, c.wrote, c.writeErr = 0, 0, nil
	var deadline time.Time
	if c.eager {
		deadline = c.took.Add(patience)
	}
	c.writeErr = c.net.SetDeadline(deadline)
}

// settle ends the time of patience.
func (c *conn) settle() error {
	c.eager = false
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

// Read reads from the app.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeader
	}
	p = p[:min(int64(len(p)), c.left)]
	n, err := c.net.Read(p)
	if n == 0 && c.eager && errors.Is(err, os.ErrDeadlineExceeded) {
		if err = c.settle(); err == nil {
			n, err = c.net.Read(p)
		}
	}
	c.got += int64(n)
	c.left -= int64(n)
	c.eof = err == io.EOF
	return n, err
}

// Write writes to the app.
func (c *conn) Write(p []byte) (n int, err error) {
	n, err = c.net.Write(p)
	if c.eager && errors.Is(err, os.ErrDeadlineExceeded) {
		if err = c.settle(); err == nil {
			var more int
			more, err = c.net.Write(p[n:])
			n += more
		}
	}
	c.wrote += int64(n)
	c.writeErr = err
	return n, err
}

// ReadFrom writes what a body has as it comes. bufio.Writer would wait until its buffer is full.
func (c *conn) ReadFrom(body io.Reader) (n int64, err error) {
	buffer, _ := buffers.Get().(*[copySize]byte)
	if buffer == nil {
		buffer = new([copySize]byte)
	}
	defer buffers.Put(buffer)
	for {
		more, end := body.Read(buffer[:])
		if more > 0 {
			wrote, err := c.Write(buffer[:more])
			if n += int64(wrote); err != nil {
				return n, err
			}
		}
		if end == io.EOF {
			return n, nil
		}
		if end != nil {
			return n, end
		}
	}
}

// copySize is in bytes.
const copySize = 32 << 10

var buffers sync.Pool
