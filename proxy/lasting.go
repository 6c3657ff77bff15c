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

// lasting is a body, of the request or of its answer, that may go on for longer than its session does.
type lasting struct {
	hold *session.Hold
	// stop breaks off the app's side. It is set once, before anybody else can call it.
	stop func()
	over atomic.Pointer[error]
	// endless: it is one of the streams.
	endless bool
}

var (
	errOver     = errors.New("the session ended before the answer did")
	errStopping = errors.New("the gate stopped while the answer went on")
)

// long is the length in bytes from which a body counts as one that lasts, as one of unknown length does.
const long = 1 << 20

// lasts tells sockets, streams and long downloads from the answers that are over at once.
func lasts(res *http.Response) bool {
	return res.StatusCode == http.StatusSwitchingProtocols || res.ContentLength < 0 || res.ContentLength > long
}

// holdUpload keeps a long upload together with its session. Its answer needs no hold of its own.
func (p *Proxy) holdUpload(x *exchange, length int64) {
	if x.signedIn && (length < 0 || length > long) {
		x.lasting.stop = x.body.cancel
		x.lasting.hold = p.sessions.Hold(x.session, x)
	}
}

// holdAnswer has an answer that lasts ended with its session, and one without an end with the gate.
func (p *Proxy) holdAnswer(x *exchange, res *http.Response) {
	held, endless := x.signedIn && lasts(res), endless(res)
	if (held || endless) && x.lasting.stop == nil {
		body := res.Body // which an upgrade takes out of the answer
		x.lasting.stop = func() { _ = body.Close() }
	}
	if held && x.lasting.hold == nil {
		x.lasting.hold = p.sessions.Hold(x.session, x)
	}
	if endless {
		p.streams.add(x)
	}
}

// endless tells answers that are over when somebody ends them from those that are over by themselves.
func endless(res *http.Response) bool {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return res.StatusCode == http.StatusSwitchingProtocols || strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
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

// EndStreams ends the sockets and event streams under way: a gate that stops would wait for them for ever, and whoever was on one comes
// back, to another gate.
func (p *Proxy) EndStreams() {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	for x := range p.streams.all {
		x.cut(errStopping)
	}
}

// Still says whether the session may still have what it asked for; see session.Lasting.
func (x *exchange) Still(v session.Session) bool { return x.access.Public || x.access.Allows(v) }

// End breaks request and answer off, on both sides: the visitor's connection ends, so that nobody takes half of one for a whole.
func (x *exchange) End() { x.cut(errOver) }

func (x *exchange) cut(why error) {
	if !x.lasting.over.CompareAndSwap(nil, &why) {
		return
	}
	go upkeep.Watch{}.Run(context.Background(), "end an answer", func(context.Context) {
		x.lasting.stop()
		visitor := http.NewResponseController(x.ResponseWriter)
		_ = visitor.SetReadDeadline(time.Now())  // he may not be sending
		_ = visitor.SetWriteDeadline(time.Now()) // or not be reading
	})
}
