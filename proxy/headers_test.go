package proxy

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func TestHeadersOfOneRequestAreNotThoseOfTheNext(t *testing.T) {
	for _, n := range []int{0, 1, headersMost, headersMost + 1, 1000} {
		for _, room := range []int{1, headersMost, headersMost + 1} {
			x := headers{over: true}
			h := x.take(room)
			if len(h) != 0 {
				t.Fatalf("with room for %d: a new map has %v", room, h)
			}
			for i := range n {
				h.Set("X-"+strconv.Itoa(i), "secret")
			}
			x.giveBack()
			x.giveBack() // a second time it is another's
			a, b := headers{over: true}, headers{over: true}
			first, second := a.take(1), b.take(1)
			first.Set("X-First", "1")
			if len(first) != 1 || len(second) != 0 {
				t.Errorf("after %d headers: the next two have %v and %v", n, first, second)
			}
			a.giveBack()
			b.giveBack()
		}
	}
}

// seen is what a Transport was told to send.
type seen struct {
	http.RoundTripper
	headers http.Header
}

func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.headers = r.Header
	return s.RoundTripper.RoundTrip(r)
}

// http.Transport may still read the headers of a request when it is over. Only those that package direct had are
// emptied, for the next request.
func TestHeadersThatSomebodyMayStillReadAreNotUsedAgain(t *testing.T) {
	h2c := func(p *Proxy) {
		p.apps[0].transport = newTransport(Upstream{scheme: "h2c", address: p.apps[0].upstream.address}, 0, 0)
	}
	plain := func(*Proxy) {}
	for _, c := range []struct {
		name    string
		change  func(*Proxy)
		headers http.Header
		body    string
		emptied bool
	}{
		{"directly", plain, nil, "", true},
		{"with a body", plain, nil, "x", false},
		{"to an app that speaks HTTP/2", h2c, nil, "", false},
		{"over a tied connection", plain, http.Header{"Authorization": {"Negotiate abcd"}}, "", false},
		{"of a WebSocket", plain, http.Header{"Connection": {"upgrade"}, "Upgrade": {"websocket"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}}, "", false},
	} {
		var s seen
		app := func(http.ResponseWriter, *http.Request) {}
		gate, _ := gateFor(t, app, func(p *Proxy) {
			c.change(p)
			s.RoundTripper, p.forward.Transport = p.forward.Transport, &s
		})
		r := httptest.NewRequest(http.MethodGet, "http://gate.example/", strings.NewReader(c.body))
		if c.headers != nil {
			r.Header = c.headers
		}
		gate.ServeHTTP(httptest.NewRecorder(), r)
		if s.headers == nil || (len(s.headers) == 0) != c.emptied {
			t.Errorf("%s: the headers are now %v", c.name, s.headers)
		}
	}
}
