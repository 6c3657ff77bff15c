package server

import (
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/migrations"
	"github.com/gatepost/gatepost/proxy"
)

// entrance is what the public listener answers with. Before the gate is up, which a migration may take long to let it
// be, that is a page that says so; on a socket that was passed on, and without a certificate, it is nothing, as another
// gate may take the visitor.
type entrance struct {
	up    atomic.Pointer[http.Handler]
	proxy atomic.Pointer[proxy.Proxy] // behind it
	early func()                      // serves before the gate is up, if it may
	page  http.Handler
}

func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := e.up.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	e.page.ServeHTTP(w, r)
}

// allow says how to serve before the gate is up, where there is somebody to say it to.
func (g *gate) allow(l listeners, serve func()) {
	g.entrance.early = func() {}
	if !l.passed && g.c.ACMEDomains == nil {
		g.entrance.early = sync.OnceFunc(func() { g.entrance.page = g.unready(); serve() })
	}
}

// retryUnready is the Retry-After of whoever came before the gate was up, in seconds.
const retryUnready = "5"

// unready answers while the gate is not up: with a page in the visitor's language, and what that needs. The health of
// the port is not good, as whoever asks for it there would send visitors.
func (g *gate) unready() http.Handler {
	ui, err := g.c.UI(nil, slog.New(slog.DiscardHandler)) // what is wrong with it is said when the gate comes up
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { unhealthy(w) })
	}
	pages := ui.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/.gatepost/healthz":
			unhealthy(w)
		case strings.HasPrefix(r.URL.EscapedPath(), "/.gatepost/") && path.Ext(r.URL.Path) != "" && ui.Owns(r.URL.EscapedPath()):
			pages.ServeHTTP(w, r) // stylesheet, script and logo
		default:
			ui.Refuse(w, r, http.StatusServiceUnavailable, database.ErrUnavailable)
		}
	})
}

func unhealthy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", retryUnready)
	plain(w, http.StatusServiceUnavailable, "starting\n")
}

// Seldom is for what would be said again and again.
type Seldom struct {
	Every time.Duration
	last  time.Time
}

// Due says whether it is time to say it again.
func (s *Seldom) Due() bool {
	if !s.last.IsZero() && time.Since(s.last) < s.Every {
		return false
	}
	s.last = time.Now()
	return true
}

// How often somebody hears of a migration that waits: who reads, and systemd, which would end a start that takes long.
const (
	TellEvery   = time.Minute
	extendEvery = 10 * time.Second
)

// waiting tells of a migration that waits for others, to whoever asks and to the log.
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
