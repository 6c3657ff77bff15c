package proxy

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Some schemes log in connections and not requests (NTLM, Negotiate: RFC 4559, section 6): the app then takes whatever
// comes on the connection for that user's. Such a connection to the app is never shared. It is tied to one connection
// of a visitor's while a handshake goes on, which takes several requests, and after that for requests with the same
// session of ours only. Without a session it is closed when the handshake is over, and behind a trusted proxy, whose
// connections are many visitors', at once; over HTTP/2 always.

// tie is a way to the app for one visitor's connection.
type tie struct {
	app       *app // it leads to
	transport *transport
	session   string // of ours, that its requests have; empty: none
	done      bool   // the handshake is over
}

// visitorConn is a connection of a visitor's to us. Over HTTP/1 one request is served at a time, so nobody else looks
// at tie.
type visitorConn struct {
	conn net.Conn
	tie  *tie
}

type visitorConnKey struct{}

// ties finds those whose visitor has gone.
type ties struct{ all sync.Map } // net.Conn → *tie

// ConnContext is a http.Server.ConnContext, without which each connection that is logged in is closed after its
// request.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, visitorConnKey{}, &visitorConn{conn: conn})
}

// ConnState belongs into a http.Server.ConnState: what was tied to a visitor's connection ends with it.
func (p *Proxy) ConnState(conn net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		if t, ok := p.ties.all.LoadAndDelete(conn); ok {
			t.(*tie).transport.CloseIdleConnections()
		}
	}
}

// tieIdle is how long a tied connection waits for the next request of its visitor.
const tieIdle = 30 * time.Second

// logsInConnection says whether a request may log in the connection it goes over: by its scheme, or by the message of
// such a scheme under whatever name.
func logsInConnection(h http.Header) bool {
	for _, value := range h["Authorization"] {
		scheme, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(value, " \t,")), " ")
		for _, part := range []string{"nego", "ntlm", "kerb", "gss", "spnego", "credssp", "pku2u"} {
			if strings.Contains(scheme, part) {
				return true
			}
		}
		if strings.Contains(value, ntlmMessage) || strings.Contains(strings.ToLower(value), ", ntlm ") || strings.Contains(strings.ToLower(value), ", negotiate ") {
			return true
		}
	}
	return false
}

// ntlmMessage is how NTLM's messages begin, "NTLMSSP" in base64 (MS-NLMP, section 2.2.1).
const ntlmMessage = "TlRMTVNTUA"

// way chooses the connections that a request takes to the app.
type way struct{ p *Proxy }

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	v, session := w.p.ownConn(x), x.session.ID
	if !x.signedIn {
		session = ""
	}
	if !logsInConnection(r.Header) {
		if v != nil && v.tie != nil && v.tie.done && session != "" && v.tie.session == session && v.tie.app == x.app {
			return v.tie.transport.RoundTrip(r)
		}
		return x.app.transport.RoundTrip(r)
	}
	if v == nil || v.tie == nil || v.tie.session != session || v.tie.app != x.app {
		w.p.untie(v)
		x.tie = &tie{app: x.app, transport: x.app.newTied(), session: session}
	} else {
		x.tie, v.tie = v.tie, nil
		w.p.ties.all.Delete(v.conn)
	}
	res, err := x.tie.transport.RoundTrip(r)
	if err == nil && v != nil && x.tie.goesOn(res) {
		v.tie = x.tie
		w.p.ties.all.Store(v.conn, x.tie)
		x.tie = nil
	}
	return res, err
}

// ownConn is the visitor's connection when it is one visitor's, else nil.
func (p *Proxy) ownConn(x *exchange) *visitorConn {
	v, _ := x.request.Context().Value(visitorConnKey{}).(*visitorConn)
	if x.request.ProtoMajor != 1 || !x.signedIn && trusts(p.c.TrustedProxies, peerAddr(x.request.RemoteAddr)) {
		return nil
	}
	return v
}

// goesOn says whether a connection is kept after an answer: the app asks for the next message of the handshake on it,
// or it is logged in for somebody whom we know.
func (t *tie) goesOn(res *http.Response) bool {
	if res.StatusCode != http.StatusUnauthorized {
		t.done = true
		return t.session != ""
	}
	t.done = false
	for _, challenge := range res.Header["Www-Authenticate"] {
		if _, message, _ := strings.Cut(strings.TrimSpace(challenge), " "); message != "" && !strings.Contains(message, `="`) {
			return true
		}
	}
	return false
}

// untie closes what a visitor's connection had.
func (p *Proxy) untie(v *visitorConn) {
	if v != nil && v.tie != nil {
		v.tie.transport.CloseIdleConnections()
		p.ties.all.Delete(v.conn)
		v.tie = nil
	}
}

// newTied has connections of its own, of HTTP/1 where the app can: these schemes know no streams.
func (a *app) newTied() *transport {
	u := a.upstream
	t := newTransport(u, a.timeout)
	if u.scheme != "h2c" {
		t.plain = t.upgrades
	}
	t.plain.IdleConnTimeout, t.upgrades.IdleConnTimeout = tieIdle, tieIdle
	return t
}
