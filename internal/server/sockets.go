package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// headsMost bounds the headers of all requests that come in or are under way, by what they weigh in memory, in
	// bytes.
	headsMost = 16 << 20
	// headFree is what each request may have without being counted, in bytes: most have little more.
	headFree = 4 << 10
	// headWeight is how much memory a byte of a header takes while it comes in: small fields take many times their
	// length.
	headWeight = 16
	// fieldWeight is what a field takes besides its bytes.
	fieldWeight = 100
	// sparedFiles are those that a gate needs for other things than visitors and the app.
	sparedFiles = 128
)

// sockets bounds the visitors' connections and what their headers take. Each request under way may take a connection to
// the app along, so that a connection with several of HTTP/2 counts as many times. Where there is no room, the network
// that has most of it gives way, with a connection that does nothing rather than one that does.
type sockets struct{ count, heads *share.Pool }

func newSockets(most int) *sockets { return &sockets{share.New(int64(most)), share.New(headsMost)} }

// affordable is how many connections of visitors there may be: each may take one to the app along.
func affordable(most int) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur > 1<<30 {
		return most
	}
	return max(1, min(most, (int(files.Cur)-sparedFiles)/2)) //nolint:gosec // it is not above 1<<30
}

func (s *sockets) register(r prometheus.Registerer) {
	for name, p := range map[string]*share.Pool{"gatepost_connections": s.count, "gatepost_header_bytes": s.heads} {
		help := map[*share.Pool]string{s.count: "Connections of visitors.", s.heads: "Bytes that count for large headers of requests that come in or are under way."}[p]
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(p.Used()) }))
	}
}

// bound gives the listeners of visitors these bounds.
func (s *sockets) bound(l listeners) listeners {
	l.public = bounded{l.public, s}
	if l.plain != nil {
		l.plain = bounded{l.plain, s}
	}
	return l
}

// bounded is a listener with these bounds.
type bounded struct {
	net.Listener
	s *sockets
}

func (b bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil
		}
		if c := b.s.admit(tcp); c != nil {
			return c, nil
		}
		_ = tcp.Close()
	}
}

// socket is one such connection. What it has from TCPConn keeps its fast ways of copying.
type socket struct {
	*net.TCPConn
	part, head *share.Part
	// pending are the bytes that came since the last request, as far as they are counted; negative: none are, a request
	// is under way.
	pending atomic.Int64
	counted atomic.Int64 // of head
	streams atomic.Int64 // requests under way
}

// underWay in pending says that what comes is no header.
const underWay = -1 << 62

func (s *sockets) admit(conn *net.TCPConn) *socket {
	addr := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	c := &socket{TCPConn: conn}
	giveUp := func() { _ = conn.Close() }
	c.part, c.head = s.count.Join(addr, giveUp), s.heads.Join(addr, giveUp)
	if !c.part.Take(1) {
		c.leave()
		return nil
	}
	return c
}

var errHeads = errors.New("headers take more than there is room for")

// Read counts what may be a header. HTTP/2 is counted up to its first request only; one at a time is read of a
// connection.
func (c *socket) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if all := c.pending.Add(int64(n)); all > headFree && n > 0 {
		more := int64(n) * headWeight
		c.counted.Add(more)
		if !c.head.Take(more) {
			_ = c.TCPConn.Close()
			return 0, errHeads
		}
	}
	return n, err
}

func (c *socket) Close() error {
	c.leave()
	return c.TCPConn.Close()
}

func (c *socket) leave() {
	c.part.Leave()
	c.head.Leave()
}

// begins says that the header of a request has come, and what it takes now; ends undoes that. Where there is no room
// for it, its connection is closed, and nobody waits for an answer.
func (c *socket) begins(r *http.Request) (ends func()) {
	c.pending.Store(underWay)
	c.head.Return(c.counted.Swap(0))
	weight := max(0, weightOf(r)-headFree)
	if c.streams.Add(1) > 1 && !c.part.Take(1) || weight > 0 && !c.head.Take(weight) {
		_ = c.TCPConn.Close()
		panic(http.ErrAbortHandler)
	}
	return func() {
		c.head.Return(weight)
		if c.streams.Add(-1) > 0 {
			c.part.Return(1)
		}
	}
}

// rests says that the next request may come.
func (c *socket) rests() {
	c.part.Rest(true)
	c.pending.Store(0)
	c.head.Return(c.counted.Swap(0)) // of a request that nobody weighed
}

func weightOf(r *http.Request) int64 {
	weight := len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			weight += len(name) + len(v) + fieldWeight
		}
	}
	return int64(weight)
}

// socketOf is the connection below TLS; nil when it is none of ours.
func socketOf(conn net.Conn) *socket {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	c, _ := conn.(*socket)
	return c
}

// note is a http.Server.ConnState.
func (s *sockets) note(conn net.Conn, state http.ConnState) {
	c := socketOf(conn)
	switch {
	case c == nil:
	case state == http.StateActive:
		c.part.Rest(false)
	case state == http.StateIdle:
		c.rests()
	}
}

type socketKey struct{}

// withSocket is a http.Server.ConnContext.
func withSocket(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, socketKey{}, socketOf(conn))
}

// weighed counts the headers of requests for as long as they are under way.
func weighed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(socketKey{}).(*socket); c != nil {
			defer c.begins(r)()
		}
		next.ServeHTTP(w, r)
	})
}
