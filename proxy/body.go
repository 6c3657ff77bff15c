package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

var (
	errSilent = errors.New("the app neither read the body nor answered")
	errLeft   = errors.New("the request is over, and its body is not read any more")
)

// watchedBody is a request body on its way to the app. It records why the body did not get there: the client broke
// off, or the app stopped reading. The transport's timeout starts only when the whole body is sent.
type watchedBody struct {
	io.ReadCloser
	reading  sync.Mutex   // is held while the client is waited for
	left     bool         // nobody may read any more; guarded by reading
	ended    atomic.Bool  // all of the body was read
	failed   atomic.Bool  // reading from the client failed
	silent   atomic.Bool  // the app neither read nor answered for the whole timeout
	answered atomic.Bool  // the app has begun its answer, and nothing is timed any more
	moved    *atomic.Bool // set whenever something was read; nil: nobody wants to know
	timeout  time.Duration
	timer    *time.Timer
	cancel   context.CancelFunc // ends the request to the app
}

// watchBody returns a context that ends when the app neither reads nor answers for the timeout, or by cancel.
func watchBody(ctx context.Context, body io.ReadCloser, timeout time.Duration) (context.Context, *watchedBody) {
	ctx, cancel := context.WithCancel(ctx)
	b := &watchedBody{ReadCloser: body, timeout: timeout, cancel: cancel}
	b.timer = time.AfterFunc(timeout, upkeep.Watch{}.Guard("notice that the app is silent", func() {
		if !b.answered.Load() {
			b.silent.Store(true)
			cancel()
		}
	}))
	return ctx, b
}

// Read reads from the client. The time it takes is not counted, as the client may be slow.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.left {
		return 0, errLeft
	}
	b.timer.Stop()
	n, err := b.ReadCloser.Read(p)
	if n > 0 && b.moved != nil {
		b.moved.Store(true)
	}
	switch {
	case err == io.EOF:
		b.ended.Store(true)
	case err != nil:
		b.failed.Store(true)
	}
	if !b.answered.Load() {
		b.timer.Reset(b.timeout)
	}
	return n, err
}

// leave ends the reading of what the client has not sent, also where a goroutine waits for it, as the handler ends. The
// server then reads what still comes for as long as rest. It would lift the deadline of a reading that it finds under
// way, and afterwards wait for the client without a limit.
func (b *watchedBody) leave(client *http.ResponseController, rest time.Duration) {
	if b == nil || b.ended.Load() || client.SetReadDeadline(time.Unix(1, 0)) != nil {
		return
	}
	b.reading.Lock()
	b.left = true
	b.reading.Unlock()
	_ = client.SetReadDeadline(time.Now().Add(rest)) // else the connection is closed
}

// stop ends the timing, when the app has answered or the request has ended.
func (b *watchedBody) stop() {
	b.answered.Store(true)
	b.timer.Stop()
}
