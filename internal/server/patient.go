package server

import (
	"net"
	"os"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// patience is how long a request is under way before the gate looks whether its visitor has left. Most are over before.
const patience = 10 * time.Millisecond

// patient is a connection that spares what package http does for each request of HTTP/1: it reads while a handler
// runs, to see whether the visitor leaves, and sets seven deadlines. That read begins after patience, and a deadline
// is set when something is read.
type patient struct {
	*net.TCPConn
	mu sync.Mutex
	// wanted and set are the deadline for reads, as it was asked for and as TCPConn has it.
	wanted, set time.Time
	limited     bool // writes have a deadline
	reading     bool
	// atOnce is whether deadlines are set at once, as others may read from TCPConn. SetDeadline begins that.
	atOnce bool
	// waits is whether a read waits until patience is over. Then it gets an error from begin, or nil to go on.
	waits bool
	begin chan error
	after *time.Timer
}

// Read reads. A read of a single byte is that of package http, and begins after patience.
func (c *patient) Read(b []byte) (int, error) {
	if len(b) == 1 {
		if err := c.wait(); err != nil {
			return 0, err
		}
	}
	c.mu.Lock()
	c.reading = true
	if !c.wanted.Equal(c.set) {
		c.set = c.wanted
		_ = c.TCPConn.SetReadDeadline(c.set) // the read fails if the connection has
	}
	c.mu.Unlock()
	n, err := c.TCPConn.Read(b)
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
	return n, err
}

// wait waits for patience to be over. It fails when the deadline is.
func (c *patient) wait() error {
	c.mu.Lock()
	switch {
	case c.atOnce:
		c.mu.Unlock()
		return nil
	case isOver(c.wanted):
		c.mu.Unlock()
		return os.ErrDeadlineExceeded
	case c.after == nil:
		c.begin = make(chan error, 1)
		c.after = time.AfterFunc(patience, upkeep.Watch{}.Guard("look whether a visitor has left", func() { c.end(nil) }))
	default:
		c.after.Reset(patience)
	}
	c.waits = true
	c.mu.Unlock()
	return <-c.begin
}

func isOver(deadline time.Time) bool { return !deadline.IsZero() && time.Until(deadline) <= 0 }

// end ends the waiting.
func (c *patient) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(err)
}

func (c *patient) endLocked(err error) {
	if c.waits {
		c.waits = false
		c.after.Stop()
		c.begin <- err
	}
}

// SetReadDeadline is that of net.Conn.
func (c *patient) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = t
	if c.waits && isOver(t) {
		c.endLocked(os.ErrDeadlineExceeded)
	}
	if !c.reading && !c.atOnce {
		return nil
	}
	c.set = t
	return c.TCPConn.SetReadDeadline(t)
}

// SetWriteDeadline is that of net.Conn.
func (c *patient) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.IsZero() && !c.limited {
		return nil
	}
	c.limited = !t.IsZero()
	return c.TCPConn.SetWriteDeadline(t)
}

// SetDeadline is that of net.Conn. It is called for a connection that is taken over.
func (c *patient) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atOnce, c.wanted, c.set, c.limited = true, t, t, !t.IsZero()
	c.endLocked(nil)
	return c.TCPConn.SetDeadline(t)
}

// Close closes the connection.
func (c *patient) Close() error {
	err := c.TCPConn.Close()
	c.end(nil)
	return err
}
