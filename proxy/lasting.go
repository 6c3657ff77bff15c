package proxy

import (
	"context"
	"errors"
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
	// stop ends the request to the app. It is set before there is a hold that can call it.
	stop func()
	// waits says that hold is for the wait. Its end is answered, which told says, and does not cut the connection.
	waits, told bool
	over        atomic.Pointer[error]
	// counts says that what moves is a use of the session: an upload, or a download of known length. Whatever else
	// lasts may go on by itself, as long as the page is open.
	counts bool
	moved  atomic.Bool // since Moved was called last
	// endless is whether the answer is one of Proxy.streams.
	endless bool
}

var (
	errOver     = errors.New("the session ended before the answer did")
	errStopping = errors.New("the gate stopped while the answer went on")
)

// long is the length in bytes from which a body counts as lasting. A body of unknown length does too.
const long = 1 << 20

// lasts reports whether an answer may take long: a WebSocket, a stream or a long download.
func lasts(res *http.Response) bool {
	return res.StatusCode == http.StatusSwitchingProtocols || res.ContentLength < 0 || res.ContentLength > long
}

// holdUpload ties a long upload to its session. Its answer then needs no hold of its own.
func (p *Proxy) holdUpload(x *exchange, length int64) {
	if x.signedIn && (length < 0 || length > long) {
		x.lasting.stop, x.lasting.counts, x.body.moved = x.body.cancel, !x.passive, &x.lasting.moved
		x.lasting.hold = p.sessions.Hold(x.session, x)
	}
}

// holdAnswer ties a lasting answer to its session, and an endless one to the gate.
func (p *Proxy) holdAnswer(x *exchange, res *http.Response) {
	held, endless := x.signedIn && lasts(res), endless(res)
	if (held || endless) && x.lasting.stop == nil {
		body := res.Body // an upgrade removes it from the answer
		x.lasting.stop = func() { _ = body.Close() }
	}
	if held && x.lasting.hold == nil {
		x.lasting.counts = res.ContentLength > long && !x.passive
		x.lasting.hold = p.sessions.Hold(x.session, x)
	}
	if endless {
		p.streams.add(x)
	}
}

// endless reports whether an answer lasts until one side ends it.
func endless(res *http.Response) bool {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return res.StatusCode == http.StatusSwitchingProtocols ||
		strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
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

// EndStreams ends the WebSockets and event streams under way. A gate that stops would otherwise wait for them
// without end. Their clients connect again, to another gate.
func (p *Proxy) EndStreams() {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	for x := range p.streams.all {
		x.cut(errStopping)
	}
}

// Still reports whether the session may still have what it asked for; see session.Lasting.
func (x *exchange) Still(v session.Session) bool { return x.access.Public || x.access.allows(v) }

// Moved reports whether a transfer has gone on since the last call; see session.Lasting.
func (x *exchange) Moved() bool { return x.lasting.counts && x.lasting.moved.Swap(false) }

// End ends the request and its answer on both sides. It closes the visitor's connection, so that the client sees
// that the answer is not complete. Who waits for an answer gets one.
func (x *exchange) End() { x.cut(errOver) }

func (x *exchange) cut(why error) {
	if !x.lasting.over.CompareAndSwap(nil, &why) {
		return
	}
	stop, waits := x.lasting.stop, x.lasting.waits // now, as the answer may come
	go upkeep.Watch{}.Run(context.Background(), "end an answer", func(context.Context) {
		if stop(); waits {
			return
		}
		visitor := http.NewResponseController(x.ResponseWriter)
		_ = visitor.SetReadDeadline(time.Now())  // the visitor may not be sending
		_ = visitor.SetWriteDeadline(time.Now()) // the visitor may not be reading
	})
}
