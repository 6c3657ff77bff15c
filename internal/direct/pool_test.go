package direct

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// number is the connection that an answer came over.
func number(t *testing.T, rt http.RoundTripper) string {
	t.Helper()
	got, err := ask(rt, newRequest(t, "GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	return got.Header.Get("X-Conn")
}

// numbers answers each request with the number of its connection.
func numbers(p *peer) {
	for p.request() != nil {
		p.say(second, p.number)
	}
}

// hold sends a request whose answer goes on until the function that it returns reads it.
func hold(t *testing.T, rt http.RoundTripper) (end func() string) {
	t.Helper()
	res, err := rt.RoundTrip(newRequest(t, "GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	return func() string {
		_, _ = io.ReadAll(res.Body)
		return res.Header.Get("X-Conn")
	}
}

// The connection that was used last is used next, so that those that nobody needs become old.
func TestTheLastConnectionIsUsedFirst(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, numbers)
		rt := app.open(make)
		var ends []func() string
		for range 5 {
			ends = append(ends, hold(t, rt))
		}
		for _, i := range []int{4, 0, 2, 1, 3} {
			last := ends[i]()
			if got := number(t, rt); got != last {
				t.Errorf("got %s, want %s", got, last)
			}
		}
		if n := app.conns.Load(); n != 5 {
			t.Errorf("%d connections", n)
		}
	})
}

// More idle connections than MaxIdle are not kept.
func TestIdleConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	app := newApp(t, numbers)
	rt := New(Options{Dial: app.dial, MaxIdle: 2})
	t.Cleanup(rt.CloseIdleConnections)
	var ends []func() string
	for range 5 {
		ends = append(ends, hold(t, rt))
	}
	for _, end := range ends {
		end()
	}
	if rt.mu.Lock(); len(rt.idle) != 2 {
		t.Errorf("%d are kept", len(rt.idle))
	}
	rt.mu.Unlock()
}

// CloseIdleConnections closes what is idle, and what becomes so, until the next request.
func TestClosingIdleConnections(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		var over sync.WaitGroup
		over.Add(2)
		app := newApp(t, func(p *peer) {
			numbers(p)
			if p.number <= 2 {
				over.Done()
			}
		})
		rt := app.open(make)
		under := hold(t, rt)
		number(t, rt)
		rt.CloseIdleConnections()
		under()
		over.Wait()
		if got := number(t, rt); got != "3" || number(t, rt) != "3" {
			t.Errorf("got %s, and then not 3", got)
		}
	})
}

// A connection that the app closes while it is idle is closed here too, without a request.
func TestTheSweepClosesWhatTheAppHasClosed(t *testing.T) {
	t.Parallel()
	closing, closed := newGate(), newGate()
	app := newApp(t, func(p *peer) {
		if p.request() != nil {
			p.say(second, p.number)
		}
		closing.wait()
		_ = p.CloseWrite()
		if _, err := p.in.ReadByte(); err == io.EOF {
			closed.open()
		}
	})
	rt := app.open(makers["direct"])
	number(t, rt)
	closing.open()
	closed.wait()
	select {
	case <-closed:
	default:
		t.Error("the connection is still open")
	}
}

// Connections have a greatest age and a greatest time of idling. Neither is counted in requests.
func TestOldConnectionsAreNotUsed(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"age": {Age: time.Millisecond}, "idle": {Idle: time.Millisecond}} {
		app := newApp(t, numbers)
		o.Dial, o.MaxIdle = app.dial, 10
		rt := New(o)
		number(t, rt)
		if name == "age" {
			time.Sleep(o.Age)
		} else {
			for range 2 { // as the timer does
				rt.mu.Lock()
				rt.sweeping = true // no other timer
				rt.mu.Unlock()
				rt.sweep()
			}
		}
		if got := number(t, rt); got != "2" {
			t.Errorf("%s: got %s", name, got)
		}
		rt.CloseIdleConnections()
		app.close()
	}
}

// eventually waits for what has no event of its own.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patienceOfTests); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// A request that waits for a connection takes one that becomes free. The one that was made for it is kept for another.
func TestAConnectionThatBecomesFree(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, numbers)
		slow, dialling, dialled := newGate(), newGate(), newGate()
		dials := 0
		rt := make(func(ctx context.Context) (net.Conn, error) {
			if dials++; dials == 2 {
				defer dialled.open()
				dialling.open()
				slow.wait()
			}
			return app.dial(ctx)
		}, patienceOfTests)
		t.Cleanup(rt.CloseIdleConnections)
		first := hold(t, rt)
		got := inBackground(t, rt)
		dialling.wait()
		first()
		if n := <-got; n != "1" {
			t.Errorf("the request that waited got connection %s", n)
		}
		slow.open()
		dialled.wait()
		if ours, ok := rt.(*Transport); ok {
			eventually(t, "the new connection is kept", func() bool {
				ours.mu.Lock()
				defer ours.mu.Unlock()
				return len(ours.idle) == 2 && len(ours.wants) == 0
			})
		}
	})
}

// inBackground asks, and tells which connection answered.
func inBackground(t *testing.T, rt http.RoundTripper) <-chan string {
	got := make(chan string, 1)
	r := newRequest(t, "GET", nil)
	go func() {
		o, _ := ask(rt, r)
		got <- o.Header.Get("X-Conn")
	}()
	return got
}

// points are where an app may close, and what becomes of a request on a connection that it had kept. Then requests
// counts those that the app got as a whole; another connection is there to answer.
var points = []struct {
	name  string
	close func(*peer)
	get   string // the outcome of GET
	post  string // and of POST, with a body and without
}{
	{"before the request", func(p *peer) { _ = p.Close() }, "second", "second"},
	{"before the request, by reset", (*peer).reset, "second", "second"},
	{"before the request, with 408", func(p *peer) { p.say("HTTP/1.1 408 Timeout\r\nConnection: close\r\n\r\n") },
		"second", "second"},
	{"after the request", func(p *peer) { p.request() }, "second", "no answer"},
	{"after the request, by reset", func(p *peer) { p.request(); p.reset() }, "second", "no answer"},
	{"after the request, with 408", func(p *peer) {
		p.request()
		p.say("HTTP/1.1 408 Timeout\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate")
	}, "second", "late"},
	{"in the status line", func(p *peer) { p.request(); p.say("HTTP/1.1 2") }, "no answer", "no answer"},
	{"in the header", func(p *peer) { p.request(); p.say("HTTP/1.1 200 OK\r\nContent-") }, "no answer", "no answer"},
	{"in the body", func(p *peer) { p.request(); p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhal") }, "hal", "hal"},
	{"in the body, by reset", func(p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhal")
		p.reset()
	}, "", ""},
	{"after the answer", func(p *peer) { p.request(); p.say(second, p.number) }, "second", "second"},
}

// An app that restarts closes its connections wherever they are. A request is sent once more only where that is safe.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	for _, point := range points {
		for _, method := range []string{"GET", "POST", "POST with a key", "POST with a body", "PUT"} {
			var mu sync.Mutex
			got := 0
			kept, closed := newGate(), newGate()
			app := newApp(t, func(p *peer) {
				if p.number == 1 {
					p.request()
					p.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
					kept.wait()
					if strings.HasPrefix(point.name, "before") {
						defer closed.open()
					} else {
						closed.open()
					}
					point.close(p)
					_ = p.Close()
					return
				}
				for p.request() != nil {
					mu.Lock()
					got++
					mu.Unlock()
					p.say(second, p.number)
				}
			})
			rt := app.open(makers["direct"])
			if o, err := ask(rt, newRequest(t, "GET", nil)); o.Body != "first" {
				t.Fatal(o, err)
			}
			kept.open()
			closed.wait()
			name, want := method, point.post
			var body io.Reader
			if name == "POST with a body" {
				body = strings.NewReader("hello")
			}
			if name == "GET" {
				want = point.get
			}
			method, _, _ = strings.Cut(method, " ")
			r := newRequest(t, method, body)
			if name == "POST with a key" {
				r.Header.Set("Idempotency-Key", "1")
			}
			o, err := ask(rt, r)
			mu.Lock()
			again := got
			mu.Unlock()
			switch {
			case o.Failed:
				if want != "no answer" && want != "" {
					t.Errorf("closed %s: %s got %v, want %s", point.name, name, err, want)
				}
			case o.Body != want && want != "":
				t.Errorf("closed %s: %s got %v, want %s", point.name, name, o, want)
			}
			if after := !strings.HasPrefix(point.name, "before"); after && method != "GET" && again > 0 {
				t.Errorf("closed %s: %s arrived twice", point.name, name)
			}
		}
	}
}

// A connection that was never used is not tried again: an app that hangs up on each request would be asked for ever.
func TestANewConnectionIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, func(p *peer) { p.request() })
		if got, err := ask(app.open(make), newRequest(t, "GET", nil)); !got.Failed || app.conns.Load() != 1 {
			t.Errorf("got %v, %v over %d connections", got, err, app.conns.Load())
		}
	})
}

// A request that the app always hangs up on, or always answers with 408, is not sent over each connection that is kept.
func TestARequestIsNotSentOverEachConnection(t *testing.T) {
	t.Parallel()
	for end, want := range map[string]string{"": "no answer", "HTTP/1.1 408 No\r\nContent-Length: 0\r\n\r\n": `408 ""`} {
		var came atomic.Int64
		app := newApp(t, func(p *peer) {
			for r := p.request(); r != nil; r = p.request() {
				if r.Header.Get("X-End") == "" {
					p.say(second, p.number)
					continue
				}
				came.Add(1)
				p.say("%s", end)
				return
			}
		})
		rt := app.open(makers["direct"])
		var ends []func() string
		for range 10 {
			ends = append(ends, hold(t, rt))
		}
		for _, end := range ends {
			end()
		}
		r := newRequest(t, "GET", nil)
		r.Header.Set("X-End", "1")
		if got, err := ask(rt, r); got.String() != want || came.Load() != 2 {
			t.Errorf("sent %d times: got %v, %v", came.Load(), got, err)
		}
	}
}

// A request that cannot be written is no fault of the connections that are kept.
func TestAFaultyRequestIsTriedOnce(t *testing.T) {
	t.Parallel()
	app := newApp(t, numbers)
	rt := app.open(makers["direct"])
	number(t, rt)
	for method, body := range map[string]io.Reader{"GET": nil, "DELETE": nil, "POST": strings.NewReader("hello")} {
		r := newRequest(t, method, body)
		r.URL.Opaque = "/a\r\nb"
		if _, err := rt.RoundTrip(r); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
	}
	number(t, rt)
	if n := app.conns.Load(); n != 4 { // each request has taken the one that was there
		t.Errorf("%d connections", n)
	}
}

// A connection that one side wants closed gets no other request, although the app leaves it open.
func TestConnectionsThatAreToBeClosed(t *testing.T) {
	t.Parallel()
	for _, say := range []string{
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"", // the request says so
	} {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			app := newApp(t, func(p *peer) {
				for p.request() != nil {
					if say != "" && p.number == 1 {
						p.say("%s", say)
					} else {
						p.say(second, p.number)
					}
				}
			})
			rt := app.open(make)
			r := newRequest(t, "GET", nil)
			r.Close = say == ""
			if got, err := ask(rt, r); got.Failed {
				t.Fatal(err)
			}
			if got := number(t, rt); got != "2" {
				t.Errorf("after %q: got %s", say, got)
			}
		})
	}
}

// deaf is a connection that takes nothing more after its first request, as the app's reset has just come.
type deaf struct {
	*net.TCPConn
	writes int
}

func (d *deaf) Write(p []byte) (int, error) {
	if d.writes++; d.writes > 1 {
		return 0, errors.New("broken pipe")
	}
	return d.TCPConn.Write(p)
}

// A request of which no byte was written is sent over another connection, whatever it is.
func TestARequestThatWasNotWrittenIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "hello"} {
		app := newApp(t, echo)
		dials := 0
		rt := New(Options{MaxIdle: 9, Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := app.dial(ctx)
			if dials++; err != nil || dials > 1 {
				return c, err
			}
			return &deaf{TCPConn: c.(*net.TCPConn)}, nil
		}})
		t.Cleanup(rt.CloseIdleConnections)
		number(t, rt)
		b := newBody(strings.NewReader(body))
		r := newRequest(t, "POST", b)
		if body == "" {
			r.Body = nil
		}
		got, err := ask(rt, r)
		if got.Body != body || got.Status != 200 || got.Header.Get("X-Conn") == "1" {
			t.Errorf("got %v on %s, %v", got, got.Header.Get("X-Conn"), err)
		}
		if body != "" {
			if b.closed.wait(); b.times.Load() != 1 || b.after.Load() {
				t.Errorf("the body was closed %d times", b.times.Load())
			}
		}
	}
}
