package direct

import (
	"context"
	"slices"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// want is a request that waits for a connection: a new one, or one that becomes free before.
type want struct{ got chan got }

type got struct {
	c   *conn
	err error
}

// await connects to the app, and waits for that connection or another.
func (t *Transport) await(ctx context.Context, w *want) (*conn, error) {
	// The new connection is kept for others when the visitor leaves meanwhile.
	over := context.WithoutCancel(ctx)
	go upkeep.Watch{}.Guard("connect to the app", func() { t.connect(over, w) })()
	select {
	case g := <-w.got:
		return g.c, g.err
	case <-ctx.Done():
	}
	if !t.forget(w) {
		if g := <-w.got; g.err == nil {
			t.put(g.c)
		}
	}
	return nil, context.Cause(ctx)
}

func (t *Transport) connect(ctx context.Context, w *want) {
	n, err := t.o.Dial(ctx)
	if err != nil {
		if t.forget(w) {
			w.got <- got{err: err}
		}
		return
	}
	c := t.newConn(n)
	if t.forget(w) {
		w.got <- got{c: c}
		return
	}
	t.put(c)
}

// forget reports whether a want had nothing yet, and takes it out.
func (t *Transport) forget(w *want) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.wants, w)
	if i >= 0 {
		t.wants = slices.Delete(t.wants, i, i+1)
	}
	return i >= 0
}
