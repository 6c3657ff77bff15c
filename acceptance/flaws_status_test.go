package acceptance_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Whatever number an app sends as a status, the visitor gets a valid HTTP status, and the answer reports no
// fault of the gate.
func TestAStatusThatHTTPDoesNotHaveIs502(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	for _, answer := range []string{
		"099 x", "000 x", "001 x", "+99 x", "-01 x", "1000 x", "99 x", "2 x", "20 x", "2000 OK", "0200 OK", "2xx OK",
		"abc x", "0x1 x", "", " ",
		"101 Switching Protocols", "100 Continue", "102 Processing", "199 x",
	} {
		for _, path := range []string{"/public", "/dashboard"} {
			l.app.answerWith("HTTP/1.1 " + answer + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			if interim := answer[:min(3, len(answer))]; interim == "100" && len(answer) > 6 ||
				interim == "102" || interim == "199" {
				// What follows is not a valid final answer.
				l.app.answerWith("HTTP/1.1 " + answer + "\r\n\r\nHTTP/1.1 099 x\r\n\r\n")
			}
			all := l.send(t, l.request("GET "+path, l.cookie))
			last := all[len(all)-1]
			if last.status != 502 || !strings.Contains(last.body, `"code":"BAD_GATEWAY"`) || len(l.app.take()) != 1 {
				t.Errorf("%q: got %v %s", answer, statuses(all), last.body)
			}
		}
	}
	l.app.answerWith("HTTP/1.1 099 x\r\nContent-Length: 3\r\n\r\napp")
	if r := l.one(t, l.request("GET /public", navigate)); r.status != 502 ||
		!strings.Contains(r.body, "an answer that cannot be passed on") {
		t.Errorf("a page: %d %s", r.status, r.body)
	}
	for _, status := range []string{"200", "299", "418", "600", "999"} { // the gate passes these on
		l.app.answerWith("HTTP/1.1 " + status + " x\r\nContent-Length: 3\r\n\r\napp")
		if r := l.one(t, l.request("GET /public")); !strings.HasPrefix(status, string(rune('0'+r.status/100))) ||
			r.body != "app" {
			t.Errorf("%s: got %d", status, r.status)
		}
	}
}

// HTTP/2 writes a status differently, and cannot switch protocols.
func TestAStatusThatHTTP2DoesNotHaveIs502(t *testing.T) {
	t.Parallel()
	for _, statuses := range [][]string{{"99"}, {"0"}, {"-200"}, {"1000"}, {"99999"}, {"x"}, {""}, {"101", "200"},
		{"101", "101", "200"}} {
		g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM=h2c://"+answersHTTP2(t, statuses))
		for range 2 {
			if r := g.visitor(t).fetch("/public"); r.status != 502 ||
				!strings.Contains(r.body, `"code":"BAD_GATEWAY"`) {
				t.Errorf("%q: got %d %s", statuses, r.status, r.body)
			}
		}
	}
}

// answersHTTP2 is an app that answers each request with these statuses, one after the other.
func answersHTTP2(t *testing.T, statuses []string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveHTTP2(conn, statuses)
		}
	}()
	return l.Addr().String()
}

func serveHTTP2(conn net.Conn, statuses []string) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		h, ok := frame.(*http2.HeadersFrame)
		for i := 0; ok && i < len(statuses); i++ {
			var block bytes.Buffer
			_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: statuses[i]})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: h.StreamID, BlockFragment: block.Bytes(),
				EndHeaders: true, EndStream: i == len(statuses)-1})
		}
	}
}
