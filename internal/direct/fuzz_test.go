package direct

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// saying connects to an app that answers the first request with some bytes, and then closes.
func saying(said []byte) dialFunc {
	return func(context.Context) (net.Conn, error) {
		ours, apps := net.Pipe()
		go func() {
			defer apps.Close()
			if _, err := http.ReadRequest(bufio.NewReader(apps)); err == nil {
				_, _ = apps.Write(said)
			}
		}()
		return ours, nil
	}
}

// seeds are the answers of the tables, whole and cut.
func seeds(f *testing.F, add func(method string, said []byte)) {
	f.Helper()
	for _, a := range answers {
		if len(a.say) < 4<<10 {
			add(a.method, []byte(a.say))
			add(a.method, []byte(a.say[:len(a.say)/2]))
		}
	}
	for _, s := range []string{"", "\r\n", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("a", 100),
		"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\nmore", "HTTP/1.1 100 \r\n\r\nHTTP/1.1 101 \r\n\r\n"} {
		add("GET", []byte(s))
	}
}

// Whatever an app says on a new connection, before it closes: both implementations make the same of it, or both fail.
func FuzzAnswer(f *testing.F) {
	seeds(f, func(method string, said []byte) { f.Add(method == "HEAD", said) })
	f.Fuzz(func(t *testing.T, head bool, said []byte) {
		if bytes.Count(said, []byte(" 1")) > 100 {
			t.Skip("interim answers are limited in another way")
		}
		outcomes := map[string]outcome{}
		for name, make := range makers {
			rt := make(saying(said), 0)
			method := "GET"
			if head {
				method = "HEAD"
			}
			outcomes[name], _ = ask(rt, newRequest(t, method, nil))
			rt.CloseIdleConnections()
		}
		if !outcomes["direct"].equal(outcomes["net/http"]) {
			t.Errorf("%q: got %v, %v; by net/http %v, %v", said, outcomes["direct"], outcomes["direct"].Header,
				outcomes["net/http"], outcomes["net/http"].Header)
		}
	})
}

// whole is the answer to the second request.
const whole = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"

// Whatever an app says to a request: the next one, which may go over the same connection, gets its own answer. Nothing
// of the first is in it.
func FuzzTwoRequests(f *testing.F) {
	seeds(f, func(method string, said []byte) {
		f.Add(method == "HEAD", true, said)
		f.Add(method == "HEAD", false, append(said, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nmarker"...))
	})
	f.Fuzz(func(t *testing.T, head, read bool, said []byte) {
		if len(said) > 4<<10 {
			t.Skip("longer than what arrives at once")
		}
		app := newApp(t, func(p *peer) {
			if p.number == 1 {
				if p.request() == nil {
					return
				}
				_, _ = p.Write(said)
			}
			for p.request() != nil {
				_, _ = io.WriteString(p, whole)
			}
		})
		rt := app.open(makers["direct"])
		method := map[bool]string{true: "HEAD", false: "GET"}[head]
		r := newRequest(t, method, nil)
		// An answer that is not whole would be waited for. The visitor leaves instead.
		ctx, cancel := context.WithTimeout(r.Context(), 4*patience)
		defer cancel()
		if res, err := rt.RoundTrip(r.WithContext(ctx)); err == nil {
			if read && res.StatusCode != http.StatusSwitchingProtocols { // that one is not the visitor's any more
				_, _ = io.CopyN(io.Discard, res.Body, 8<<10)
			}
			_ = res.Body.Close()
		}
		got, err := ask(rt, newRequest(t, "GET", nil))
		if got.Status != 200 || got.Body != "second" || len(got.Header) != 1 {
			t.Errorf("after %q the next request got %v, %v (%v)", said, got, got.Header, err)
		}
	})
}
