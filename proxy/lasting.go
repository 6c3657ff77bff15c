package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// lasting is a body of a request or an answer, or the wait for an answer, that may take longer than its session lasts.
type lasting struct {
	hold *session.Hold
	// cancel ends the request to the app; nil: only answer can be ended. It is set before there is a hold.
	cancel func()
	// answer is the body of the app's answer; nil: there is none yet.
	answer io.Closer
	// waits says that hold is for the wait. Its end is answered, which told says, and does not cut the connection.
	waits, told bool
	over        atomic.Pointer[error]
	// counts says that an answer that moves is a use of the session.
	counts bool
	// moved is whether something that is a use of the session has moved since Moved was called last.
	moved atomic.Bool
	// endless is whether the answer is one of Proxy.streams.
	endless bool
}

var (
	errOver = errors.New("the session ended before the answer did")
	// ErrStopping is for EndStreams, when the gate stops.
	ErrStopping = errors.New("the gate stopped while the answer went on")
	// ErrClosed means that the site is closed for maintenance.
	ErrClosed = errors.New("the site is closed for maintenance")
)

// long is the length in bytes from which a body is held from its beginning. A body of unknown length is, too. Any other
// is held when it is still under way after waitsAfter.
const long = 1 << 20

// lasts reports whether an answer may take long: a WebSocket, a stream or a long download.
func lasts(res *http.Response) bool {
	return res.StatusCode == http.StatusSwitchingProtocols || res.ContentLength < 0 || res.ContentLength > long
}

// holdUpload ties an upload to its session: a long one now, and its answer then needs no hold of its own.
func (p *Proxy) holdUpload(x *exchange, length int64) {
	if !x.signedIn {
		return
	}
	if x.lasting.cancel = x.body.cancel; !x.passive {
		x.body.moved = &x.lasting.moved
	}
	if length < 0 || length > long {
		x.lasting.hold = p.sessions.Hold(x.session, x)
	} else {
		p.waiting.add(x)
	}
}

// holdAnswer ties an answer to its session, and an endless one to the gate.
func (p *Proxy) holdAnswer(x *exchange, res *http.Response) {
	x.lasting.answer = res.Body // an upgrade removes it from the answer
	endless := endless(res)
	if x.signedIn {
		x.lasting.counts = !x.passive && !endless && !subscribed(res)
	}
	switch {
	case !x.signedIn, x.lasting.hold != nil:
	case lasts(res):
		x.lasting.hold = p.sessions.Hold(x.session, x)
	case res.ContentLength > 0, x.body != nil && !x.body.ended.Load():
		p.waiting.add(x)
	}
	if endless {
		p.streams.add(x)
	}
}

// endless reports whether an answer lasts until one side ends it.
func endless(res *http.Response) bool {
	return res.StatusCode == http.StatusSwitchingProtocols || kindOf(res) == "text/event-stream"
}

// subscribed reports whether an answer, like an endless one, brings news to an open page for as long as there are any,
// and not a thing that the user asked for: the pictures of a camera, or messages of gRPC.
func subscribed(res *http.Response) bool {
	kind := kindOf(res)
	return kind == "multipart/x-mixed-replace" || strings.HasPrefix(kind, "application/grpc")
}

// kindOf is the media type of an answer in lower case, without parameters.
func kindOf(res *http.Response) string {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// streams are the endless answers under way.
type streams struct {
	mu  sync.Mutex
	all map[*exchange]struct{}
}

func (s *streams) add(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*exchange]struct{}{}
	}
	s.all[x] = struct{}{}
	x.lasting.endless = true
}

func (s *streams) remove(x *exchange) {
	if !x.lasting.endless {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, x)
}

// EndStreams ends the WebSockets and event streams that began before a time, and says why in the log. A gate that stops
// would otherwise wait for them without end, and they would go on at a site that is closed. Their clients connect
// again, to another gate, or are refused.
func (p *Proxy) EndStreams(why error, began time.Time) {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	for x := range p.streams.all {
		if x.start.Before(began) {
			x.cut(why)
		}
	}
}

// Still reports whether the session may still have what it asked for; see session.Lasting. How long ago the user was
// proved is judged when a request begins, so that no socket ends because time goes by.
func (x *exchange) Still(v session.Session) bool {
	if v.Grant != nil && v.Grant.Rules != x.session.Grant.Rules { // it was narrowed otherwise since
		return false
	}
	return x.access.Public || x.access.goesOn(v)
}

// Moved reports whether a transfer has gone on since the last call; see session.Lasting.
func (x *exchange) Moved() bool { return x.lasting.moved.Swap(false) }

// End ends the request and its answer on both sides. It closes the visitor's connection, so that the client sees
// that the answer is not complete. Who waits for an answer gets one.
func (x *exchange) End() { x.cut(errOver) }

func (x *exchange) cut(why error) {
	if !x.lasting.over.CompareAndSwap(nil, &why) {
		return
	}
	stop, waits := x.stopper(), x.lasting.waits // now, as the answer may come
	go upkeep.Watch{}.Run(context.Background(), "end an answer", func(context.Context) {
		visitor := http.NewResponseController(x.ResponseWriter)
		if stop(); !waits || x.body != nil && !x.body.ended.Load() {
			_ = visitor.SetReadDeadline(time.Now()) // the visitor may not be sending
		}
		if !waits {
			_ = visitor.SetWriteDeadline(time.Now()) // the visitor may not be reading
		}
	})
}

// stopper returns what ends the request to the app, or else the app's answer.
func (x *exchange) stopper() func() {
	if x.lasting.cancel != nil { // first: the answer of a long upload may be coming
		return x.lasting.cancel
	}
	if answer := x.lasting.answer; answer != nil {
		return func() { _ = answer.Close() }
	}
	return x.stopWaiting
}
