package direct

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

var (
	errUnread   = errors.New("the request is over before its body was read")
	errPanicked = errors.New("the body of the request could not be read")
)

// restTime limits the wait for the last bytes of a body to be written, when the answer has ended.
const restTime = time.Second

// upload is the body of a request on its way. A goroutine writes it while the caller waits for the answer.
type upload struct {
	c      *conn
	body   io.ReadCloser
	unread int64         // bytes of a known length that are still to be read
	begun  chan struct{} // is closed when the header is written, or the writing has ended
	once   sync.Once

	touched, whole, ended atomic.Bool // a byte was asked for; all were read; nobody may read any more
	failed                atomic.Pointer[error]

	// The rest is guarded by conn.mu.
	sent    bool  // the writing has ended
	err     error // why it failed
	headed  bool  // the header of the answer has come
	waiting bool  // the answer has ended, and the connection is given back when the writing ends
}

// exchangeBody is exchange for a request with a body.
func (c *conn) exchangeBody(r *http.Request) (res *http.Response, repeat bool, err error) {
	u := &upload{c: c, body: r.Body, unread: r.ContentLength, begun: make(chan struct{})}
	c.up = u
	c.watch()
	go upkeep.Watch{}.Guard("send a body to the app", func() { u.send(r) })()
	if res, err = c.answer(r); err == nil {
		u.answering()
		return c.deliver(r, res), false, nil
	}
	repeat = c.lost(err)
	c.drop()
	<-u.begun // until then the goroutine reads the request
	untouched := u.untouched()
	if repeat = repeat && untouched && c.writeErr != nil; untouched && !repeat {
		closeBody(r)
	}
	return nil, repeat, c.explain(err)
}

// send writes the request. Its body is closed in the end, unless it may be sent once more.
func (u *upload) send(r *http.Request) {
	err := errPanicked
	defer func() { u.finish(err) }()
	out := *r
	out.Body = u
	if err = u.c.writeErr; err == nil {
		err = u.c.write(&out)
	}
}

// Read reads from the visitor.
func (u *upload) Read(p []byte) (int, error) {
	u.touched.Store(true)
	u.once.Do(func() { close(u.begun) })
	if u.ended.Load() {
		return 0, errUnread
	}
	n, err := u.body.Read(p)
	u.unread -= int64(n)
	if err == io.EOF || n > 0 && u.unread == 0 {
		u.whole.Store(true)
	} else if err != nil {
		u.failed.Store(&err)
	}
	return n, err
}

// Close is called when the body was written. Whether it is closed then is decided in finish.
func (u *upload) Close() error { return nil }

// untouched reports whether a request that has failed left no trace.
func (u *upload) untouched() bool { return !u.touched.Load() && u.c.wrote == 0 }

// finish ends the writing. When the app does not take the body, it may still answer. When the visitor does not send it,
// the app waits for the rest in vain, and when nothing was written there is nothing to answer.
func (u *upload) finish(err error) {
	u.c.mu.Lock()
	u.sent, u.err = true, err
	waiting, closes := u.waiting, u.headed || !u.untouched()
	switch {
	case err != nil && (u.c.writeErr == nil || u.c.reused && u.c.wrote == 0):
		_ = u.c.net.Close()
	case !u.headed:
		_ = u.c.limitWait() // else the connection is closed, and reading says so
	}
	u.c.mu.Unlock()
	if closes {
		_ = u.body.Close()
	}
	u.once.Do(func() { close(u.begun) })
	switch {
	case waiting && err == nil:
		u.c.park()
	case waiting:
		u.c.drop()
	}
}

// answering notes that the header of the answer has come, so that the request is not sent once more.
func (u *upload) answering() {
	u.c.mu.Lock()
	closes := u.sent && u.untouched() // finish has left it open
	if u.headed = true; u.c.t.o.Timeout != 0 {
		_ = u.c.net.SetReadDeadline(time.Time{}) // else the connection is closed, and reading says so
	}
	u.c.mu.Unlock()
	if closes {
		_ = u.body.Close()
	}
}

// answered reports whether the connection can be given back now that the answer has ended. A body of which a part is
// still to come is not waited for.
func (u *upload) answered() bool {
	u.c.mu.Lock()
	fine, rest := u.sent && u.err == nil, !u.sent && u.whole.Load() && u.c.unwatch()
	if u.waiting = rest; rest {
		_ = u.c.net.SetWriteDeadline(time.Now().Add(restTime)) // else writing has failed
	}
	u.c.mu.Unlock()
	if !fine && !rest {
		u.c.drop()
	}
	return fine
}

// cause is what the request itself failed by.
func (u *upload) cause() error {
	if err := u.failed.Load(); err != nil {
		return *err
	}
	u.c.mu.Lock()
	defer u.c.mu.Unlock()
	if u.sent && u.c.writeErr == nil && u.err != errUnread {
		return u.err
	}
	return nil
}
