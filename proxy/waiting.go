package proxy

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// waitsAfter is how long a request and its answer go on before they are held together with their session, as a long
// poll and a slow transfer are. Most are over before, and cost no more than their place in a list.
const waitsAfter = 500 * time.Millisecond

// lateAfter is how long a request waits before its answer is late, when its session ends meanwhile. What is answered
// before came at the same moment as the end.
const lateAfter = 20 * time.Millisecond

// waiting are the requests of signed-in visitors that wait for the app, or for the rest of a body, and are not held
// yet. Those that came first stand first.
type waiting struct {
	hold        func(*exchange) // is called with the lock
	mu          sync.Mutex
	first, last *exchange
	armed       bool // a timer will call due
}

// place is the place of an exchange among those that wait.
type place struct {
	listed     bool
	prev, next *exchange
}

func (w *waiting) add(x *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x.place = place{listed: true, prev: w.last}
	if w.last == nil {
		w.first = x
	} else {
		w.last.place.next = x
	}
	w.last = x
	w.arm(waitsAfter)
}

// remove takes out what has its answer, or what is over. Afterwards it is not held any more because it waits.
func (w *waiting) remove(x *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(x)
}

func (w *waiting) unlink(x *exchange) {
	at := x.place
	if !at.listed {
		return
	}
	if x.place = (place{}); at.prev == nil {
		w.first = at.next
	} else {
		at.prev.place.next = at.next
	}
	if at.next == nil {
		w.last = at.prev
	} else {
		at.next.place.prev = at.prev
	}
}

// arm has due called. One timer serves all, and none is set while nothing waits.
func (w *waiting) arm(after time.Duration) {
	if !w.armed {
		w.armed = true
		time.AfterFunc(after, upkeep.Watch{}.Guard("hold what waits", w.due))
	}
}

// due holds what has waited for long enough.
func (w *waiting) due() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	for w.first != nil {
		x := w.first
		if left := waitsAfter - time.Since(x.start); left > 0 {
			w.arm(max(left, waitsAfter/10))
			return
		}
		w.unlink(x)
		w.hold(x)
	}
}

// holdWaiting ties a request that waits, or its answer, to its session. What has moved so far is no more than the use
// that the request itself was; so a long poll with a body is not another one.
func (p *Proxy) holdWaiting(x *exchange) {
	x.lasting.waits = x.lasting.answer == nil
	x.lasting.moved.Store(false)
	x.lasting.hold = p.sessions.Hold(x.session, x)
}

// stopWaiting ends the request to the app. Over HTTP/1 the visitor's connection is read while the app is waited for, to
// see whether the visitor leaves. A failed read ends the context of the request, and does not keep it from an answer.
func (x *exchange) stopWaiting() {
	_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(time.Now()) // else the app's answer is not passed on
}

// stoppable gives a request of HTTP/2 a context that can be ended, as stopWaiting ends no single one of a connection.
func (x *exchange) stoppable(ctx context.Context) (context.Context, context.CancelFunc) {
	if x.request.ProtoMajor == 1 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	x.lasting.cancel = cancel
	return ctx, cancel
}

// answered ends the waiting, as the app has answered. The answer may be held again, by what it is. It fails with
// errOver if the session ended meanwhile.
func (p *Proxy) answered(x *exchange) error {
	if !x.signedIn {
		return nil
	}
	p.waiting.remove(x)
	waited := x.lasting.waits
	if waited {
		x.lasting.hold.Release()
	}
	if x.lasting.over.Load() != nil || p.endedMeanwhile(x, waited) {
		return errOver
	}
	if waited {
		x.lasting.hold, x.lasting.waits = nil, false
	}
	return nil
}

// endedMeanwhile asks about the session once more if an answer is late and something has changed since the look-up. Of
// what is not held yet it looks only at what asks for data: a page may be that of the log-out itself.
func (p *Proxy) endedMeanwhile(x *exchange, waited bool) bool {
	if !p.sessions.Outdated(x.session) || time.Since(x.start) < lateAfter ||
		!waited && (!isGet(x.request.Method) || p.c.Navigating(x.request)) {
		return false
	}
	c, _, err := x.app.credentialIn(x.request)
	if err != nil {
		return false // it was decided about before
	}
	var found session.Session
	err = p.find(x.request.Context(), session.Asking{Client: x.client, Hasty: true, Passive: true}, &c, &found)
	return errors.Is(err, session.ErrNoSession) || err == nil && !x.Still(found)
}

// tellOver answers a request whose session ended while it waited for the app, as such a request is answered now.
func (p *Proxy) tellOver(x *exchange) {
	x.lasting.told = true
	if x.request.ProtoMajor == 1 {
		x.Header().Set("Connection", "close") // its context may be over
	}
	r := x.request.WithContext(context.WithoutCancel(x.request.Context()))
	status, err := p.identify(x, r, x.access)
	switch {
	case err == nil && x.access.Public:
		status, err = http.StatusUnauthorized, session.ErrNoSession
	case err == nil: // the session is there again
		status, err = http.StatusServiceUnavailable, errOver
	}
	p.refuse(x, r, status, err)
}
