package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// speakTimeout limits each request of Speak, connecting included.
const speakTimeout = 5 * time.Second

// AwayError means that nothing takes connections at the app's address.
type AwayError struct{ Cause error }

// Error says so.
func (e AwayError) Error() string { return "nothing takes connections there: " + e.Cause.Error() }

// Unwrap is the cause.
func (e AwayError) Unwrap() error { return e.Cause }

// Speak asks the app for the header of its home page on a new connection, in the configured protocol, as a signed-out
// visitor would. Any answer in HTTP will do. Else the error is an AwayError, or says what is wrong and how to mend it.
// Speak takes a few times speakTimeout at most, as it tries other protocols to find out which one the app speaks.
func (u Upstream) Speak(ctx context.Context, public *url.URL, userAgent string) error {
	said := u.greet(ctx, public, userAgent)
	if said.err != nil && !said.connected {
		return AwayError{withoutAddress(said.err)}
	}
	if err := u.tlsFault(said); err != nil {
		return err
	}
	// Many servers answer 400 in HTTP to whoever does not speak TLS.
	if said.err == nil && (said.status != http.StatusBadRequest || u.scheme != "http") {
		return nil
	}
	if other, ok := u.spoken(ctx, public, userAgent, said); ok {
		return fmt.Errorf("the app does not speak %s there, but %s: set GATEPOST_UPSTREAM=%s",
			protocolNames[u.scheme], protocolNames[other.scheme], other)
	}
	switch {
	case said.err == nil:
		return nil
	case isTimeout(said.err):
		return fmt.Errorf("the app takes connections, and answered no request in %s within %v: see whether it hangs",
			protocolNames[u.scheme], speakTimeout)
	}
	return fmt.Errorf("the app takes connections, and does not answer in %s: %w; look at the app's log, or correct the "+
		"address", protocolNames[u.scheme], withoutAddress(said.err))
}

// protocolNames are what a scheme means.
var protocolNames = map[string]string{"http": "plain HTTP", "https": "HTTP over TLS", "h2c": "HTTP/2 without TLS",
	"unix": "HTTP"}

// greeting is what came of one request.
type greeting struct {
	connected bool // something took the connection
	wanted    bool // the app asked for a certificate of the gate's
	status    int
	err       error
}

// isTLS reports whether the app speaks TLS, also when it or the gate was not content with a certificate.
func (g greeting) isTLS() bool {
	var untrusted *tls.CertificateVerificationError
	return g.err == nil || g.wanted || errors.As(g.err, &untrusted) || alertOf(g.err) != ""
}

// greet sends one request over a connection of its own.
func (u Upstream) greet(ctx context.Context, public *url.URL, userAgent string) (said greeting) {
	ctx, cancel := context.WithTimeout(ctx, speakTimeout)
	defer cancel()
	c := newConnections(u, speakTimeout, speakTimeout)
	defer c.CloseIdleConnections()
	var connected, wanted atomic.Bool // the transport works in the background
	dial := c.plain.DialContext
	c.plain.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		connected.Store(err == nil)
		return conn, err
	}
	c.plain.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		wanted.Store(true)
		if u.tls.Certificate == nil {
			return &tls.Certificate{}, nil // none is sent
		}
		return u.tls.Certificate, nil
	}
	res, err := c.plain.RoundTrip(u.question(ctx, http.MethodHead, "/", public, userAgent))
	if said.err = err; err == nil {
		said.status = res.StatusCode
		_ = res.Body.Close()
	}
	said.connected, said.wanted = connected.Load(), wanted.Load()
	return said
}

// spoken finds the protocol that the app speaks in the place of the configured one. TLS is tried first, as a server
// with TLS may answer in plain HTTP too: that this was wrong.
func (u Upstream) spoken(ctx context.Context, public *url.URL, userAgent string, said greeting) (Upstream, bool) {
	if u.scheme == "unix" {
		return u, false
	}
	for _, scheme := range []string{"https", "http", "h2c"} {
		if scheme == u.scheme || said.err == nil && scheme != "https" {
			continue
		}
		other := Upstream{scheme: scheme, address: net.JoinHostPort(u.hostPort())}
		if g := other.greet(ctx, public, userAgent); scheme == "https" && g.isTLS() || g.err == nil {
			return other, true
		}
	}
	return u, false
}

// withoutAddress is the cause of a network error, as messages have the address already.
func withoutAddress(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
