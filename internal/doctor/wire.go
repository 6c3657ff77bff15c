package doctor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// request is a request as it is sent, byte for byte. HTTP clients would clean and escape it.
type request struct {
	method  string   // empty for GET
	target  string   // in its own bytes
	lines   []string // more headers, "Name: value"; one replaces a default header of the same name
	body    string   // a form; may be empty
	trailer string   // sent after an empty chunked body
}

// errLineEnd means that a request would contain a line end.
var errLineEnd = errors.New("a request with a line end in it is never sent")

// bytes is the request to a host. It fails when there is a line end in a part, which would begin a second request.
func (r request) bytes(host string) ([]byte, error) {
	if strings.ContainsAny(r.verb()+r.target+host+strings.Join(r.lines, "")+r.trailer, "\r\n") {
		return nil, errLineEnd
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.verb(), r.target, host)
	for _, standing := range []string{"User-Agent: " + userAgent, "Accept: */*", "Connection: close"} {
		if name, _, _ := strings.Cut(standing, ":"); !r.has(name) {
			b.WriteString(standing + "\r\n")
		}
	}
	for _, line := range r.lines {
		b.WriteString(line + "\r\n")
	}
	r.writeBody(&b)
	return b.Bytes(), nil
}

func (r request) writeBody(b *bytes.Buffer) {
	switch {
	case r.trailer != "":
		name, _, _ := strings.Cut(r.trailer, ":")
		fmt.Fprintf(b, "Trailer: %s\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%s\r\n\r\n", name, r.trailer)
	case r.body != "":
		fmt.Fprintf(b, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(r.body),
			r.body)
	default:
		b.WriteString("\r\n")
	}
}

func (r request) verb() string {
	if r.method == "" {
		return http.MethodGet
	}
	return r.method
}

func (r request) has(name string) bool {
	for _, line := range r.lines {
		if n, _, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// String is the request for the report: its first line, and its special headers. Cookies and bodies are left out.
func (r request) String() string {
	s := r.verb() + " " + strconv.Quote(r.target)
	for _, line := range r.lines {
		if name, _, _ := strings.Cut(line, ":"); !strings.EqualFold(name, "Cookie") {
			s += " with " + strconv.Quote(line)
		}
	}
	if r.trailer != "" {
		s += " with the trailer " + strconv.Quote(r.trailer)
	}
	return s
}

// answer is an answer, or the error instead of one.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (a answer) String() string {
	if a.err != nil {
		return "no answer (" + a.err.Error() + ")"
	}
	s := strconv.Itoa(a.status) + " " + http.StatusText(a.status)
	if to := a.header.Get("Location"); to != "" {
		return s + " to " + strconv.Quote(short(to))
	}
	return strings.TrimSpace(s)
}

func (a answer) is2xx() bool { return a.err == nil && a.status >= 200 && a.status <= 299 }

// short limits a text from outside to 120 bytes.
func short(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}

// maxBody is how many bytes of an answer are read.
const maxBody = 256 << 10

// site is a server to connect to.
type site struct {
	scheme, host, address string // host is as in the Host header; address always has a port
	tls                   *tls.Config
	timeout               time.Duration
}

func newSite(u *url.URL, roots *x509.CertPool, timeout time.Duration) (site, error) {
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return site{}, fmt.Errorf("%q is not a URL like https://app.example.com", u)
	}
	return site{u.Scheme, u.Host, net.JoinHostPort(u.Hostname(), portOf(u)),
		&tls.Config{ServerName: u.Hostname(), RootCAs: roots, NextProtos: []string{"http/1.1"}}, timeout}, nil
}

// portOf is the port of a URL, or the default one of its scheme.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

func (s site) String() string { return s.scheme + "://" + s.host }

func (s site) hostname() string {
	host, _, _ := net.SplitHostPort(s.address)
	return host
}

// port is the port of the address.
func (s site) port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

func (s site) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.address)
	if err != nil || s.scheme != "https" {
		return conn, cause(err)
	}
	asked, config := false, s.tls.Clone()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &tls.Certificate{}, nil // none
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		if asked {
			err = errAsked
		}
		return nil, fmt.Errorf("TLS: %w", handshakeCause(err))
	}
	return secure, nil
}

// send sends the request on a connection of its own and reads one answer.
func (s site) send(ctx context.Context, r request) answer {
	raw, err := r.bytes(s.host)
	if err != nil {
		return answer{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(raw); err != nil {
		return answer{err: cause(err)}
	}
	return readAnswer(conn, r.verb())
}

// readAnswer reads the final answer. The received part of a broken answer counts, as a visitor would have seen it.
func readAnswer(conn io.Reader, method string) answer {
	in := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return answer{err: cause(err)}
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		a := answer{status: res.StatusCode, header: res.Header}
		if res.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(io.LimitReader(res.Body, maxBody))
			a.body = string(body)
		}
		return a
	}
}

// handshakeCause is cause for a handshake, in which an alert of the server is told from a fault of the network.
func handshakeCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return err
	}
	return cause(err)
}

// cause removes addresses from an error, as the sentence around it names them, and explains an end without an
// answer.
func cause(err error) error {
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errClosed
	case errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

var (
	errTimeout = errors.New("it took too long")
	errAsked   = errors.New("a certificate of the visitor's is asked for")
	errClosed  = errors.New("the connection was closed")
	errAddress = errors.New("is not an address like 10.0.0.5:3000 or http://10.0.0.5:3000")
)

// atOnce is the highest number of requests under way.
const atOnce = 4

// askAll sends requests a few at a time. The answers are in the order of the requests.
func (e *examination) askAll(ctx context.Context, list []request) []answer {
	answers := make([]answer, len(list))
	inParallel(len(list), func(i int) { answers[i] = e.site.send(ctx, list[i]) })
	for i, a := range answers {
		e.trace(e.site, list[i], a)
	}
	return answers
}

// inParallel calls f with 0 to n-1, a few at a time.
func inParallel(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range atOnce {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
