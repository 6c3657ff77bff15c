package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// exchange is one request and its answer, from arrival to the log line.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	app     *app
	start   time.Time
	id      string
	client  netip.Addr
	address string // the client's; empty when it has none
	// forwarded is space for the values of headers that every forwarded request gets.
	forwarded [2]string
	headers   headers         // of the forwarded request
	context   exchangeContext // of the forwarded request
	passed    []string        // the gates that the request has passed
	target    target
	hidden    string // the path for the log, where that is not the target's; empty: it is
	class     class
	outcome   outcome
	access    Access
	session   session.Session
	// signedIn is whether the session's user counts for the request. The identity headers depend on it alone.
	signedIn  bool
	presented bool // there was a credential
	passive   bool // the request is no use of the session
	// ownAuthorization is whether Authorization has an API token, which the app never sees.
	ownAuthorization bool
	providerToken    secret.Text // for the app; empty: none
	assertion        []string    // the value of its header; never modified
	crossing         crossing    // of origins
	lasting          lasting
	place            place
	body             *watchedBody // nil without a body
	dialect          *dialect     // of the proxy that asks about the request; nil: the gate itself got it
	tie              *tie         // a tied connection that is closed with the exchange
	misspoke         bool         // the app answered 101 where the protocol cannot change
	status           int
	bytes            int64
	err              error // the cause, for the log only
}

type exchangeKey struct{}

// exchangeContext is what context.WithValue would return, without memory of its own.
type exchangeContext struct {
	context.Context
	x *exchange
}

func (c *exchangeContext) Value(key any) any {
	if key == (exchangeKey{}) {
		return c.x
	}
	return c.Context.Value(key)
}

// withExchange is called once for an exchange.
func withExchange(ctx context.Context, x *exchange) context.Context {
	x.context = exchangeContext{ctx, x}
	return &x.context
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// begin notes a request. The peers in the trusted networks may say where it came from.
func (p *Proxy) begin(w http.ResponseWriter, r *http.Request, trusted []netip.Prefix) *exchange {
	x := &exchange{ResponseWriter: w, request: r, app: p.appOf(r), start: time.Now()}
	if x.client = clientIP(r, trusted); x.client.IsValid() {
		x.address = x.client.String()
	}
	x.id = p.requestID(r)
	if _, ok := r.Header["X-Forwarded-For"]; ok && !trusts(trusted, peerAddr(r.RemoteAddr)) {
		p.untrusted.Do(func() {
			p.c.Log.Warn("a peer sends X-Forwarded-For and is not believed; "+
				"if it is your proxy, list its address in GATEPOST_TRUSTED_PROXIES", "peer", r.RemoteAddr)
		})
	}
	p.metrics.inFlight.Inc()
	return x
}

// WriteHeader notes the status. From interim answers of the app (1xx) it removes headers that only the gate may
// set. modifyResponse has done so for final answers.
func (x *exchange) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		// A 101 as an interim answer would end the visitor's answer; a real upgrade takes the connection over
		// instead.
		x.misspoke = true
		return
	}
	if status < 200 {
		if !x.request.ProtoAtLeast(1, 1) {
			return // HTTP/1.0 has no interim answers
		}
		x.app.cookie.DropSet(x.Header())
		dropReserved(x.Header())
		x.ResponseWriter.WriteHeader(status)
		return
	}
	if x.status == 0 {
		x.status = status
	}
	if x.body != nil && !x.body.ended.Load() && x.request.ProtoMajor == 1 {
		// Otherwise the server could read the rest of the body as the next request.
		x.Header().Set("Connection", "close")
	}
	if x.app.hsts != "" && x.Header()[hstsHeader] == nil {
		x.Header()[hstsHeader] = []string{x.app.hsts}
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the answer.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(b)
	x.bytes += int64(n)
	if x.lasting.counts {
		x.lasting.moved.Store(true)
	}
	return n, err
}

const hstsHeader = "Strict-Transport-Security"

// Unwrap lets http.ResponseController flush and hijack.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// end is the last step: it logs and counts the request. A panic before the answer began becomes a 500. After that
// the server has to cut the connection, so that the client sees that the answer is not complete.
func (p *Proxy) end(x *exchange) {
	fault := recover()
	if x.tie != nil {
		x.tie.connections.CloseIdleConnections()
	}
	if x.signedIn {
		p.waiting.remove(x)
	}
	x.lasting.hold.Release()
	p.streams.remove(x)
	over := x.lasting.over.Load()
	switch {
	case over != nil:
		x.err = *over
	case fault == http.ErrAbortHandler:
		x.err = errors.New("the answer was cut short")
	case fault != nil:
		x.outcome, x.err = outcomeFault, fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		if x.status == 0 {
			p.refuse(x, x.request, http.StatusInternalServerError, x.err)
			fault = nil
		}
	}
	took := time.Since(x.start)
	p.metrics.observe(x, took)
	p.log(x, took)
	aborts := fault != nil || x.outcome == outcomeClientGone || over != nil && !x.lasting.told
	x.leaveBody(aborts)
	if aborts {
		panic(http.ErrAbortHandler) // without it the server would send an empty 200
	}
}

// leaveBody ends the reading of an unfinished body. Unless the connection is cut, the server goes on for a moment, so
// that a client that still sends gets to read the answer.
func (x *exchange) leaveBody(cut bool) {
	rest := unreadTimeout
	if cut {
		rest = 0
	}
	x.body.leave(http.NewResponseController(x.ResponseWriter), rest)
}

func (p *Proxy) log(x *exchange, took time.Duration) {
	level := slog.LevelInfo
	if x.status >= 500 && x.outcome != outcomeMaintenance {
		level = slog.LevelWarn
	}
	ctx := x.request.Context()
	if !p.c.Log.Enabled(ctx, level) || !p.loudness.note(x.client, x.start) || p.c.Lines.write(x, level, took) {
		return
	}
	// No caller, as looking it up costs more than the line.
	record := slog.NewRecord(x.start.Add(took), level, "request", 0)
	record.AddAttrs(requestAttrs(x, took)...)
	_ = p.c.Log.Handler().Handle(ctx, record) // a failure to log cannot be logged
}

func requestAttrs(x *exchange, took time.Duration) []slog.Attr {
	attrs := []slog.Attr{slog.String("route", x.class.String()), slog.String("outcome", x.outcome.String()),
		slog.String("method", x.method()), slog.Int("status", x.status),
		slog.String("request_id", x.id), slog.String("path", x.path()), slog.Int64("bytes", x.bytes),
		slog.Duration("took", took)}
	if x.dialect != nil {
		attrs = append(attrs, slog.String("forward_auth", x.dialect.name))
	}
	if x.address != "" {
		attrs = append(attrs, slog.String("client", x.address))
	}
	if x.session.User.ID != "" {
		attrs = append(attrs, slog.String("user", x.session.User.ID))
	}
	if id := traceID(x.request.Header); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if x.err != nil {
		attrs = append(attrs, slog.String("err", x.err.Error()))
	}
	return attrs
}

// traceID is the trace id of a request (W3C Trace Context, section 3.2); empty when it has none. The header passes
// to the app unchanged.
func traceID(h http.Header) string {
	const version, id = len("00-"), 32
	lines := h["Traceparent"]
	if len(lines) != 1 || len(lines[0]) < version+id+len("-0123456789abcdef-00") ||
		!strings.HasPrefix(lines[0], "00-") {
		return ""
	}
	s := lines[0][version : version+id]
	if strings.Trim(s, "0123456789abcdef") != "" || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// Limits, in bytes, of logged values that a visitor chooses.
const (
	maxLoggedPath   = 1024
	maxLoggedMethod = 32
)

func (x *exchange) method() string {
	if m := x.request.Method; len(m) > maxLoggedMethod {
		return m[:maxLoggedMethod] + "…"
	}
	return x.request.Method
}

// path is the logged path. It has no query, which may hold secrets.
func (x *exchange) path() string {
	path := cmp.Or(x.hidden, x.target.path)
	if path == "" {
		path = "(refused target)"
	}
	if secret.HasTrueAPIToken(path) {
		return "(a path with an API token)"
	}
	if len(path) > maxLoggedPath {
		path = path[:maxLoggedPath] + "…"
	}
	return path
}
