package proxy_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/gatepost/gatepost/proxy"
)

// Whatever ends a request whose body is not complete, its client learns of it without sending the rest.
func TestAClientThatStopsSendingLearnsOfTheEnd(t *testing.T) {
	t.Parallel()
	endings := map[string]func(net.Conn){
		"the app's answer is whole":  func(app net.Conn) { _, _ = io.WriteString(app, "yes") },
		"the app breaks its answer":  func(app net.Conn) { _ = app.Close() },
		"the app closes both ways":   func(app net.Conn) { _, _ = io.WriteString(app, "yes"); _ = app.Close() },
		"the app resets its answer":  func(app net.Conn) { _ = app.(*net.TCPConn).SetLinger(0); _ = app.Close() },
		"the app says more than all": func(app net.Conn) { _, _ = io.WriteString(app, "yes, and") },
	}
	for ending, ends := range endings {
		for kind, begins := range map[string]string{
			"a length": get("POST /public", "Content-Length: 26") + "x",
			"chunks":   get("POST /public", "Transfer-Encoding: chunked") + "1\r\nx\r\n",
		} {
			t.Run(ending+", "+kind, func(t *testing.T) {
				t.Parallel()
				visitor, app := halfAnswered(t, begins)
				ends(app)
				if _, err := io.Copy(io.Discard, visitor); isTimeout(err) {
					t.Error("the client waits for the end in vain")
				}
			})
		}
	}
}

// halfAnswered returns both ends of a request of which a part is sent, and whose answer of three bytes begins.
func halfAnswered(t *testing.T, begins string) (visitor, app net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	d := newDoor(t, func(c *proxy.Config) { c.Upstream, _ = proxy.ParseUpstream("http://" + l.Addr().String()) })
	if visitor, err = net.Dial("tcp", d.address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = visitor.Close() })
	_, _ = io.WriteString(visitor, begins)
	if app, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close() })
	for _, c := range []net.Conn{visitor, app} {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	r, err := http.ReadRequest(bufio.NewReader(app))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadFull(r.Body, make([]byte, 1)) // so that the gate waits for more
	_, _ = io.WriteString(app, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
	return visitor, app
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
