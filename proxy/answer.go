package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ErrAnswer means that the app's answer is not a valid HTTP answer to the request.
var ErrAnswer = errors.New("the app's answer is none that HTTP has")

// modifyResponse removes headers that only the gate may set from the app's answer, and keeps private answers out of
// shared caches.
func (p *Proxy) modifyResponse(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	x.app.cookie.DropSet(res.Header)
	dropReserved(res.Header)
	x.crossing.replace(res.Header)
	if x.body != nil {
		x.body.stop()
	}
	if err := p.answered(x); err != nil {
		return err
	}
	if err := checkStatus(x, res); err != nil {
		return err
	}
	if err := p.followTrail(x, res); err != nil {
		return err
	}
	p.holdAnswer(x, res)
	if res.StatusCode == http.StatusSwitchingProtocols {
		if both, ok := res.Body.(io.ReadWriteCloser); ok { // else the upgrade fails
			res.Body = tunnel{both}
		}
		x.status = res.StatusCode // the connection is taken over without WriteHeader
		return nil
	}
	if _, ok := res.Header["Content-Type"]; !ok {
		x.Header()["Content-Type"] = nil // the server would guess a type, and could turn an upload into a page
	}
	if x.signedIn && !hasCachePolicy(res) {
		res.Header["Cache-Control"] = privateOnly
	}
	if !x.lasting.endless {
		x.adopt(res)
	}
	return nil
}

// adopt moves the header of an answer to the visitor's, as ReverseProxy would copy it value by value. It goes by the
// type of an event stream afterwards, which so keeps its header.
func (x *exchange) adopt(res *http.Response) {
	to := x.Header()
	for name, values := range res.Header {
		if before := to[name]; len(before) > 0 {
			values = append(before, values...)
		}
		to[name] = values
	}
	res.Header = nil
}

// checkStatus accepts statuses that Go can write and clients can read: a final one of three digits (RFC 9110,
// section 15), or the requested change of protocol. The transport reads other 1xx as interim answers.
func checkStatus(x *exchange, res *http.Response) error {
	switch s := res.StatusCode; {
	case x.misspoke:
		return fmt.Errorf("%w: status 101 over HTTP/2", ErrAnswer)
	case s == http.StatusSwitchingProtocols && !(isWebSocket(res.Request.Header) && isWebSocket(res.Header)):
		return fmt.Errorf("%w: a change of protocol that nobody asked for", ErrAnswer)
	case s != http.StatusSwitchingProtocols && (s < 200 || s > 999):
		return fmt.Errorf("%w: status %03d", ErrAnswer, s)
	}
	return nil
}

var privateOnly = []string{"private, no-store"} // never modified

// hasCachePolicy reports whether the app sets a policy for caches: by Cache-Control, or by an Expires with a date
// (RFC 9111, sections 5.2 and 5.3). Other headers do not count: Pragma is for requests (section 5.4), validators
// allow nothing, and headers for CDNs mean nothing to other caches.
func hasCachePolicy(res *http.Response) bool {
	said := strings.Trim(strings.Join(res.Header["Cache-Control"], ","), ", \t")
	if said == "no-cache" && len(res.Header["Pragma"]) > 0 && res.ProtoMajor == 1 {
		said = "" // Go may have made it from Pragma: no-cache, which does not mean that the answer may be stored
	}
	if said != "" {
		return true
	}
	expires := res.Header["Expires"]
	if len(expires) != 1 {
		return false
	}
	_, err := http.ParseTime(expires[0])
	return err == nil
}

// cleanTrailers removes cookies and reserved headers from the trailers, once the header is sent. Cookies do not
// belong there (RFC 9110, section 6.5.1).
func cleanTrailers(h http.Header) {
	delete(h, "Set-Cookie")
	delete(h, http.TrailerPrefix+"Set-Cookie")
	dropReserved(h)
}
