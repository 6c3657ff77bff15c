package acceptance_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// slowHostiles are clients that send or read slowly, send incomplete requests, or send too much.
func slowHostiles() []hostile {
	late := []string{"GATEPOST_UPSTREAM_TIMEOUT=20s"} // limits how long the app itself makes a request wait
	return []hostile{
		{name: "half-sent forms", mute: true, attack: halfForms(2500, 4000)},
		{name: "half-sent forms, HTTP/2", tls: true, mute: true, attack: halfStreams(1000)},
		{name: "forms byte by byte", mute: true,
			attack: dribbled(500, func(s *siege) string { return s.head("/login", "Content-Length: 60000\r\n") }, "x")},
		{name: "headers line by line", mute: true,
			attack: dribbled(500, func(s *siege) string { return "GET /login HTTP/1.1\r\nHost: " + s.host() + "\r\n" },
				"X-More: 1\r\n")},
		{name: "announced forms", attack: announced(100, "")},
		{name: "announced forms that expect", attack: announced(100, "Expect: 100-continue\r\n")},
		{name: "forms without end", attack: chunked(50)},
		{name: "nothing sent", mute: true, attack: holding(2000, nil)},
		{name: "handshakes without end", tls: true, mute: true, rare: true, attack: holding(2000, nil)},
		{name: "answers of the app, never read", mute: true, attack: deaf(300, reads("GET", "/public/flood"))},
		{name: "open sockets", mute: true,
			attack: holding(500, reads("GET", "/public/ws", "Connection: Upgrade", "Upgrade: websocket"))},
		{name: "open streams", mute: true, rare: true, attack: holding(200, reads("GET", "/public/events"))},
		{name: "an app that says nothing", mute: true, env: late, attack: holding(500, reads("GET", "/public/late"))},
		{name: "an app that says nothing, HTTP/2", tls: true, mute: true, rare: true, env: late,
			attack: streams(1000, reads("GET", "/public/late"))},
	}
}

// leavingHostiles do not wait for the answer to their request.
func leavingHostiles() []hostile {
	return []hostile{
		{name: "right passwords, left at once", mute: true, attack: hangingUp(100, logins(1, password, fromOne))},
		{name: "guesses, left at once", networks: 1000, mute: true, rare: true,
			attack: hangingUp(100, guesses(from48))},
		{name: "forged sessions, left at once", mute: true, rare: true,
			attack: hangingUp(100, forged("GET", "/dashboard/short"))},
		{name: "right passwords, reset at once, HTTP/2", tls: true, mute: true,
			attack: resets(200, logins(hostileAccounts, password, fromOne))},
		{name: "forged sessions, reset at once, HTTP/2", tls: true, mute: true,
			attack: resets(200, forged("GET", "/dashboard/short"))},
		{name: "forgotten passwords in a row", attack: inARow(50, 100, forgets(fromOne))},
	}
}

// head returns the beginning of a form.
func (s *siege) head(path, more string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"X-Forwarded-For: %s\r\n%s\r\n", path, s.host(), fromOne(s, 0, 0), more)
}

// size returns the number of clients, which is smaller in the short form of the test.
func size(short, long int) int {
	if *soakFor > 0 {
		return long
	}
	return short
}

// halfForms send forms of 62 KiB without the last byte.
func halfForms(short, long int) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		text := s.head("/login", fmt.Sprintf("Content-Length: %d\r\n", 62<<10)) + "email=" +
			strings.Repeat("x", 62<<10-len("email=")-1)
		s.each(ctx, size(short, long), func(c hostileConn, _, _ int) {
			if c.sends(text) {
				c.hears(shot{method: "POST"})
			}
		})
	}
}

// halfStreams send the same over HTTP/2.
func halfStreams(n int) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		clients := s.connections(n)
		s.tally.of(n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				begun := sync.OnceFunc(s.tally.begun)
				for ctx.Err() == nil {
					body, more := io.Pipe()
					stop := context.AfterFunc(ctx, func() { _ = more.Close() })
					go func() {
						// The gate may refuse the rest.
						_, _ = io.WriteString(more, "email="+strings.Repeat("x", 62<<10))
						begun()
					}()
					s.stream(ctx, clients[i/perConnection],
						shot{method: "POST", path: "/login", from: fromOne(s, 0, 0)}, body)
					stop()
					_ = more.Close()
				}
			})
		}
		all.Wait()
	}
}

// dribbled sends an endless request piece by piece.
func dribbled(n int, head func(*siege) string, piece string) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		s.each(ctx, n, func(c hostileConn, _, _ int) {
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				c.hears(shot{method: "POST"})
			}()
			for ok := c.sends(head(s)); ok; ok = c.sends(piece) {
				select {
				case <-ctx.Done():
					return
				case <-stop:
					return
				case <-time.After(500 * time.Millisecond):
				}
			}
		})
	}
}

// announced forms declare a length that is far too large, and send nothing.
func announced(n int, more string) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		s.each(ctx, n, func(c hostileConn, _, _ int) {
			if c.sends(s.head("/login", more+"Content-Length: 100000000\r\n")) {
				c.hears(shot{method: "POST"})
			}
		})
	}
}

// chunked forms have no declared length and do not end.
func chunked(n int) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		chunk := fmt.Sprintf("%x\r\n%s\r\n", 16<<10, strings.Repeat("x", 16<<10))
		s.each(ctx, n, func(c hostileConn, _, _ int) {
			go func() {
				if !c.sends(s.head("/signup", "Transfer-Encoding: chunked\r\n")) {
					return
				}
				for c.sends(chunk) {
				}
			}()
			c.hears(shot{method: "POST"})
		})
	}
}

// holding keeps connections open: after a request, or without one if next is nil.
func holding(n int, next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		s.each(ctx, n, func(c hostileConn, i, round int) {
			if next == nil {
				conn := c.Conn
				if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
					conn = t.NetConn()
				}
				_, _ = io.Copy(io.Discard, conn)
				return
			}
			if c.sends(s.raw(next(s, i, round))) {
				_, _ = io.Copy(io.Discard, c.in)
			}
		})
	}
}

// resets are streams of HTTP/2 that the client ends as soon as it has opened them.
func resets(n int, next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		clients := s.connections(n)
		s.tally.of(n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				begun := sync.OnceFunc(s.tally.begun)
				for round := 0; ctx.Err() == nil; round++ {
					short, cancel := context.WithTimeout(ctx, time.Duration(1+i%20)*time.Millisecond)
					s.asks(short, clients[i/perConnection], next(s, i, round))
					cancel()
					begun()
				}
			})
		}
		all.Wait()
	}
}

// asks is stream for a client that leaves before the answer.
func (s *siege) asks(ctx context.Context, client *http.Client, x shot) {
	req, err := http.NewRequestWithContext(ctx, x.method, s.g.url+x.path, strings.NewReader(x.body))
	if err != nil {
		return
	}
	for _, h := range s.headers(x) {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	if res, err := client.Do(req); err == nil {
		s.tally.hear(res.StatusCode, res.Header)
		_ = res.Body.Close()
	}
}

// inARow sends many requests before the first is answered.
func inARow(n, at int, next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		s.each(ctx, n, func(c hostileConn, i, round int) {
			var all strings.Builder
			for k := range at {
				all.WriteString(s.raw(next(s, i, round*at+k)))
			}
			go c.sends(all.String())
			for range at {
				if !c.hears(shot{method: "POST"}) {
					return
				}
			}
		})
	}
}
