package direct

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Interim answers are passed on in their order, before the answer. What is done with one may fail.
func TestInterimAnswers(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, func(p *peer) {
			for p.request() != nil {
				p.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
				p.say(second, p.number)
			}
		})
		rt := app.open(make)
		for _, fails := range []error{nil, broken} {
			var codes []int
			var link string
			r := newRequest(t, "GET", nil)
			r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					codes, link = append(codes, code), link+h.Get("Link")
					return fails
				}}))
			got, err := ask(rt, r)
			if fails == nil && (got.Body != "second" || len(codes) != 3 || codes[1] != 103 || link != "</a>") {
				t.Errorf("got %v, %v after %v %s", got, err, codes, link)
			}
			if fails != nil && (!errors.Is(err, broken) || len(codes) != 1) {
				t.Errorf("got %v, %v after %v", got, err, codes)
			}
		}
	})
}

// After 101 the connection is the caller's, with what came early, and each direction can end alone.
func TestAnotherProtocol(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, func(p *peer) {
			if p.request() == nil {
				return
			}
			p.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ")
			_, _ = io.Copy(p, p.in)
			p.say(" end")
		})
		r := newRequest(t, "GET", nil)
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "echo")
		ctx, cancel := context.WithCancel(r.Context())
		res, err := app.open(make).RoundTrip(r.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		cancel() // is for the request, which is over
		both, ok := res.Body.(interface {
			io.ReadWriteCloser
			CloseWrite() error
		})
		if !ok {
			t.Fatalf("the body is a %T", res.Body)
		}
		_, _ = io.WriteString(both, "hello")
		_ = both.CloseWrite()
		if b, err := io.ReadAll(both); string(b) != "early hello end" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		_ = both.Close()
	})
}

// When the visitor leaves, the request ends wherever it is, and so does its connection.
func TestCancelling(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func() io.Reader{
		"without a body": func() io.Reader { return nil },
		"with a body":    func() io.Reader { return strings.NewReader("hello") },
		"in an upload":   func() io.Reader { r, _ := io.Pipe(); return r },
	} {
		for _, answers := range []bool{false, true} {
			both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
				if name == "in an upload" && strings.Contains(t.Name(), "net/http") {
					t.Skip("http.Transport waits for the rest of the body")
				}
				came, left := newGate(), newGate()
				app := newApp(t, func(p *peer) {
					if _, err := http.ReadRequest(p.in); err == nil && answers {
						p.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin")
					}
					came.open()
					_, _ = io.Copy(io.Discard, p)
					left.open()
				})
				r := newRequest(t, "POST", body())
				ctx, cancel := context.WithCancelCause(r.Context())
				gone := errors.New("gone")
				go func() {
					came.wait()
					if !answers {
						cancel(gone)
					}
				}()
				res, err := app.open(make).RoundTrip(r.WithContext(ctx))
				if answers && err == nil {
					_, _ = io.ReadFull(res.Body, []byte("begin"))
					cancel(gone)
					_, err = io.ReadAll(res.Body)
				}
				if !errors.Is(err, gone) {
					t.Errorf("%s, answered %t: got %v", name, answers, err)
				}
				left.wait()
			})
		}
	}
}

// A visitor who has left before, or leaves while the app is connected to, is not waited for.
func TestCancellingBeforeThereIsAConnection(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		dialling, go1 := newGate(), newGate()
		rt := make(func(context.Context) (net.Conn, error) {
			dialling.open()
			go1.wait()
			return nil, errors.New("no app")
		}, patienceOfTests)
		r := newRequest(t, "GET", nil)
		ctx, cancel := context.WithCancel(r.Context())
		go func() {
			dialling.wait()
			cancel()
		}()
		if _, err := rt.RoundTrip(r.WithContext(ctx)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := rt.RoundTrip(r.WithContext(ctx)); !errors.Is(err, context.Canceled) {
			t.Errorf("afterwards got %v", err)
		}
		go1.open()
	})
}

// Closing an answer ends it at once, also while another goroutine reads it, and closes the connection instead of
// reading the rest.
func TestClosingAnAnswer(t *testing.T) {
	t.Parallel()
	for _, length := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked", "Connection: close"} {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			left := newGate()
			app := newApp(t, func(p *peer) {
				if p.request() != nil {
					p.say("HTTP/1.1 200 OK\r\n%s\r\n\r\n5\r\nbegin\r\n", length)
				}
				_, _ = io.Copy(io.Discard, p)
				left.open()
			})
			res, err := app.open(make).RoundTrip(newRequest(t, "GET", nil))
			if err != nil {
				t.Fatal(err)
			}
			reading, read := newGate(), newGate()
			go func() {
				_, _ = io.ReadFull(res.Body, []byte("begi"))
				reading.open()
				if _, err := io.ReadAll(res.Body); err == nil {
					t.Error("the answer looks whole")
				}
				read.open()
			}()
			reading.wait()
			_ = res.Body.Close()
			read.wait()
			left.wait()
			if _, err := res.Body.Read([]byte{0}); err == nil || err == io.EOF {
				t.Errorf("a closed body: %v", err)
			}
			_ = res.Body.Close()
		})
	}
}

// talk serves a connection without a network, so that time is synctest's.
func talk(serve func(net.Conn, *http.Request)) dialFunc {
	return func(context.Context) (net.Conn, error) {
		ours, apps := net.Pipe()
		go func() {
			defer apps.Close()
			r, err := http.ReadRequest(bufio.NewReader(apps))
			if err == nil {
				serve(apps, r)
			}
		}()
		return ours, nil
	}
}

// An app may take its time, as long as the limit for the header is kept. The body has no limit.
func TestASlowAppIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "hello"} {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			synctest.Test(t, func(t *testing.T) {
				rt := make(talk(func(c net.Conn, r *http.Request) {
					_, _ = io.ReadAll(r.Body)
					for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow") {
						time.Sleep(time.Second)
						_, _ = c.Write([]byte{b})
						if b == 's' {
							time.Sleep(time.Hour)
						}
					}
				}), time.Minute)
				defer rt.CloseIdleConnections()
				r, _ := http.NewRequest("POST", "http://app/", strings.NewReader(body))
				if got, err := ask(rt, r); got.String() != `200 "slow"` {
					t.Errorf("got %v, %v", got, err)
				}
			})
		})
	}
}

// The limit for the header counts from when the request is written, and ends the request with Timeout.
func TestAnAppThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, begins := range []string{"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"} {
		for _, slow := range []time.Duration{0, time.Hour} {
			both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
				synctest.Test(t, func(t *testing.T) {
					rt := make(talk(func(c net.Conn, r *http.Request) {
						_, _ = io.ReadAll(r.Body)
						_, _ = io.WriteString(c, begins)
						_, _ = io.Copy(io.Discard, c)
					}), time.Minute)
					defer rt.CloseIdleConnections()
					from, to := io.Pipe()
					r, _ := http.NewRequest("POST", "http://app/", from)
					if slow == 0 {
						r.Body = nil
					}
					go func() {
						_, _ = io.WriteString(to, "a")
						time.Sleep(slow)
						_ = to.Close()
					}()
					start := time.Now()
					_, err := rt.RoundTrip(r)
					_ = from.Close()
					var op *net.OpError
					if timed, ok := errors.AsType[interface {
						error
						Timeout() bool
					}](err); !ok || !timed.Timeout() || errors.As(err, &op) && op.Op == "dial" {
						t.Errorf("got %v", err)
					}
					took := time.Since(start) - slow
					if took < time.Minute || took > time.Minute+time.Second {
						t.Errorf("the limit came after %v", took)
					}
				})
			})
		}
	}
}

// Who leaves while the app is silent is noticed.
func TestCancellingIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{time.Millisecond, patience, 2*patience - 1, 2 * patience, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			rt := makers["direct"](talk(func(c net.Conn, _ *http.Request) { _, _ = io.Copy(io.Discard, c) }), time.Hour)
			ctx, cancel := context.WithTimeout(t.Context(), at)
			defer cancel()
			start := time.Now()
			r, _ := http.NewRequestWithContext(ctx, "GET", "http://app/", nil)
			if _, err := rt.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if late := time.Since(start) - at; late > 2*patience {
				t.Errorf("a visitor who left after %v was noticed %v later", at, late)
			}
		})
	}
}

// A request that an app does not read goes on when it does.
func TestASlowReader(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		synctest.Test(t, func(t *testing.T) {
			rt := make(func(context.Context) (net.Conn, error) {
				ours, apps := net.Pipe()
				go func() {
					defer apps.Close()
					time.Sleep(time.Hour)
					if r, err := http.ReadRequest(bufio.NewReader(apps)); err == nil && len(r.Header.Get("X-A")) == 60<<10 {
						_, _ = io.WriteString(apps, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
					}
				}()
				return ours, nil
			}, time.Minute)
			defer rt.CloseIdleConnections()
			r, _ := http.NewRequest("GET", "http://app/", nil)
			r.Header.Set("X-A", strings.Repeat("a", 60<<10))
			if got, err := ask(rt, r); got.String() != `200 "slow"` {
				t.Errorf("got %v, %v", got, err)
			}
		})
	})
}

// A deadline of a request before does not touch the next one.
func TestDeadlinesEndWithTheirRequest(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
		app := newApp(t, echo)
		rt := make(app.dial, time.Second)
		t.Cleanup(rt.CloseIdleConnections)
		for range 2 {
			for _, body := range []io.Reader{nil, strings.NewReader("hello")} {
				got, err := ask(rt, newRequest(t, "POST", body))
				if got.Status != 200 || os.IsTimeout(err) {
					t.Fatalf("got %v, %v", got, err)
				}
				time.Sleep(3 * patience) // makes the deadline pass
			}
		}
	})
}
