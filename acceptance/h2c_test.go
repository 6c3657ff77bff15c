package acceptance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/gatepost/gatepost/auth/authtest"
)

// overH2C has a visitor come through a balancer that speaks HTTP/2 without TLS, from an address of this machine.
func (v *visitor) overH2C(address string) *visitor {
	transport := &http.Transport{DialContext: dialer(address).DialContext, Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	v.t.Cleanup(transport.CloseIdleConnections)
	v.client.Transport = transport
	return v
}

// newCallee is an app that speaks h2c as programs of gRPC do: it answers a message with a message while the call goes
// on, and says in trailers how the call ended. It answers other requests with their version of HTTP.
func newCallee(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(callee)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "h2c://" + l.Addr().String()
}

func callee(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/grpc" {
		fmt.Fprintf(w, "%s for %q", r.Proto, r.Header.Get("X-Auth-Email"))
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	if r.URL.Path == "/dashboard.Greeter/Missing" { // an answer that is trailers only
		w.Header().Set("Grpc-Status", "12")
		return
	}
	w.Header().Set("Trailer", "Grpc-Status")
	_ = http.NewResponseController(w).Flush()
	for in := bufio.NewReader(r.Body); ; {
		message, err := in.ReadString('\n')
		if err != nil {
			break
		}
		fmt.Fprintf(w, "%s te %q: %s", r.Header.Get("X-Auth-Email"), r.Header.Get("Te"), message)
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Grpc-Status", "0")
	w.Header().Set(http.TrailerPrefix+"Grpc-Message", "all said")
}

// A balancer in front can speak HTTP/2 to the gate without TLS, and a call of gRPC goes on in both directions through
// the two, with its trailers.
func TestABalancerSpeaksHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newCallee(t),
		"GATEPOST_LISTEN_H2C=true", "GATEPOST_TRUSTED_PROXIES=127.0.0.2",
		"GATEPOST_PROTECT=/dashboard, /dashboard.Greeter")
	v := g.visitor(t).overH2C("127.0.0.2")
	if _, res := v.call(t, "/dashboard.Greeter/Say"); res.StatusCode != 401 || res.ProtoMajor != 2 {
		t.Errorf("signed out: %s %d", res.Proto, res.StatusCode)
	}
	v.signUp("ada@example.com")
	if r := v.fetch("/dashboard"); r.status != 200 || r.body != `HTTP/2.0 for "ada@example.com"` {
		t.Errorf("a page: %d %s", r.status, r.body)
	}
	v.saysHello(t)
	if _, res := v.call(t, "/dashboard.Greeter/Missing"); res.Header.Get("Grpc-Status") != "12" {
		t.Errorf("without a message: %v", res.Header)
	}
	plain := g.visitor(t) // HTTP/1.1 goes on beside it
	if r := plain.fetch("/public"); r.status != 200 || r.body != `HTTP/2.0 for ""` {
		t.Errorf("HTTP/1.1: %d %s", r.status, r.body)
	}
}

// The same through the servers that people have in front, with their snippets.
func TestServersInFrontSpeakHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	for name, f := range frontsOfH2C {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, key, roots := writePair(t, t.TempDir(), nil)
			port := freePort(t)
			public := "https://localhost:" + port
			g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newCallee(t),
				"GATEPOST_PUBLIC_URL="+public, "GATEPOST_LISTEN_H2C=true", "GATEPOST_TRUSTED_PROXIES=127.0.0.1",
				"GATEPOST_PROTECT=/dashboard, /dashboard.Greeter")
			f.start(t, strings.TrimPrefix(g.url, "http://"), port, freePort(t), cert, key)
			v := behind(t, public, "127.0.0.9", roots)
			if _, res := v.call(t, "/dashboard.Greeter/Say"); res.StatusCode != 401 || res.ProtoMajor != 2 {
				t.Errorf("signed out: %s %d", res.Proto, res.StatusCode)
			}
			v.signUp("ada@example.com")
			v.saysHello(t)
			if r := v.fetch("/dashboard"); r.status != 200 || r.body != `HTTP/2.0 for "ada@example.com"` {
				t.Errorf("a page: %d %s", r.status, r.body)
			}
		})
	}
}

// saysHello makes a call in which messages go in both directions by turns.
func (v *visitor) saysHello(t *testing.T) {
	t.Helper()
	say, res := v.call(t, "/dashboard.Greeter/Say", "hello\n") // nginx passes on no answer before there is a message
	if res.StatusCode != 200 || res.ProtoMajor != 2 || res.Header.Get("Content-Type") != "application/grpc" {
		t.Fatalf("the call: %s %d %v", res.Proto, res.StatusCode, res.Header)
	}
	in := bufio.NewReader(res.Body)
	for i, word := range []string{"hello\n", "again\n"} {
		if i > 0 {
			_, _ = io.WriteString(say, word)
		}
		if got, err := in.ReadString('\n'); got != `ada@example.com te "trailers": `+word {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	_ = say.Close()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 || res.Trailer.Get("Grpc-Status") != "0" ||
		res.Trailer.Get("Grpc-Message") != "all said" {
		t.Errorf("the end: %q %v %v", rest, err, res.Trailer)
	}
}

// call begins a call of gRPC, whose messages are lines here, with the first ones.
func (v *visitor) call(t *testing.T, path string, first ...string) (say io.WriteCloser, res *http.Response) {
	t.Helper()
	body, say := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", v.gate.url+path,
		io.MultiReader(strings.NewReader(strings.Join(first, "")), body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	if res, err = v.client.Do(req); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = say.Close(), res.Body.Close() })
	return say, res
}

// Nobody else may speak it: by default nobody at all, and else who is not trusted. Without a
// trusted proxy, this machine counts as one.
func TestNobodyElseSpeaksHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	database, app := authtest.NewDatabase(t), newApp(t)
	for name, c := range map[string]struct {
		env    []string
		status string // of who may not
	}{
		"by default": {[]string{"GATEPOST_TRUSTED_PROXIES=127.0.0.1"}, "405"},
		"trusted":    {[]string{"GATEPOST_LISTEN_H2C=true", "GATEPOST_TRUSTED_PROXIES=10.0.0.0/8, 127.0.0.1"}, ""},
		"a stranger": {[]string{"GATEPOST_LISTEN_H2C=true", "GATEPOST_TRUSTED_PROXIES=10.0.0.0/8"}, "403"},
		"none named": {[]string{"GATEPOST_LISTEN_H2C=true"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGate(t, append(c.env, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+app.url)...)
			for _, pause := range []time.Duration{0, 20 * time.Millisecond} { // in one piece, and in pieces
				conn := g.begins(t, pause)
				if c.status != "" {
					got, err := io.ReadAll(conn)
					if !strings.HasPrefix(string(got), "HTTP/1.1 "+c.status+" ") {
						t.Errorf("got %q, %v", got, err)
					}
					continue
				}
				if streams := streamsOf(t, conn); streams != 128 {
					t.Errorf("%d requests at once", streams)
				}
			}
			said := strings.Contains(g.log.String(), "a peer speaks HTTP/2 without TLS and is turned away")
			if said != (name == "a stranger") {
				t.Errorf("the log says so: %t", said)
			}
		})
	}
}

// begins opens a connection of HTTP/2.
func (g *running) begins(t *testing.T, pause time.Duration) net.Conn {
	t.Helper()
	conn, err := dialer("127.0.0.1").DialContext(t.Context(), "tcp4", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	rest := http2.ClientPreface
	for pause > 0 && len(rest) > 5 {
		_, _ = io.WriteString(conn, rest[:5])
		rest = rest[5:]
		time.Sleep(pause)
	}
	_, _ = io.WriteString(conn, rest)
	return conn
}

// streamsOf is how many requests the gate takes at once on a connection that has begun.
func streamsOf(t *testing.T, conn net.Conn) uint32 {
	t.Helper()
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Errorf("HTTP/2 is not spoken: %v", err)
			return 0
		}
		if s, ok := frame.(*http2.SettingsFrame); ok && !s.IsAck() {
			n, _ := s.Value(http2.SettingMaxConcurrentStreams)
			return n
		}
	}
}

// A gate that stops does not wait for a balancer's connection that carries nothing, and answers what is under way.
func TestAGateThatStopsEndsABalancersConnections(t *testing.T) {
	t.Parallel()
	release, under := make(chan struct{}), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/public/slow" {
			close(under)
			<-release
		}
		_, _ = io.WriteString(w, "whole")
	}))
	t.Cleanup(app.Close)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.URL,
		"GATEPOST_LISTEN_H2C=true", "GATEPOST_DRAIN_TIMEOUT=20s")
	idle := g.begins(t, 0) // never has a request
	streamsOf(t, idle)
	used := g.visitor(t).overH2C("127.0.0.1")
	used.fetch("/public")
	busy := g.visitor(t).overH2C("127.0.0.1")
	got := make(chan reply, 1)
	go func() { got <- busy.fetch("/public/slow") }()
	<-under
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, "it stops", func() bool { return strings.Contains(g.log.String(), "stopping") })
	close(release)
	if r := <-got; r.status != 200 || r.body != "whole" {
		t.Errorf("under way: %d %q", r.status, r.body)
	}
	if code := g.ended(); code != 0 || strings.Contains(g.log.String(), "some requests were cut off") {
		t.Errorf("exit code %d", code)
	}
}
