package direct

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// sentBody is a body of a request that notes what becomes of it.
type sentBody struct {
	io.Reader
	closed gate
	times  atomic.Int64
	after  atomic.Bool // it was read after it was closed
}

func newBody(r io.Reader) *sentBody { return &sentBody{Reader: r, closed: newGate()} }

func (b *sentBody) Read(p []byte) (int, error) {
	if b.times.Load() > 0 {
		b.after.Store(true)
	}
	return b.Reader.Read(p)
}

func (b *sentBody) Close() error {
	if b.times.Add(1) == 1 {
		b.closed.open()
	}
	return nil
}

// echo answers with what each request has sent.
func echo(p *peer) {
	for {
		r := p.request()
		if r == nil {
			return
		}
		b, _ := io.ReadAll(r.Body)
		p.say("HTTP/1.1 200 OK\r\nX-Conn: %d\r\nContent-Length: %d\r\n\r\n%s", p.number, len(b), b)
	}
}

// Bodies of all kinds arrive as they are, and the connection goes on.
func TestUploadsArrive(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 20_000)
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, echo)
		rt := app.open(make)
		for _, body := range []string{"x", "hello", long} {
			for _, length := range []int64{int64(len(body)), -1} {
				for _, method := range []string{"POST", "PUT", "DELETE", "GET"} {
					b := newBody(strings.NewReader(body))
					r := newRequest(t, method, b)
					r.ContentLength = length
					got, err := ask(rt, r)
					if got.Body != body {
						t.Errorf("%s of %d bytes, length %d: got %d bytes, %v", method, len(body), length, len(got.Body), err)
					}
					b.closed.wait()
					if b.times.Load() != 1 || b.after.Load() {
						t.Errorf("%s: the body was closed %d times, read after it: %t", method, b.times.Load(), b.after.Load())
					}
				}
			}
		}
		// An answer may be read before the goroutine that wrote the body has noted that it is done.
		if n := app.conns.Load(); n > 3 {
			t.Errorf("%d connections", n)
		}
	})
}

// A slow upload reaches the app piece by piece, and the app answers piece by piece meanwhile.
func TestBothDirectionsAtOnce(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{-1, 15} {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			app := newApp(t, func(p *peer) {
				r, err := http.ReadRequest(p.in)
				if err != nil {
					return
				}
				p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				word := [5]byte{}
				for range 3 {
					if _, err := io.ReadFull(r.Body, word[:]); err != nil {
						return
					}
					p.say("5\r\n%s\r\n", word)
				}
				_, _ = r.Body.Read(word[:]) // the end
				p.say("0\r\n\r\n")
				echo(p)
			})
			rt := app.open(make)
			from, to := io.Pipe()
			r := newRequest(t, "POST", from)
			r.ContentLength = length
			res, err := rt.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"first", "secnd", "third"} {
				_, _ = io.WriteString(to, word)
				got := [5]byte{}
				if _, err := io.ReadFull(res.Body, got[:]); err != nil || string(got[:]) != word {
					t.Fatalf("length %d: got %q, %v, want %q", length, got, err, word)
				}
			}
			_ = to.Close()
			if b, err := io.ReadAll(res.Body); err != nil || len(b) > 0 {
				t.Errorf("at the end: %q, %v", b, err)
			}
		})
	}
}

// The header goes before the first byte of the body is there, and the body's failure is the request's.
func TestABodyThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		header, end := newGate(), newGate()
		app := newApp(t, func(p *peer) {
			r, err := http.ReadRequest(p.in)
			if err != nil {
				return
			}
			header.open()
			if _, err := io.ReadAll(r.Body); err == nil {
				t.Error("the body looks whole to the app")
			}
			end.open()
		})
		from, to := io.Pipe()
		go func() {
			header.wait()
			_, _ = io.WriteString(to, "begin")
			_ = to.CloseWithError(broken)
		}()
		r := newRequest(t, "POST", from)
		if _, err := app.open(make).RoundTrip(r); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		end.wait()
	})
}

// A body of another length than was said is a failure, and ends the connection.
func TestABodyOfAnotherLength(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{4, 6} {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			served := newGate()
			app := newApp(t, func(p *peer) {
				if p.number == 1 {
					defer served.open()
				}
				echo(p)
			})
			r := newRequest(t, "POST", newBody(strings.NewReader("12345")))
			r.ContentLength = length
			rt := app.open(make)
			if got, err := ask(rt, r); !got.Failed && got.Body == "12345" {
				t.Errorf("length %d: got %v, %v", length, got, err)
			}
			served.wait()
		})
	}
}

// An app may answer before it has read the body. Its answer counts, the upload ends with it, and the connection is not
// used again.
func TestAnAnswerBeforeTheUploadEnds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, func(p *peer) {
			if p.number > 1 {
				echo(p)
				return
			}
			if _, err := http.ReadRequest(p.in); err == nil {
				p.say("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
			}
			_, _ = io.Copy(io.Discard, p.in) // until the gate closes
		})
		rt := app.open(make)
		from, to := io.Pipe()
		got, err := ask(rt, newRequest(t, "POST", from))
		if got.String() != `413 "big"` {
			t.Errorf("got %v, %v", got, err)
		}
		for err = nil; err == nil; _, err = to.Write(bytes.Repeat([]byte("a"), 1<<10)) {
		}
		if got, err := ask(rt, newRequest(t, "POST", strings.NewReader("again"))); got.Header.Get("X-Conn") != "2" {
			t.Errorf("the next request got %v on %s, %v", got, got.Header.Get("X-Conn"), err)
		}
	})
}

// An app may answer and then close without reading the rest, which resets the connection. This is ours alone: which of
// both http.Transport sees first is a matter of luck.
func TestAnAnswerBeforeAResetCounts(t *testing.T) {
	t.Parallel()
	for range 20 {
		app := newApp(t, func(p *peer) {
			if _, err := http.ReadRequest(bufio.NewReaderSize(p, 16)); err == nil {
				p.say("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
				_ = p.CloseWrite()
				_, _ = io.CopyN(io.Discard, p, 64<<10)
			}
		})
		r := newRequest(t, "POST", io.LimitReader(endless{}, 64<<20))
		if got, err := ask(app.open(makers["direct"]), r); got.Status != 413 {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

// The same without a body: the request is long, and the app does not read it.
func TestAnAnswerBeforeTheHeaderIsReadCounts(t *testing.T) {
	t.Parallel()
	app := newApp(t, func(p *peer) {
		_, _ = p.in.ReadByte()
		p.say("HTTP/1.1 431 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
		_ = p.CloseWrite()
		_, _ = io.CopyN(io.Discard, p, 64<<10)
	})
	r := newRequest(t, "GET", nil)
	r.Header.Set("X-A", strings.Repeat("a", 32<<20))
	if got, err := ask(app.open(makers["direct"]), r); got.Status != 431 {
		t.Errorf("got %v, %v", got, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// What cannot be sent is refused before there is a connection, and its body is closed.
func TestRequestsThatNobodySends(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*http.Request){
		"a line break in a value":   func(r *http.Request) { r.Header["X-A"] = []string{"a\r\nX-B: b"} },
		"a zero byte in a value":    func(r *http.Request) { r.Header["X-A"] = []string{"a\x00"} },
		"a space in a name":         func(r *http.Request) { r.Header["X A"] = []string{"a"} },
		"an empty name":             func(r *http.Request) { r.Header[""] = []string{"a"} },
		"a line break in a trailer": func(r *http.Request) { r.Trailer = http.Header{"X-A": {"a\n"}} },
		"a method with a space":     func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX: " },
		"no host":                   func(r *http.Request) { r.URL.Host = "" },
		"another scheme":            func(r *http.Request) { r.URL.Scheme = "ftp" },
		"no URL":                    func(r *http.Request) { r.URL = nil },
		"no header":                 func(r *http.Request) { r.Header = nil },
	} {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			app := newApp(t, echo)
			b := newBody(strings.NewReader("hello"))
			r := newRequest(t, "POST", b)
			spoil(r)
			if got, _ := ask(app.open(make), r); !got.Failed {
				t.Errorf("%s: got %v", name, got)
			}
			if b.times.Load() != 1 || app.conns.Load() != 0 {
				t.Errorf("%s: body closed %d times, %d connections", name, b.times.Load(), app.conns.Load())
			}
		})
	}
}

// A Host that is none is not sent, and a line break in a URL is an error.
func TestHostsThatAreNone(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, func(p *peer) {
			for r := p.request(); r != nil; r = p.request() {
				got := r.Host + r.Header.Get("X-B")
				p.say("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(got), got)
			}
		})
		rt := app.open(make)
		r := newRequest(t, "GET", nil)
		r.Host = "a\r\nX-B: b"
		if got, err := ask(rt, r); got.String() != `200 ""` {
			t.Errorf("got %v, %v", got, err)
		}
		r = newRequest(t, "GET", nil)
		r.URL.Opaque = "/a\r\nX-B: b"
		if got, err := ask(rt, r); !got.Failed {
			t.Errorf("got %v, %v", got, err)
		}
		if got, err := ask(rt, newRequest(t, "GET", nil)); got.Status != 200 {
			t.Errorf("afterwards: %v, %v", got, err)
		}
	})
}

// A body is closed whatever becomes of its request.
func TestABodyIsClosedWhenThereIsNoApp(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, echo)
		app.close()
		b := newBody(strings.NewReader("hello"))
		_, err := app.open(make).RoundTrip(newRequest(t, "POST", b))
		b.closed.wait()
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "dial" || b.times.Load() != 1 {
			t.Errorf("got %v; closed %d times", err, b.times.Load())
		}
	})
}

// mute is a connection that takes nothing, as one that the app has reset after it had answered.
type mute struct{ net.Conn }

func (mute) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// An app may answer before it gets anything. The body is closed although nobody has read of it.
func TestABodyIsClosedWhenTheAppWantsNothing(t *testing.T) {
	t.Parallel()
	app := newApp(t, func(p *peer) { p.say("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 3\r\n\r\nyes") })
	rt := New(Options{Dial: func(ctx context.Context) (net.Conn, error) {
		c, err := app.dial(ctx)
		return mute{c}, err
	}})
	b := newBody(strings.NewReader("hello"))
	if got, err := ask(rt, newRequest(t, "POST", b)); got.Status != 503 {
		t.Errorf("got %v, %v", got, err)
	}
	b.closed.wait()
	if b.times.Load() != 1 || b.after.Load() {
		t.Errorf("the body was closed %d times", b.times.Load())
	}
}
