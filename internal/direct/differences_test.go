package direct

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// differences are what this transport does otherwise than http.Transport, on purpose.
var differences = []struct {
	why           string
	do            func(*http.Request)
	serve         func(*peer)
	ours, theirs  string
	alreadyServed bool // the connection carried a request before
}{
	{
		why: "a client chooses Idempotency-Key, and so cannot have a POST repeated that may have arrived",
		do: func(r *http.Request) {
			r.Method = "POST"
			r.Header.Set("Idempotency-Key", "1")
		},
		serve: func(p *peer) { p.request() }, alreadyServed: true,
		ours: "no answer", theirs: `200 "second"`,
	},
	{
		why: "408 on a connection that was idle before means that the app had closed it",
		do:  func(*http.Request) {},
		serve: func(p *peer) {
			p.request()
			p.say("HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}, alreadyServed: true,
		ours: `200 "second"`, theirs: `408 ""`,
	},
	{
		why: "all headers of one request together have a limit of 1 MiB, and not of 10 MiB",
		do:  func(*http.Request) {},
		serve: func(p *peer) {
			p.request()
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: %s\r\n\r\n", strings.Repeat("a", 2<<20))
		},
		ours: "no answer", theirs: `200 ""`,
	},
	{
		why: "interim answers of one request have a limit in number",
		do:  func(*http.Request) {},
		serve: func(p *peer) {
			p.request()
			p.say("%s", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim+1))
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		},
		ours: "no answer", theirs: `200 ""`,
	},
	{
		why: "a body that can be had again (GetBody) is not sent again: the gate's has none",
		do: func(r *http.Request) {
			r.Method, r.Body = "PUT", io.NopCloser(strings.NewReader("hello"))
			r.ContentLength = 5
			r.Header.Set("Idempotency-Key", "1")
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("hello")), nil }
		},
		serve: func(p *peer) { p.request() }, alreadyServed: true,
		ours: "no answer", theirs: `200 "second"`,
	},
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	for _, d := range differences {
		both(t, func(t *testing.T, make func(dialFunc, time.Duration) transport) {
			app := newApp(t, func(p *peer) {
				if p.number == 1 {
					if d.alreadyServed && p.request() != nil {
						p.say(second, p.number)
					}
					d.serve(p)
					return
				}
				for p.request() != nil {
					p.say(second, p.number)
				}
			})
			rt := app.open(make)
			if d.alreadyServed {
				number(t, rt)
			}
			r := newRequest(t, "GET", nil)
			d.do(r)
			got, err := ask(rt, r)
			want := d.ours
			if _, theirs := rt.(*http.Transport); theirs {
				want = d.theirs
			}
			if got.String() != want {
				t.Errorf("%s: got %v (%v), want %s", d.why, got, err, want)
			}
		})
	}
}
