package direct

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// sweepEvery is how often idle connections are looked at.
const sweepEvery = time.Second

// take returns a connection for a request: the idle one that was used last, or a new one. A request that has failed on
// an idle one gets another only if that becomes free while it waits.
func (t *Transport) take(r *http.Request, again bool) (*conn, error) {
	ctx := r.Context()
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c, w := t.pop(again)
		if c == nil {
			var err error
			if c, err = t.await(ctx, w); err != nil {
				return nil, err
			}
		}
		c.took = time.Now()
		if !c.reused || !c.expired(c.took) && !c.peek.readable() {
			return c, nil
		}
		_ = c.net.Close()
	}
}

// pop takes an idle connection, or notes that the request wants one, as it does again.
func (t *Transport) pop(again bool) (*conn, *want) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = false
	last := len(t.idle) - 1
	if last < 0 || again {
		w := &want{got: make(chan got, 1)}
		t.wants = append(t.wants, w)
		return nil, w
	}
	c := t.idle[last]
	t.idle[last] = nil
	t.idle = t.idle[:last]
	c.reused = true
	return c, nil
}

// put hands a connection that is free to the request that has waited longest, or keeps it.
func (t *Transport) put(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.wants) > 0:
		w := t.wants[0]
		t.wants = slices.Delete(t.wants, 0, 1)
		c.reused = true
		w.got <- got{c: c}
	case t.closing || len(t.idle) >= t.o.MaxIdle:
		_ = c.net.Close()
	default:
		c.idledAt = t.sweeps
		t.idle = append(t.idle, c)
		if !t.sweeping {
			t.sweepLater()
		}
	}
}

func (t *Transport) sweepLater() {
	t.sweeping = true
	time.AfterFunc(sweepEvery, upkeep.Watch{}.Guard("close idle connections to the app", t.sweep))
}

// sweep closes the connections that are idle for too long or too old, and those that the app has closed.
func (t *Transport) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweeps++
	now := time.Now()
	t.idle = slices.DeleteFunc(t.idle, func(c *conn) bool {
		idle := time.Duration(t.sweeps-c.idledAt) * sweepEvery
		over := t.o.Idle > 0 && idle > t.o.Idle || c.expired(now) || c.peek.readable()
		if over {
			_ = c.net.Close()
		}
		return over
	})
	if t.sweeping = false; len(t.idle) > 0 {
		t.sweepLater()
	}
}

// CloseIdleConnections closes the connections that carry no request, and those under way when they become idle, until
// there is another request.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = true
	for _, c := range t.idle {
		_ = c.net.Close()
	}
	clear(t.idle)
	t.idle = t.idle[:0]
}

// expired reports whether a connection is too old for another request.
func (c *conn) expired(now time.Time) bool { return c.t.o.Age > 0 && now.Sub(c.made) >= c.t.o.Age }
