package acceptance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// stepper is an app whose bodies move one byte at a time, when the test says so.
type stepper struct {
	url   string
	mu    sync.Mutex
	steps map[string]chan struct{} // by path
	read  map[string]int           // bytes, by path
}

func newStepper(t *testing.T) *stepper {
	t.Helper()
	a := &stepper{steps: map[string]chan struct{}{}, read: map[string]int{}}
	app := httptest.NewServer(a)
	t.Cleanup(app.Close)
	a.url = app.URL
	return a
}

func (a *stepper) of(path string) chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.steps[path] == nil {
		a.steps[path] = make(chan struct{}, 100)
	}
	return a.steps[path]
}

func (a *stepper) has(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read[path]
}

// ServeHTTP answers as the last element of the path says. Whatever is called down has the type and length of the query.
func (a *stepper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	switch path.Base(r.URL.Path) {
	case "early": // begins to answer, and then reads on
		_ = control.EnableFullDuplex()
		w.Header().Set("Content-Length", "26")
		_, _ = io.WriteString(w, "yes")
		_ = control.Flush()
		fallthrough
	case "up":
		a.receive(r)
	case "down":
		for _, name := range []string{"Content-Length", "Content-Type"} {
			if v := r.URL.Query().Get(name); v != "" {
				w.Header().Set(name, v)
			}
		}
		_ = control.Flush()
		a.send(w, r)
	case "poll":
		a.receive(r)
		<-r.Context().Done()
	}
}

func (a *stepper) receive(r *http.Request) {
	for b := make([]byte, 1); ; {
		n, err := r.Body.Read(b)
		a.mu.Lock()
		a.read[r.URL.Path] += n
		a.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (a *stepper) send(w http.ResponseWriter, r *http.Request) {
	for {
		select {
		case <-a.of(r.URL.Path):
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// begins sends a request with its header as it stands, and returns its connection.
func (v *visitor) begins(method, path string, header ...string) *opened {
	v.t.Helper()
	host := strings.TrimPrefix(v.gate.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n%s\r\n", method, path, host, v.cookie(),
		strings.Join(append(header, ""), "\r\n"))
	return &opened{conn, bufio.NewReader(conn), 0}
}

// TestWhatMovesIsAUse tries bodies of every length, both ways: those that move keep their session, and nothing else
// does.
func TestWhatMovesIsAUse(t *testing.T) {
	t.Parallel()
	const chunked, passive = "Transfer-Encoding: chunked", "X-Gatepost-Passive: 1"
	length := func(n int) string { return fmt.Sprint("Content-Length: ", n) }
	table := []struct {
		name, method, path string
		header             []string
		sends              string // what the visitor sends to move on; empty: the app does
		use                bool
	}{
		{"up 26 bytes", "POST", "/1/up", []string{length(26)}, "x", true},
		{"up 220 kB", "POST", "/2/up", []string{length(220_000)}, "x", true},
		{"up 3 MB", "PUT", "/3/up", []string{length(3_000_000)}, "x", true},
		{"up unknown", "POST", "/4/up", []string{chunked}, "1\r\nx\r\n", true},
		{"up after the answer", "POST", "/5/early", []string{length(220_000)}, "x", true},
		{"down 26 bytes", "GET", "/6/down?Content-Length=26", nil, "", true},
		{"down 220 kB", "GET", "/7/down?Content-Length=220000", nil, "", true},
		{"down 3 MB", "GET", "/8/down?Content-Length=3000000", nil, "", true},
		{"down unknown", "GET", "/9/down", nil, "", true},
		{"down after a form", "POST", "/10/down?Content-Length=26", []string{length(0)}, "", true},
		{"up passive", "POST", "/11/up", []string{length(220_000), passive}, "x", false},
		{"up passive unknown", "POST", "/12/up", []string{chunked, passive}, "1\r\nx\r\n", false},
		{"down passive", "GET", "/13/down?Content-Length=26", []string{passive}, "", false},
		{"events", "GET", "/14/down?Content-Type=text/event-stream", nil, "", false},
		{"a camera", "GET", "/15/down?Content-Type=multipart/x-mixed-replace", nil, "", false},
		{"gRPC", "GET", "/16/down?Content-Type=application/grpc%2Bproto", nil, "", false},
		{"a long poll", "GET", "/17/poll", nil, "", false},
		{"a long poll with a body", "POST", "/18/poll", []string{length(3), "", "a=b"}, "", false},
	}
	app := newStepper(t)
	emails := make([]string, len(table))
	for i := range table {
		emails[i] = fmt.Sprintf("user%d@example.com", i)
	}
	list := newIdlers(t, "30 s", []string{"GATEPOST_UPSTREAM=" + app.url, "GATEPOST_SESSION_IDLE=1m",
		"GATEPOST_SIGNUP_LIMIT=0"}, emails...)
	open := make([]*opened, len(table))
	for i, row := range table {
		list[i].fetch("/")
		open[i] = list[i].begins(row.method, row.path, row.header...)
	}
	for _, one := range list {
		eventually(t, "the request is written down", one.used)
	}
	eventually(t, "all are held", func() bool {
		return gauge(t, list[0].gate, "gatepost_lasting_answers") == float64(len(table))
	})
	for round := range 2 {
		for _, one := range list {
			one.idle()
		}
		for i := len(table) - 1; i >= 0; i-- { // those that are no use come first
			row, name := table[i], strings.Split(table[i].path, "?")[0]
			if row.sends == "" {
				app.of(name) <- struct{}{}
				continue
			}
			_, _ = io.WriteString(open[i], row.sends)
			eventually(t, row.name+" moves", func() bool { return app.has(name) > round })
		}
		for i, row := range table {
			if row.use {
				eventually(t, row.name+" is a use", list[i].used)
			}
		}
		for i, row := range table {
			if !row.use && list[i].used() {
				t.Errorf("%s is a use", row.name)
			}
		}
	}
}

// A short answer that is slow is broken off with its session, as a long one is, and so is a short upload whose answer
// has begun.
func TestShortBodiesThatAreSlowEndWithTheSession(t *testing.T) {
	t.Parallel()
	app := newStepper(t)
	g := startGate(t, watched, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	open := map[string]*opened{
		"down":  v.begins("GET", "/dashboard/down?Content-Length=26"),
		"early": v.begins("POST", "/dashboard/early", "Content-Length: 26"),
	}
	eventually(t, "both are held", func() bool { return gauge(t, g, "gatepost_lasting_answers") == 2 })
	v.post("/logout")
	latest := time.Now().Add(endsWithin)
	for what, o := range open {
		o.endsBy(t, what, latest)
	}
}
