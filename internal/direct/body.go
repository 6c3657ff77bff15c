package direct

import (
	"errors"
	"io"
	"sync/atomic"
)

var errClosed = errors.New("the body of the answer is closed")

// body is the body of an answer.
type body struct {
	c     *conn
	src   io.Reader // what http.ReadResponse made; closing it would read it to its end
	state atomic.Int32
	err   error // why it ended
}

// states of a body
const (
	open int32 = iota
	ended
	closed
)

// Read reads from the app. At the end it gives the connection back.
func (b *body) Read(p []byte) (int, error) {
	switch b.state.Load() {
	case ended:
		return 0, b.err
	case closed:
		return 0, errClosed
	}
	n, err := b.src.Read(p)
	if err == nil {
		return n, nil
	}
	b.err = err
	if err != io.EOF {
		b.err = b.c.explain(err)
	}
	if !b.state.CompareAndSwap(open, ended) {
		return n, errClosed
	}
	if err == io.EOF {
		b.c.release()
	} else {
		b.c.drop()
	}
	return n, b.err
}

// Close ends the answer at once, also while another goroutine reads it. Without having been read to its end it closes
// the connection.
func (b *body) Close() error {
	if b.state.CompareAndSwap(open, closed) {
		b.c.drop()
	}
	return nil
}

// release gives the connection back, as the answer is read to its end.
func (c *conn) release() {
	if c.up == nil || c.up.answered() {
		c.park()
	}
}

// park keeps the connection for another request, where that is safe. Bytes after the end of an answer would be taken
// for the next one's.
func (c *conn) park() {
	if !c.unwatch() || !c.reusable || c.in.Buffered() > 0 {
		_ = c.net.Close()
		return
	}
	c.ctx, c.up = nil, nil
	c.t.put(c)
}
