package acceptance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// tally counts the answers that a hostile client gets, and notes those that are wrong.
type tally struct {
	mu       sync.Mutex
	statuses map[int]int
	wrong    map[string]int
	wanted   int // clients that are to be under way
	under    int // clients that are under way
}

func (y *tally) copy() tallied {
	y.mu.Lock()
	defer y.mu.Unlock()
	return tallied{maps.Clone(y.statuses), maps.Clone(y.wrong)}
}

// tallied is a tally at one moment.
type tallied struct {
	statuses map[int]int
	wrong    map[string]int
}

func (y tallied) sum() (n int) {
	for _, k := range y.statuses {
		n += k
	}
	return n
}

func (y *tally) answers() int { return y.copy().sum() }

// of sets the number of clients, and begun counts one that is under way.
func (y *tally) of(n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.wanted += n
}

func (y *tally) begun() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.under++
}

// started reports whether nearly all clients are under way. A few may be refused the connection.
func (y *tally) started() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.wanted > 0 && y.under >= y.wanted*9/10
}

// statusClientGone is what the log has for a client that left early. No client may ever receive it.
const statusClientGone = 499

// hear counts an answer. A refusal after which the client may try again must say when. Refusals that blame the
// request are correct.
func (y *tally) hear(status int, header http.Header) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.statuses == nil {
		y.statuses, y.wrong = map[int]int{}, map[string]int{}
	}
	y.statuses[status]++
	switch later := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable; {
	case later && header.Get("Retry-After") == "":
		y.wrong[fmt.Sprintf("%d without Retry-After", status)]++
	case status == statusClientGone:
		y.wrong["taken for gone while it waits"]++
	case status >= 500 && !later && status != http.StatusGatewayTimeout: // right for an app that is silent
		y.wrong[fmt.Sprint("answered ", status)]++
	}
}

func (y *tally) note(what string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.wrong == nil {
		y.statuses, y.wrong = map[int]int{}, map[string]int{}
	}
	y.wrong[what]++
}

// hangsAfter is the longest that a hostile client may wait for an answer or for the end of its connection. It
// is longer than any limit of the gate.
const hangsAfter = 40 * time.Second

// shot is one request of a hostile client.
type shot struct {
	method, path string
	body         string  // the body of a form
	from         string  // the address that it comes from
	session      *string // a token, replaced by the one that an answer sets; nil: none
	headers      []string
}

// raw returns the request in the form of HTTP/1.
func (s *siege) raw(x shot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", x.method, x.path, s.host())
	for _, h := range s.headers(x) {
		b.WriteString(h + "\r\n")
	}
	if x.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(x.body))
	}
	return b.String() + "\r\n" + x.body
}

// headers returns the headers of a shot without Content-Length.
func (s *siege) headers(x shot) []string {
	list := append([]string{"Sec-Fetch-Mode: navigate"}, x.headers...)
	if x.from != "" && !s.direct {
		list = append(list, "X-Forwarded-For: "+x.from)
	}
	if x.session != nil && *x.session != "" {
		list = append(list, "Cookie: "+s.cookie+"="+*x.session)
	}
	if x.method == "POST" {
		list = append(list, "Content-Type: application/x-www-form-urlencoded")
	}
	return list
}

func (s *siege) host() string {
	return strings.TrimPrefix(strings.TrimPrefix(s.g.url, "http://"), "https://")
}

// hostileConn is a connection of a hostile client.
type hostileConn struct {
	net.Conn
	s  *siege
	in *bufio.Reader
}

// each runs n clients at once until the siege ends. Each client opens one connection after the other.
func (s *siege) each(ctx context.Context, n int, visit func(c hostileConn, i, round int)) {
	s.tally.of(n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			begun := sync.OnceFunc(s.tally.begun)
			for round := 0; ctx.Err() == nil; round++ {
				c, err := s.dial(ctx)
				if err != nil {
					time.Sleep(50 * time.Millisecond) // a refused connection is an answer too
					continue
				}
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				begun()
				visit(c, i, round)
				stop()
				_ = c.Close()
				time.Sleep(time.Millisecond)
			}
		})
	}
	all.Wait()
}

func (s *siege) dial(ctx context.Context) (hostileConn, error) {
	conn, err := dialer("127.0.0.2").DialContext(ctx, "tcp", s.address)
	if err != nil {
		return hostileConn{}, err
	}
	if s.roots != nil {
		conn = tls.Client(conn, &tls.Config{RootCAs: s.roots, ServerName: "localhost"})
	}
	return hostileConn{conn, s, bufio.NewReaderSize(conn, 4<<10)}, nil
}

// sends writes text and reports whether all of it was taken.
func (c hostileConn) sends(text string) bool {
	_ = c.SetWriteDeadline(time.Now().Add(hangsAfter))
	_, err := io.WriteString(c, text)
	return err == nil
}

// hears reads an answer and counts it. It reports whether the connection goes on.
func (c hostileConn) hears(x shot) bool {
	_ = c.SetReadDeadline(time.Now().Add(hangsAfter))
	for {
		res, err := http.ReadResponse(c.in, &http.Request{Method: x.method})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.s.tally.note("left hanging")
		}
		if err != nil {
			return false
		}
		if res.StatusCode == http.StatusContinue {
			continue
		}
		c.s.tally.hear(res.StatusCode, res.Header)
		if token := c.s.sessionIn(res.Header); x.session != nil && token != "" {
			*x.session = token
		}
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return err == nil && !res.Close
	}
}

// aim returns what a client sends next.
type aim func(s *siege, i, round int) shot

// flood opens n connections that each send one request after the other.
func flood(n int, next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		rounds := make([]int, n)
		s.each(ctx, n, func(c hostileConn, i, _ int) {
			for goesOn := true; goesOn && ctx.Err() == nil; rounds[i]++ {
				x := next(s, i, rounds[i])
				goesOn = c.sends(s.raw(x)) && c.hears(x)
			}
		})
	}
}

// perConnection is how many streams of HTTP/2 a client opens on one connection: nearly all of the 128 that the gate
// allows.
const perConnection = 128 - 8

// streams is flood over few connections of HTTP/2.
func streams(n int, next aim) func(context.Context, *siege) {
	return func(ctx context.Context, s *siege) {
		clients := s.connections(n)
		s.tally.of(n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				begun := sync.OnceFunc(s.tally.begun)
				for round := 0; ctx.Err() == nil; round++ {
					s.stream(ctx, clients[i/perConnection], next(s, i, round), nil)
					begun()
				}
			})
		}
		all.Wait()
	}
}

// connections returns as many clients, each with a single HTTP/2 connection, as this number of streams needs.
func (s *siege) connections(streams int) (list []*http.Client) {
	for range (streams + perConnection - 1) / perConnection {
		transport := &http.Transport{DialContext: dialer("127.0.0.2").DialContext,
			TLSClientConfig: &tls.Config{RootCAs: s.roots}, ForceAttemptHTTP2: true,
			HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true}}
		s.t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		// Without a first request, each of the later ones would connect.
		if _, err := send(client, "GET", s.g.url+"/.gatepost/healthz", ""); err != nil {
			s.tally.note("no connection: " + err.Error())
		}
		list = append(list, client)
	}
	return list
}

// stream sends one request with the body of its form, or with body, which may be endless.
func (s *siege) stream(ctx context.Context, client *http.Client, x shot, body io.Reader) {
	if body == nil {
		body = strings.NewReader(x.body)
	}
	ctx, cancel := context.WithTimeout(ctx, hangsAfter)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, x.method, s.g.url+x.path, body)
	if err != nil {
		s.tally.note(err.Error())
		return
	}
	for _, h := range s.headers(x) {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			s.tally.note("left hanging")
		}
		time.Sleep(time.Millisecond)
		return
	}
	s.tally.hear(res.StatusCode, res.Header)
	if token := s.sessionIn(res.Header); x.session != nil && token != "" {
		*x.session = token
	}
	_, _ = io.Copy(io.Discard, res.Body) // the siege may end meanwhile
	_ = res.Body.Close()
}
