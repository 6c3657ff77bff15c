package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
	"github.com/gatepost/gatepost/proxy"
)

// How long an answer of the app counts for further probes.
const (
	goodAnswer = 5 * time.Second
	badAnswer  = time.Second // short, so that an app that is back is noticed soon
)

// appHealth is whether the app answers. Probes share requests: there is one at a time, and its answer counts for a
// while, so that many probes are no load. Between two requests a probe only connects to the app.
type appHealth struct {
	speak, dial func(context.Context) error
	watch       upkeep.Watch

	mu     sync.Mutex
	err    error         // the last answer
	until  time.Time     // until when it counts
	asking chan struct{} // closed when the request under way is answered; nil when there is none
}

var errNoAnswer = errors.New("the app does not answer")

func (g *gate) newAppHealth() *appHealth {
	return &appHealth{watch: g.watch, dial: g.c.Upstream.Dial, err: errNoAnswer,
		speak: func(ctx context.Context) error { return g.c.Upstream.Speak(ctx, g.c.PublicURL, "gatepost-readyz") }}
}

// look is nil when the app answers. When there is no answer before ctx ends, the last one counts: an app that is slow
// or hangs is told after the request's own time limit.
func (h *appHealth) look(ctx context.Context) error {
	answered := h.ask()
	if answered != nil {
		select {
		case <-answered:
		case <-ctx.Done():
		}
	}
	h.mu.Lock()
	err := h.err
	h.mu.Unlock()
	if err == nil && answered == nil && h.dial(ctx) != nil {
		return errNoAnswer
	}
	return err
}

// ask begins a request unless the last answer still counts. The channel is closed when there is a new answer; it is nil
// when none is needed.
func (h *appHealth) ask() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asking == nil && time.Now().Before(h.until) {
		return nil
	}
	if h.asking == nil {
		h.asking = make(chan struct{})
		// Not with the probe's context: other probes wait for the answer too, and it may come after this one has left.
		go h.watch.Guard("ask the app", h.answer)()
	}
	return h.asking
}

func (h *appHealth) answer() {
	err := errNoAnswer
	defer func() { // also after a panic
		h.mu.Lock()
		defer h.mu.Unlock()
		h.err, h.until = err, time.Now().Add(badAnswer)
		if err == nil {
			h.until = time.Now().Add(goodAnswer)
		}
		close(h.asking)
		h.asking = nil
	}()
	var away proxy.AwayError
	if err = h.speak(context.Background()); errors.As(err, &away) {
		err = errNoAnswer
	}
}
