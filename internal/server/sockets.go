package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// headsMost limits the memory, in bytes, of the headers of all requests that come in or are under way.
	headsMost = 16 << 20
	// headFree is how many bytes of each request are not counted. Most headers are hardly larger.
	headFree = 4 << 10
	// headWeight is how many bytes of memory a byte of a header counts for while it is read. Small fields take many
	// times their length.
	headWeight = 16
	// fieldWeight is how many bytes of memory a field takes besides its text.
	fieldWeight = 100
	// sparedFiles are the file descriptors that a gate needs for other things than visitors and the app.
	sparedFiles = 128
)

// sockets limits the visitors' connections and the memory of their headers. Each request under way may need a
// connection to the app, so an HTTP/2 connection counts once for each of its requests. When the limit is reached,
// the network with the most connections loses one: an idle one, if it has one.
type sockets struct {
	count, heads *share.Pool
	h2c          *h2c
}

func newSockets(most int, h2c *h2c) *sockets {
	return &sockets{share.New(int64(most)), share.New(headsMost), h2c}
}

// affordable is how many connections of visitors the limit on open files allows, up to most. Each connection may
// need another one to the app.
func affordable(most int) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur > 1<<30 {
		return most
	}
	return max(1, min(most, (int(files.Cur)-sparedFiles)/2)) //nolint:gosec // it is not above 1<<30
}

func (s *sockets) register(r prometheus.Registerer) {
	for name, p := range map[string]*share.Pool{"gatepost_connections": s.count, "gatepost_header_bytes": s.heads} {
		help := map[*share.Pool]string{s.count: "Connections of visitors.",
			s.heads: "Bytes that count for large headers of requests that come in or are under way."}[p]
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(p.Used()) }))
	}
}

// bound limits the listeners that visitors connect to.
func (s *sockets) bound(l listeners) listeners {
	l.public = bounded{l.public, s}
	if l.plain != nil {
		l.plain = bounded{l.plain, s}
	}
	return l
}

// bounded is a listener whose connections are limited.
type bounded struct {
	net.Listener
	s *sockets
}

// Accept returns the next connection within the limits.
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

// socket is a limited connection. It embeds TCPConn to keep that type's fast ways of copying.
type socket struct {
	patient
	part, head *share.Part
	// pending is how many bytes were read since the last request. It is very negative while a request is under way,
	// when bytes are not counted.
	pending atomic.Int64
	counted atomic.Int64 // bytes taken of head for the header being read
	streams atomic.Int64 // requests under way
	opening opening
	h2c     *h2c // decides about a connection that begins with HTTP/2
}

// underWay is the value of pending while a request is under way, when what is read is no header.
const underWay = -1 << 62

func (s *sockets) admit(conn *net.TCPConn) *socket {
	addr := addrOf(conn)
	c := &socket{patient: patient{TCPConn: conn}, h2c: s.h2c}
	giveUp := func() { _ = conn.Close() }
	c.part, c.head = s.count.Join(addr, giveUp), s.heads.Join(addr, giveUp)
	if !c.part.Take(1) {
		c.leave()
		return nil
	}
	return c
}

func addrOf(conn *net.TCPConn) netip.Addr { return conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr() }

var errHeads = errors.New("headers take more than there is room for")

// Read counts bytes that may be a header. Of an HTTP/2 connection only the first header is counted while it is
// read.
func (c *socket) Read(b []byte) (int, error) {
	n, err := c.patient.Read(b)
	if c.h2c.on && !c.opening.complete() {
		if c.opening.add(b[:n]); c.opening.complete() && !c.h2c.trusts(addrOf(c.TCPConn)) {
			return 0, c.h2c.turnAway(c)
		}
	}
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

// Close closes the connection and gives back what it has of the limits.
func (c *socket) Close() error {
	c.leave()
	return c.patient.Close()
}

func (c *socket) leave() {
	c.part.Leave()
	c.head.Leave()
}

// begins counts a request whose header was read, by the memory it takes, for ends to undo that. When there is no room,
// begins closes the connection and aborts the handler.
func (c *socket) begins(r *http.Request) (weight int64) {
	c.pending.Store(underWay)
	c.head.Return(c.counted.Swap(0))
	weight = max(0, weightOf(r)-headFree)
	if c.streams.Add(1) > 1 && !c.part.Take(1) || weight > 0 && !c.head.Take(weight) {
		_ = c.TCPConn.Close()
		panic(http.ErrAbortHandler)
	}
	return weight
}

func (c *socket) ends(weight int64) {
	c.head.Return(weight)
	if c.streams.Add(-1) > 0 {
		c.part.Return(1)
	}
}

// rests marks the connection as idle, and counts the next header.
func (c *socket) rests() {
	c.part.Rest(true)
	c.pending.Store(0)
	c.head.Return(c.counted.Swap(0)) // of a request that did not reach begins
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

// socketOf is the socket below a connection; nil when it is not limited.
func socketOf(conn net.Conn) *socket {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	c, _ := conn.(*socket)
	return c
}

// note is the http.Server.ConnState callback.
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

// withSocket is the http.Server.ConnContext callback.
func withSocket(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, socketKey{}, socketOf(conn))
}

// weighed counts the headers of requests while they are under way.
func weighed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(socketKey{}).(*socket); c != nil {
			defer c.ends(c.begins(r))
		}
		next.ServeHTTP(w, r)
	})
}
