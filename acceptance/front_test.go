package acceptance_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// front is a server that ends TLS in front of the gate, run with its snippet from deploy/.
type front struct {
	program, snippet string
	config           string // surrounds the snippet
	args             []string
	replace          []string // replacements for what cannot be as on a real machine
}

var fronts = map[string]front{
	"nginx": {program: "/usr/sbin/nginx", snippet: "nginx.conf", args: []string{"-c", "CONFIG"},
		config: `daemon off; pid TMP/pid; error_log stderr; user root; events {} http {
			access_log off; client_body_temp_path TMP/body; proxy_temp_path TMP/proxy;
			fastcgi_temp_path TMP/fastcgi; uwsgi_temp_path TMP/uwsgi; scgi_temp_path TMP/scgi;
			SNIPPET }`,
		replace: []string{"listen 443 ", "listen 127.0.0.1:PORT ", "listen 80;", "listen 127.0.0.1:PLAIN;",
			"/etc/ssl/app.example.com/fullchain.pem", "CERT", "/etc/ssl/app.example.com/key.pem", "KEY",
			"https://app.example.com", "https://localhost:PORT"}},
	"caddy": {program: "/usr/bin/caddy", snippet: "Caddyfile",
		args:    []string{"run", "--adapter", "caddyfile", "--config", "CONFIG"},
		config:  "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\nSNIPPET",
		replace: []string{"app.example.com {", "https://localhost:PORT {\n\ttls CERT KEY"}},
}

// frontsOfH2C speak HTTP/2 to the gate without TLS.
var frontsOfH2C = map[string]front{
	"nginx": {program: fronts["nginx"].program, snippet: "nginx-grpc.conf", args: fronts["nginx"].args,
		config: fronts["nginx"].config, replace: []string{"listen 443 ", "listen 127.0.0.1:PORT ",
			"/etc/ssl/app.example.com/fullchain.pem", "CERT", "/etc/ssl/app.example.com/key.pem", "KEY"}},
	"caddy": {program: fronts["caddy"].program, snippet: "Caddyfile.h2c", args: fronts["caddy"].args,
		config: fronts["caddy"].config, replace: fronts["caddy"].replace},
}

// start runs the server in front of a gate.
func (f front) start(t *testing.T, gate, port, plain, cert, key string) {
	t.Helper()
	if _, err := os.Stat(f.program); err != nil {
		missing(t, f.program+" is not installed")
	}
	snippet, err := os.ReadFile("../deploy/proxies/" + f.snippet)
	if err != nil {
		t.Fatal(err)
	}
	text := string(snippet)
	for i := 0; i < len(f.replace); i += 2 {
		if !strings.Contains(text, f.replace[i]) {
			t.Fatalf("%s has no %q any more", f.snippet, f.replace[i])
		}
		text = strings.ReplaceAll(text, f.replace[i], f.replace[i+1])
	}
	dir := t.TempDir()
	text = strings.ReplaceAll(f.config, "SNIPPET", text)
	text = strings.NewReplacer("127.0.0.1:8080", gate, "PORT", port, "PLAIN", plain, "CERT", cert, "KEY", key, "TMP",
		dir, "app.example.com", "localhost").Replace(text)
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(f.program, f.args...)
	for i, arg := range cmd.Args {
		cmd.Args[i] = strings.Replace(arg, "CONFIG", config, 1)
	}
	cmd.Env = []string{"HOME=" + dir}
	launch(t, cmd)
	untilListening(t, "127.0.0.1:"+port)
}

// newEcho is an app that repeats the request it got, and has a WebSocket and a stream that do not end.
func newEcho(t *testing.T) string {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/dashboard/ws":
			echoSocket(w, r)
		case "/dashboard/slow":
			<-r.Context().Done()
		case "/dashboard/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		default:
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, "<%s> %s from %s, %d bytes, user %q", r.RequestURI, r.Proto, r.Header.Get("X-Forwarded-For"),
				n, r.Header.Get("X-Auth-Email"))
		}
	}))
	t.Cleanup(app.Close)
	return app.URL
}

// behind returns a visitor of the server in front, with an address of their own.
func behind(t *testing.T, url, address string, roots *x509.CertPool) *visitor {
	t.Helper()
	v := (&running{url: url}).secure(t, roots)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	v.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, to string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(to)
		return dialer.DialContext(ctx, "tcp4", "127.0.0.1:"+port)
	}
	return v
}

// opensTLS is opens through the server in front.
func (v *visitor) opensTLS(roots *x509.CertPool, path string, headers ...string) *opened {
	v.t.Helper()
	host := strings.TrimPrefix(v.gate.url, "https://")
	conn, err := tls.Dial("tcp4", host, &tls.Config{RootCAs: roots})
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n%s\r\n", path, host, v.cookie(),
		strings.Join(append(headers, ""), "\r\n"))
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		v.t.Fatalf("%s: %v", path, err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		in = bufio.NewReader(res.Body) // its end need not be that of the connection to the server in front
	}
	return &opened{conn, in, res.StatusCode}
}

// leaves sends a request and disconnects before the answer. The gate has to notice.
func (v *visitor) leaves(g *running, roots *x509.CertPool, path string) {
	v.t.Helper()
	host := strings.TrimPrefix(v.gate.url, "https://")
	conn, err := tls.Dial("tcp4", host, &tls.Config{RootCAs: roots})
	if err != nil {
		v.t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", path, host, v.cookie())
	inFlight := func(n string) func() bool {
		return func() bool { return strings.Contains(g.metrics(v.t), "gatepost_requests_in_flight "+n+"\n") }
	}
	eventually(v.t, "the request is under way", inFlight("1"))
	_ = conn.Close()
	eventually(v.t, "the request ends with its visitor", inFlight("0"))
}

func TestTheGateBehindWhatPeopleHaveInFront(t *testing.T) {
	t.Parallel()
	for name, f := range fronts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, key, roots := writePair(t, t.TempDir(), nil)
			port, plain := freePort(t), freePort(t)
			public := "https://localhost:" + port
			g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newEcho(t),
				"GATEPOST_PUBLIC_URL="+public, "GATEPOST_TRUSTED_PROXIES=127.0.0.1",
				"GATEPOST_UPSTREAM_TIMEOUT=1h")
			f.start(t, strings.TrimPrefix(g.url, "http://"), port, plain, cert, key)
			v := behind(t, public, "127.0.0.9", roots)
			v.signUp("ada@example.com")

			r := v.do("POST", "/dashboard/a%2Fb//c/../%c3%a9?x=%2f&y", strings.NewReader(strings.Repeat("x", 3<<20)),
				"X-Auth-Email: eve@example.com", "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6")
			want := `</dashboard/a%2Fb//c/../%c3%a9?x=%2f&y> HTTP/1.1 from 127.0.0.9, 3145728 bytes, ` +
				`user "ada@example.com"`
			if r.status != 200 || r.body != want {
				t.Errorf("got %d %s,\nwant %s", r.status, r.body, want)
			}
			if !strings.HasPrefix(r.header.Get("Strict-Transport-Security"), "max-age=") {
				t.Errorf("no HSTS: %v", r.header)
			}
			if r := behind(t, public, "127.0.0.8", roots).fetch("/dashboard"); r.status != 401 {
				t.Errorf("signed out: %d %s", r.status, r.body)
			}

			v.leaves(g, roots, "/dashboard/slow")
			if name == "nginx" { // Caddy redirects by itself
				clear := (&running{url: "http://127.0.0.1:" + plain}).visitor(t)
				if r := clear.open("/dashboard?a=b"); r.status != 308 || r.location() != public+"/dashboard?a=b" {
					t.Errorf("over http: %d %v", r.status, r.header)
				}
				if r := clear.post("/login", "email", "ada@example.com", "password", password); r.status != 403 {
					t.Errorf("a password over http: %d", r.status)
				}
			}

			stream := v.opensTLS(roots, "/dashboard/stream")
			if line, err := stream.in.ReadString('1'); err != nil || stream.status != 200 {
				t.Errorf("the stream: %d %q %v", stream.status, line, err)
			}
			socket := v.opensTLS(roots, "/dashboard/ws", "Connection: Upgrade", "Upgrade: websocket", "Origin: "+public)
			_, _ = io.WriteString(socket, "hello")
			if b := make([]byte, 5); socket.status != 101 {
				t.Errorf("the socket: %d", socket.status)
			} else if _, err := io.ReadFull(socket.in, b); err != nil || string(b) != "hello" {
				t.Errorf("the socket: %q %v", b, err)
			}
			if r := v.post("/logout"); r.status != 303 {
				t.Errorf("logout: %d", r.status)
			}
			stream.ends(t, "the stream")
			socket.ends(t, "the socket")
		})
	}
}

// Spellings that open nothing at the gate open nothing through a server that may rewrite them either.
func TestNoSpellingOpensADashboardThroughAServerInFront(t *testing.T) {
	t.Parallel()
	for name, f := range fronts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, key, roots := writePair(t, t.TempDir(), nil)
			port := freePort(t)
			app := realApps[0].start(t)
			g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM=http://"+app,
				"GATEPOST_PUBLIC_URL=https://localhost:"+port, "GATEPOST_TRUSTED_PROXIES=127.0.0.1")
			f.start(t, strings.TrimPrefix(g.url, "http://"), port, freePort(t), cert, key)
			answered := 0
			for i, target := range spellings() {
				if i%4 != 0 { // each needs a TLS handshake of its own
					continue
				}
				conn, err := tls.Dial("tcp4", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: "localhost"})
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n", target, port)
				b, _ := io.ReadAll(conn) // keep what came before a broken connection
				_ = conn.Close()
				if strings.Contains(string(b), "the dashboard") {
					t.Errorf("%s opens it: %.300q", target, b)
				}
				if strings.Contains(string(b), "UNAUTHORIZED") {
					answered++
				}
			}
			if answered < 100 {
				t.Errorf("only %d spellings reached the gate", answered)
			}
		})
	}
}
