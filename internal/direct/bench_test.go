package direct

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// BenchmarkRoundTrip compares what a request costs with both transports. The app in it is the same, and only copies
// bytes. The context can end, as that of a server's request does.
func BenchmarkRoundTrip(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	said := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Date: Mon, 30 Nov 2026 18:00:00 GMT\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("a", 1000))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						_, _ = c.Write(said)
					}
				}
			}()
		}
	}()
	header := http.Header{"Accept": {"text/html"}, "User-Agent": {"Mozilla/5.0"}, "X-Auth-User": {"1"},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"localhost"}, "X-Request-Id": {"abcdefghijkl"}}
	for name, make := range makers {
		b.Run(name, func(b *testing.B) {
			rt := make(func(ctx context.Context) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
			}, time.Minute)
			defer rt.CloseIdleConnections()
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				buffer := [4 << 10]byte{}
				for pb.Next() {
					ctx, cancel := context.WithCancel(b.Context())
					u := &url.URL{Scheme: "http", Host: "app", Path: "/"}
					r := (&http.Request{Method: "GET", URL: u, Header: header}).WithContext(ctx)
					res, err := rt.RoundTrip(r)
					if err != nil {
						b.Error(err)
						cancel()
						return
					}
					for err == nil {
						_, err = res.Body.Read(buffer[:])
					}
					if err != io.EOF {
						b.Error(err)
					}
					_ = res.Body.Close()
					cancel()
				}
			})
		})
	}
}
