package acceptance_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// from opens a connection to the gate from another address of this machine, which counts as another network
// here.
func (l *lane) from(t *testing.T, address, raw string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := d.Dial("tcp", strings.Replace(l.host, "localhost", "127.0.0.1", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, raw) // the gate may close the connection at once
	return conn
}

// Whatever a client does with many connections, the gate goes on serving. Idle connections give way first.
func TestConnectionsHaveABound(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]string{
		"nothing is sent": "",
		"half a line":     "GET /public HT",
		"half a header":   "GET /public HTTP/1.1\r\nHost: x\r\nX: y\r\n",
		"idle":            "GET /.gatepost/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
		"half a form": "POST /login HTTP/1.1\r\nHost: x\r\n" + formType +
			"\r\nContent-Length: 100\r\n\r\nemail=",
		"half a body":          "POST /public HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
		"an answer not read":   "GET /public HTTP/1.1\r\nHost: x\r\n\r\n",
		"the preface of HTTP2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLane(t, "GATEPOST_MAX_CONNECTIONS=50")
			v := l.signIn(t)
			for range 200 {
				l.dial(t, "")
			}
			for range 200 {
				l.from(t, "127.0.0.1", start)
			}
			if n := gauge(t, l.running, "gatepost_connections"); n > 50 {
				t.Errorf("there are %.0f connections", n)
			}
			for range 10 {
				if r := v.fetch("/dashboard"); r.status != 200 {
					t.Errorf("who is signed in: %d", r.status)
				}
				if r := l.one(t, l.request("GET /.gatepost/healthz")); r.status != 200 {
					t.Errorf("a newcomer: %d", r.status)
				}
			}
		})
	}
}

// One HTTP/2 connection may have as many requests under way as other clients may have connections, and each
// request takes a connection to the app.
func TestStreamsCountAsConnections(t *testing.T) {
	t.Parallel()
	cert, key, roots := writePair(t, t.TempDir(), nil)
	for name, env := range map[string][]string{"over TLS": {"GATEPOST_PUBLIC_URL=https://localhost:0",
		"GATEPOST_TLS_CERT=" + cert, "GATEPOST_TLS_KEY=" + key}, "without": {"GATEPOST_LISTEN_H2C=true"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			streamsCount(t, roots, env...)
		})
	}
}

func streamsCount(t *testing.T, roots *x509.CertPool, env ...string) {
	t.Helper()
	release := make(chan struct{})
	var under, peak atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for n := under.Add(1); ; {
			if most := peak.Load(); most >= n || peak.CompareAndSwap(most, n) {
				break
			}
		}
		defer under.Add(-1)
		if r.URL.Path == "/public/slow" {
			select {
			case <-release:
			case <-r.Context().Done(): // the gate has ended it, with its visitor's connection
			}
		}
	}))
	t.Cleanup(app.Close)
	t.Cleanup(func() { close(release) })
	g := startGate(t, append(env, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.URL,
		"GATEPOST_MAX_CONNECTIONS=30")...)
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	if overTLS := len(env) > 1; overTLS {
		g.url = strings.Replace(g.url, "http://", "https://", 1)
	} else {
		protocols.SetUnencryptedHTTP2(true)
	}
	v := g.secure(t, roots)
	v.signUp("ada@example.com")
	transport := &http.Transport{DialContext: dialer("127.0.0.2").DialContext,
		TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: protocols,
		HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true}}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	// Without a first request, each of the later ones would connect.
	if _, err := send(client, "GET", g.url+"/.gatepost/healthz", ""); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { _, _ = send(client, "GET", g.url+"/public/slow", "") }) // ends with the connection
	}
	all.Wait()
	// Requests of a closed connection may still be under way when the next one comes.
	if peak.Load() > 60 {
		t.Errorf("the app has %d requests at once", peak.Load())
	}
	for range 10 {
		if r := v.fetch("/dashboard"); r.status != 200 {
			t.Errorf("who is signed in: %d", r.status)
		}
	}
}

// Headers that arrive slowly, or belong to requests that wait for the app, take at most the memory of their
// pool.
func TestLargeHeadersHaveABound(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"half a header": "", "a request that waits": "\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLane(t)
			l.signIn(t)
			release := make(chan struct{})
			t.Cleanup(func() { close(release) })
			l.app.answerBy(func(r *http.Request) string {
				if r.URL.Path == "/public/slow" {
					<-release
				}
				return fine
			})
			var small strings.Builder
			for i := range 5000 {
				fmt.Fprintf(&small, "x%d:\r\n", i)
			}
			raw := l.open("GET /public/slow", strings.TrimSuffix(small.String(), "\r\n"))
			raw = strings.TrimSuffix(raw, "\r\n") + end
			early := l.dial(t, l.open("GET /dashboard", l.cookie))
			if r := answers(t, early); r.status != 200 {
				t.Fatalf("who came before: %d", r.status)
			}
			before := l.peak(t)
			for range 400 {
				l.from(t, "127.0.0.1", raw)
			}
			if n := gauge(t, l.running, "gatepost_header_bytes"); n > 16<<20 {
				t.Errorf("headers count as %.0f", n)
			}
			after := l.peak(t)
			t.Logf("400 large headers: %.0f → %.0f MiB", before/(1<<20), after/(1<<20))
			if r := l.one(t, l.request("GET /dashboard", l.cookie)); r.status != 200 {
				t.Errorf("who is signed in: %d", r.status)
			}
			if _, err := io.WriteString(early, l.open("GET /dashboard", l.cookie)); err != nil {
				t.Error(err)
			}
			if r := answers(t, early); r.status != 200 {
				t.Errorf("who came before, on their connection: %d", r.status)
			}
		})
	}
}
