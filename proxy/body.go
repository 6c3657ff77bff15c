package proxy

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

var errSilent = errors.New("the app neither read the body nor answered")

// watchedBody is a request body on its way to the app. It tells whose fault it is when it does not get there: a client
// that breaks off, or an app that stops reading. The transport times the app only once the whole body is sent.
type watchedBody struct {
	io.ReadCloser
	ended    atomic.Bool // all of it was read
	failed   atomic.Bool // reading from the client failed
	silent   atomic.Bool // the app took nothing and said nothing for the whole timeout
	answered atomic.Bool // the app has begun its answer; nothing is timed any more
	timeout  time.Duration
	timer    *time.Timer
	cancel   context.CancelFunc // ends the app's request
}

// watchBody returns a context that ends when the app falls silent, or by cancel.
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

// Read hands on what the client sends. Waiting for the client is not timed: he may be slow.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Stop()
	n, err := b.ReadCloser.Read(p)
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

// stop ends the timing: the app has answered, or nobody waits any more.
func (b *watchedBody) stop() {
	b.answered.Store(true)
	b.timer.Stop()
}
