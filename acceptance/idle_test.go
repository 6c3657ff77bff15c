package acceptance_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/gatepost/gatepost/auth/authtest"
)

// An idle connection of a visitor is closed after GATEPOST_LISTEN_IDLE.
func TestIdleConnectionsOfVisitorsEnd(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_LISTEN_IDLE=1s")
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	for range 2 {
		_, _ = io.WriteString(conn, "GET /.gatepost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("got %v, %v", res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
	}
	if _, err := in.ReadByte(); err == nil || os.IsTimeout(err) {
		t.Errorf("the connection goes on: %v", err)
	}
}

// Over HTTP/2 the gate asks who is quiet whether they are still there.
func TestQuietVisitorsArePinged(t *testing.T) {
	t.Parallel()
	cert, key, roots := writePair(t, t.TempDir(), nil)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key,
		"GATEPOST_LISTEN_IDLE=4s")
	conn, err := tls.Dial("tcp", strings.TrimPrefix(g.url, "http://"),
		&tls.Config{RootCAs: roots, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatalf("the connection ended without a ping: %v", err)
		}
		if ping, ok := frame.(*http2.PingFrame); ok && !ping.IsAck() {
			return
		}
	}
}
