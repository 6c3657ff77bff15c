package server

import (
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/migrations"
	"github.com/gatepost/gatepost/proxy"
)

// entrance is the handler of the public listener. Until the gate is up, which a long migration may delay, it
// answers with a page that says so. With a passed-on socket, or without a certificate yet, the listener is not
// served until then, as another gate may serve the visitor.
type entrance struct {
	up    atomic.Pointer[http.Handler]
	proxy atomic.Pointer[proxy.Proxy] // the proxy behind up
	early func()                      // starts to serve before the gate is up, where that is allowed
	page  http.Handler
}

// ServeHTTP answers with the gate once it is up, and with page before.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := e.up.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	e.page.ServeHTTP(w, r)
}

// allow sets how the public listener is served before the gate is up. It stays unserved with a passed-on socket and
// with ACME.
func (g *gate) allow(l listeners, serve func()) {
	g.entrance.early = func() {}
	if !l.passed && g.c.ACMEDomains == nil {
		g.entrance.early = sync.OnceFunc(func() { g.entrance.page = g.unready(); serve() })
	}
}

// retryUnready is the Retry-After, in seconds, of answers before the gate is up.
const retryUnready = "5"

// unready is the handler while the gate is not up. It answers with a page in the visitor's language and the files
// that page needs. The public health check fails, so that load balancers send no visitors.
func (g *gate) unready() http.Handler {
	ui, err := g.c.UI(nil, slog.New(slog.DiscardHandler)) // faults are logged when the gate comes up
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { unhealthy(w) })
	}
	pages := ui.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/.gatepost/healthz":
			unhealthy(w)
		case strings.HasPrefix(r.URL.EscapedPath(), "/.gatepost/") && path.Ext(r.URL.Path) != "" &&
			ui.Owns(r.URL.EscapedPath()):
			pages.ServeHTTP(w, r) // stylesheet, script and logo
		default:
			ui.Refuse(w, r, http.StatusServiceUnavailable, loginui.ErrStarting)
		}
	})
}

func unhealthy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", retryUnready)
	plain(w, http.StatusServiceUnavailable, "starting\n")
}

// Seldom limits how often a repeated message is sent. It is not safe for concurrent use.
type Seldom struct {
	// Every is the shortest time between two messages.
	Every time.Duration
	last  time.Time
}

// Due reports whether the next message is due, and if so counts it as sent.
func (s *Seldom) Due() bool {
	if !s.last.IsZero() && time.Since(s.last) < s.Every {
		return false
	}
	s.last = time.Now()
	return true
}

// Intervals at which a waiting migration is reported.
const (
	// TellEvery is the interval for readers of the log and of the terminal.
	TellEvery = time.Minute
	// extendEvery is the interval for systemd, which ends a start that takes too long without a sign.
	extendEvery = 10 * time.Second
)

// waiting returns a function that reports a waiting migration to probes, to the log and to systemd.
func (g *gate) waiting() func(migrations.Wait) {
	log, extend := Seldom{Every: TellEvery}, Seldom{Every: extendEvery}
	return func(w migrations.Wait) {
		says := w.String()
		g.ready.starting.Store(&says)
		g.entrance.early()
		if log.Due() {
			g.log.Warn("a migration takes a while; the gate is not ready until it is done", "migration", says)
		}
		if extend.Due() {
			g.notify("EXTEND_TIMEOUT_USEC=60000000")
		}
	}
}
