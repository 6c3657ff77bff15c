package direct

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patienceOfTests only bounds how long a test that fails takes.
const patienceOfTests = 30 * time.Second

// transport is what both implementations are.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// dialFunc connects to an app.
type dialFunc = func(context.Context) (net.Conn, error)

// makers are the two implementations with the settings of the gate's.
var makers = map[string]func(dialFunc, time.Duration) transport{
	"direct": func(dial dialFunc, timeout time.Duration) transport {
		return New(Options{Dial: dial, Timeout: timeout, Idle: 90 * time.Second, MaxIdle: 512})
	},
	"net/http": func(dial dialFunc, timeout time.Duration) transport {
		return &http.Transport{
			DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			ResponseHeaderTimeout: timeout, MaxIdleConnsPerHost: 512, IdleConnTimeout: 90 * time.Second,
			DisableCompression: true, WriteBufferSize: bufferSize, ReadBufferSize: bufferSize,
		}
	},
}

// app is an app that speaks by hand, and so may speak badly. Each connection is served by a function.
type app struct {
	t     *testing.T
	l     net.Listener
	conns atomic.Int64 // how many there were
	wg    sync.WaitGroup
}

// peer is the app's end of a connection.
type peer struct {
	*net.TCPConn
	in     *bufio.Reader
	number int64 // from 1
}

func newApp(t *testing.T, serve func(*peer)) *app {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, l: l}
	a.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(patienceOfTests))
			p := &peer{TCPConn: c.(*net.TCPConn), in: bufio.NewReader(c), number: a.conns.Add(1)}
			a.wg.Go(func() {
				defer c.Close()
				serve(p)
			})
		}
	})
	t.Cleanup(a.close)
	return a
}

func (a *app) close() {
	_ = a.l.Close()
	a.wg.Wait()
}

func (a *app) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", a.l.Addr().String())
}

// request reads a request with its body. It is nil when there is no more.
func (p *peer) request() *http.Request {
	r, err := http.ReadRequest(p.in)
	if err != nil {
		return nil
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(b)))
	return r
}

func (p *peer) say(format string, args ...any) { _, _ = fmt.Fprintf(p, format, args...) }

// reset closes the connection with a reset.
func (p *peer) reset() {
	_ = p.SetLinger(0)
	_ = p.Close()
}

// both runs a test against both implementations.
func both(t *testing.T, test func(t *testing.T, make func(dialFunc, time.Duration) transport)) {
	t.Helper()
	for name, make := range makers {
		t.Run(name, func(t *testing.T) { test(t, make) })
	}
}

// open returns a transport to an app.
func (a *app) open(make func(dialFunc, time.Duration) transport) transport {
	rt := make(a.dial, patienceOfTests)
	a.t.Cleanup(rt.CloseIdleConnections) // before the app is closed
	return rt
}

// newRequest is a request whose context ends when the test fails to.
func newRequest(t *testing.T, method string, body io.Reader) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patienceOfTests)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, "http://app/path?q=1", body)
	if err != nil {
		t.Fatal(err)
	}
	r.GetBody = nil // ReverseProxy has none
	return r
}

// outcome is all that comes of a request.
type outcome struct {
	Failed     bool // there was no answer
	Status     int
	Proto      string
	Header     http.Header
	Length     int64
	Body       string
	BodyFailed bool // it ended early
	Trailer    http.Header
}

// String leaves out what is as usual.
func (o outcome) String() string {
	if o.Failed {
		return "no answer"
	}
	s := fmt.Sprintf("%d %q", o.Status, o.Body)
	if o.BodyFailed {
		s += " cut"
	}
	if len(o.Trailer) > 0 {
		s += fmt.Sprint(" ", map[string][]string(o.Trailer))
	}
	return s
}

func (o outcome) equal(other outcome) bool {
	same := func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") && len(a) == len(b) }
	return o.String() == other.String() && o.Proto == other.Proto && o.Length == other.Length &&
		maps.EqualFunc(o.Header, other.Header, same)
}

// ask sends a request and reads all of the answer.
func ask(rt http.RoundTripper, r *http.Request) (outcome, error) {
	res, err := rt.RoundTrip(r)
	if err != nil {
		return outcome{Failed: true}, err
	}
	if res.Request != r {
		return outcome{}, errors.New("the answer does not name its request")
	}
	b, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	return outcome{Status: res.StatusCode, Proto: res.Proto, Header: res.Header, Length: res.ContentLength,
		Body: string(b), BodyFailed: err != nil, Trailer: res.Trailer}, err
}

// gate opens once.
type gate chan struct{}

func newGate() gate { return make(gate) }

func (g gate) open() { close(g) }

func (g gate) wait() {
	select {
	case <-g:
	case <-time.After(patienceOfTests):
	}
}

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // http.Transport tells of bytes that nobody asked for
	os.Exit(m.Run())
}
