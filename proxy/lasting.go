package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/auth"
)

// lasting is an answer that may go on for longer than its session does.
type lasting struct {
	hold *auth.Hold
	// answer is the app's side. It is set once, before anybody else can close it.
	answer io.Closer
	over   atomic.Pointer[error]
	// endless: it is one of the streams.
	endless bool
}

var (
	errOver     = errors.New("the session ended while the answer went on")
	errStopping = errors.New("the gate stopped while the answer went on")
)

// longAnswer is the length in bytes from which an answer counts as one that lasts.
const longAnswer = 1 << 20

// lasts tells sockets, streams and long downloads from the answers that are over at once.
func lasts(res *http.Response) bool {
	return res.StatusCode == http.StatusSwitchingProtocols || res.ContentLength < 0 || res.ContentLength > longAnswer
}

// holdAnswer has an answer that lasts ended with its session, and one without an end with the gate.
func (p *Proxy) holdAnswer(x *exchange, res *http.Response) {
	held, endless := x.signedIn && lasts(res), endless(res)
	if held || endless {
		x.lasting.answer = res.Body
	}
	if held {
		x.lasting.hold = p.store.Hold(x.session, x)
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

// Still says whether the user may still have what he asked for; see auth.Lasting.
func (x *exchange) Still(u auth.User) bool { return x.access.Public || x.access.Allows(u) }

// End breaks the answer off, on both sides: the visitor's connection ends, so that nobody takes it for a whole one.
func (x *exchange) End() { x.cut(errOver) }

func (x *exchange) cut(why error) {
	if !x.lasting.over.CompareAndSwap(nil, &why) {
		return
	}
	go func() {
		_ = x.lasting.answer.Close()
		_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now()) // he may not be reading
	}()
}
