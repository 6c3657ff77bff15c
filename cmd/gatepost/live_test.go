package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// newTalker is an app that never stops: a socket, an event stream and a download.
func newTalker(t *testing.T) string {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/ws") {
			echoSocket(w, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/download") {
			w.Header().Set("Content-Length", "1000000000")
		} else {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		piece := "data: " + strings.Repeat("x", 8<<10) + "\n\n" // more than is gathered of an answer of known length
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
			<-tick.C
		}
	}))
	t.Cleanup(app.Close)
	return app.URL
}

// opened is a connection on which something goes on.
type opened struct {
	net.Conn
	in     *bufio.Reader
	status int
}

func (v *visitor) opens(path string, headers ...string) *opened {
	v.t.Helper()
	host := strings.TrimPrefix(v.gate.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n%s\r\n", path, host, v.cookie(), strings.Join(append(headers, ""), "\r\n"))
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		v.t.Fatalf("%s: %v", path, err)
	}
	return &opened{conn, in, res.StatusCode}
}

// ends waits until the other side has ended the connection.
func (o *opened) ends(t *testing.T, what string) {
	t.Helper()
	_ = o.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, o.in); isTimeout(err) {
		t.Errorf("%s goes on", what)
	}
}

// goesOn wants more to come.
func (o *opened) goesOn(t *testing.T, what string) {
	t.Helper()
	_ = o.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(o.in, make([]byte, 100)); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// What a session opened ends with it, also when it is ended at another gate, and nobody else's does.
func TestWhatIsOpenEndsWithTheSession(t *testing.T) {
	t.Parallel()
	url, app := authtest.NewDatabase(t), newTalker(t)
	here, there := startGate(t, watched, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+app), startGate(t, watched, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+app)
	bob := here.visitor(t)
	bob.signUp("bob@example.com")
	bobs := bob.opens("/dashboard/events")
	for i, end := range map[string]func(v, elsewhere *visitor){
		"logout here":  func(v, _ *visitor) { v.post("/logout") },
		"logout there": func(_, elsewhere *visitor) { elsewhere.post("/logout") },
		"SQL": func(*visitor, *visitor) {
			_, err := authtest.Pool(t, url).Exec(t.Context(), `UPDATE gatepost."user" SET disabled_at = now() WHERE email <> 'bob@example.com'`)
			if err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(i, func(t *testing.T) {
			v := here.visitor(t)
			v.signUp(strings.ReplaceAll(i, " ", ".") + "@example.com")
			elsewhere := there.visitor(t)
			at, _ := neturl.Parse(there.url)
			elsewhere.client.Jar.SetCookies(at, []*http.Cookie{{Name: "gatepost_" + at.Port(), Value: v.cookie().Value}})
			open := map[string]*opened{
				"the socket":       v.opens("/dashboard/ws", "Connection: Upgrade", "Upgrade: websocket", "Origin: "+here.url),
				"the event stream": v.opens("/dashboard/events"),
				"a public stream":  v.opens("/events"),
				"the download":     v.opens("/dashboard/download"),
			}
			for what, o := range open {
				if o.status != 200 && o.status != 101 {
					t.Fatalf("%s: %d", what, o.status)
				}
				if o.status == 200 {
					o.goesOn(t, what)
				}
			}
			end(v, elsewhere)
			for what, o := range open {
				o.ends(t, what)
			}
			eventually(t, "the log says why", func() bool { return strings.Contains(here.log.String(), "the session ended while the answer went on") })
			bobs.goesOn(t, "somebody else's")
		})
	}
}
