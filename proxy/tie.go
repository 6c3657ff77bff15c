package proxy

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Some authentication schemes sign in a connection and not a request (NTLM, Negotiate: RFC 4559, section 6). The
// app then takes all requests on the connection for that user's. The gate never shares such a connection to the
// app. It is tied to one connection of a visitor: during the handshake, which takes several requests, and after it
// for requests with the same session of the gate's. Without a session it is closed after the handshake. It is
// closed after each request over HTTP/2, and without a session behind a trusted proxy, whose connections carry many
// visitors' requests.

// tie is a connection to the app for one visitor's connection.
type tie struct {
	app         *app // the app that it leads to
	connections *connections
	session     string // the gate's session that its requests have; empty for none
	done        bool   // the handshake is over
}

// visitorConn is a visitor's connection to the gate. tie needs no lock, as HTTP/1 serves one request at a time.
type visitorConn struct {
	conn net.Conn
	tie  *tie
}

type visitorConnKey struct{}

// ties finds the ties of visitors' connections that have closed.
type ties struct{ all sync.Map } // net.Conn → *tie

// ConnContext is for http.Server.ConnContext. Without it each signed-in connection is closed after its request.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, visitorConnKey{}, &visitorConn{conn: conn})
}

// ConnState is to be called by http.Server.ConnState. It ends what was tied to a closed connection of a visitor.
func (p *Proxy) ConnState(conn net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		if t, ok := p.ties.all.LoadAndDelete(conn); ok {
			t.(*tie).connections.CloseIdleConnections()
		}
	}
}

// tieIdle is how long a tied connection waits for the next request of its visitor.
const tieIdle = 30 * time.Second

// logsInConnection reports whether a request may sign in its connection: by its scheme, or by a message of NTLM
// under any scheme.
func logsInConnection(h http.Header) bool {
	for _, value := range h["Authorization"] {
		scheme, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(value, " \t,")), " ")
		for _, part := range []string{"nego", "ntlm", "kerb", "gss", "spnego", "credssp", "pku2u"} {
			if strings.Contains(scheme, part) {
				return true
			}
		}
		if strings.Contains(value, ntlmMessage) || strings.Contains(strings.ToLower(value), ", ntlm ") ||
			strings.Contains(strings.ToLower(value), ", negotiate ") {
			return true
		}
	}
	return false
}

// ntlmMessage is the start of NTLM's messages, "NTLMSSP" in base64 (MS-NLMP, section 2.2.1).
const ntlmMessage = "TlRMTVNTUA"

// way is the http.RoundTripper that chooses the connection of a request to the app.
type way struct{ p *Proxy }

// RoundTrip sends the request over a tied connection if it has or needs one, else over a shared one.
func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	v, session := w.p.ownConn(x), x.session.ID
	if !x.signedIn {
		session = ""
	}
	if !logsInConnection(r.Header) {
		if v != nil && v.tie != nil && v.tie.done && session != "" && v.tie.session == session && v.tie.app == x.app {
			return v.tie.connections.RoundTrip(r)
		}
		return x.app.transport.send(r, &x.headers)
	}
	if v == nil || v.tie == nil || v.tie.session != session || v.tie.app != x.app {
		w.p.untie(v)
		x.tie = &tie{app: x.app, connections: x.app.newTied(), session: session}
	} else {
		x.tie, v.tie = v.tie, nil
		w.p.ties.all.Delete(v.conn)
	}
	res, err := x.tie.connections.RoundTrip(r)
	if err == nil && v != nil && x.tie.goesOn(res) {
		v.tie = x.tie
		w.p.ties.all.Store(v.conn, x.tie)
		x.tie = nil
	}
	return res, err
}

// ownConn is the visitor's connection, or nil when several visitors may share it.
func (p *Proxy) ownConn(x *exchange) *visitorConn {
	v, _ := x.request.Context().Value(visitorConnKey{}).(*visitorConn)
	if x.request.ProtoMajor != 1 || !x.signedIn && trusts(p.c.TrustedProxies, peerAddr(x.request.RemoteAddr)) {
		return nil
	}
	return v
}

// goesOn reports whether a tied connection is kept after an answer: the app asks for the next message of the
// handshake, or the visitor has a session.
func (t *tie) goesOn(res *http.Response) bool {
	if res.StatusCode != http.StatusUnauthorized {
		t.done = true
		return t.session != ""
	}
	t.done = false
	for _, challenge := range res.Header["Www-Authenticate"] {
		if _, message, _ := strings.Cut(strings.TrimSpace(challenge), " "); message != "" &&
			!strings.Contains(message, `="`) {
			return true
		}
	}
	return false
}

// untie closes the tied connection of a visitor's connection.
func (p *Proxy) untie(v *visitorConn) {
	if v != nil && v.tie != nil {
		v.tie.connections.CloseIdleConnections()
		p.ties.all.Delete(v.conn)
		v.tie = nil
	}
}

// newTied returns connections that nobody else uses. They are HTTP/1 where the app speaks it, as these schemes do not
// know streams. They have no greatest age, as whoever signed in on one would have to do so again.
func (a *app) newTied() *connections {
	c := newConnections(a.upstream, a.timeout, tieIdle)
	if a.upstream.scheme != "h2c" {
		c.plain = c.upgrades
	}
	return c
}
