// Package direct sends requests to one app over HTTP/1.1, on the goroutine that asks. http.Transport hands each request
// to two other goroutines and back, which costs more than the rest of the way. Reading and writing of messages is left
// to net/http. It never decides about a request, and knows neither TLS, nor HTTP/2, nor proxies, nor who a connection
// belongs to: requests that sign a connection in (NTLM) must not come here.
//
// What it does otherwise than http.Transport, on purpose, is in the table of differences_test.go. Of the hooks of
// httptrace it calls those of Request.Write, those of the dialer, and Got1xxResponse.
package direct

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options are what a Transport needs to know.
type Options struct {
	// Dial connects to the app.
	Dial func(context.Context) (net.Conn, error)
	// Timeout is the longest wait for the header of an answer, from the time when the request is written. 0: no limit.
	Timeout time.Duration
	// Idle is how long a connection is kept that carries no request. 0: no limit.
	Idle time.Duration
	// MaxIdle is how many such connections are kept. 0: none.
	MaxIdle int
	// Age is the greatest age of a connection that gets another request. 0: no limit.
	Age time.Duration
}

const (
	// maxHeader limits the header of an answer, together with those of all interim answers before it.
	maxHeader = 1 << 20
	// maxInterim limits how many interim answers come before an answer.
	maxInterim = 1000
	// bufferSize is that of the buffer that a connection reads with, and of the one that a request is written with, in
	// bytes.
	bufferSize = 8 << 10
	// triesMost limits how often a request is sent: an app may hang up whenever it gets this one.
	triesMost = 3
	// patience is how long an answer may take, and twice that at most, before its request is watched for its end. Most
	// are over before.
	patience = 10 * time.Millisecond
)

// Transport is an http.RoundTripper for requests to one app, whatever host their URL names.
type Transport struct {
	o Options

	mu       sync.Mutex
	idle     []*conn // the last one used stands last
	wants    []*want // requests that wait for a connection, in their order
	closing  bool    // CloseIdleConnections was called, and no request came since
	sweeping bool    // a timer will call sweep
	sweeps   int     // how many there were
}

// New returns a Transport.
func New(o Options) *Transport { return &Transport{o: o} }

// RoundTrip sends a request to the app, and returns the header of its answer. The answer's body has to be read to its
// end or closed.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := check(r); err != nil {
		closeBody(r)
		return nil, err
	}
	for tries := 1; ; tries++ {
		c, err := t.take(r, tries > 1)
		if err != nil {
			closeBody(r)
			return nil, err
		}
		res, repeat, err := c.exchange(r)
		if !repeat {
			return res, err
		}
		if tries == triesMost {
			closeBody(r)
			return nil, err
		}
	}
}

// conn is a connection to the app. It carries one request at a time.
type conn struct {
	t    *Transport
	net  net.Conn
	peek peeker
	ask  *asker // nil: there is none
	in   *bufio.Reader
	made time.Time

	reused  bool      // it was idle before it got the request
	idledAt int       // Transport.sweeps when it became idle
	took    time.Time // when it was taken for the request

	flow
}

func (t *Transport) newConn(n net.Conn) *conn {
	c := &conn{t: t, net: n, peek: newPeeker(n), ask: newAsker(n), made: time.Now()}
	c.in = bufio.NewReaderSize(c, bufferSize)
	return c
}
