// Package server is the running gate: its listeners and their limits, TLS and certificates, the log, health and
// metrics, start and stop. It creates the parts of the gate and connects them.
//
// It decides about no request: package proxy does. The pages are in package loginui.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/postgres"
	"github.com/gatepost/gatepost/internal/smtp"
	"github.com/gatepost/gatepost/internal/upkeep"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// Limits of the public listener. Neither the size of a body nor the time it takes is limited.
const (
	ReadHeaderTimeout = 10 * time.Second // ReadHeaderTimeout limits reading a request's header.
	// MaxHeaderBytes limits a request's header.
	MaxHeaderBytes = 64 << 10
	plainTimeout   = 30 * time.Second // all of an http request and its answer, which have no long body
	// maxStreams limits the requests under way on an HTTP/2 connection. maxUnread is how many bytes of bodies it
	// buffers for the app.
	maxStreams = 128
	maxUnread  = 256 << 10
	// pingAfter is how long an HTTP/2 connection is quiet before the gate asks whether the visitor is still there. Some
	// balancers and routers forget a connection that is quiet for 4 minutes (Azure) or 350 s (AWS). pingTimeout is how
	// long the answer may take before the connection is closed.
	pingAfter   = 2 * time.Minute
	pingTimeout = 15 * time.Second
)

// gate is the running gate with all its parts.
type gate struct {
	c          *config.Config
	log        *slog.Logger
	lines      io.Writer // the writer behind log
	hashWorker func() *exec.Cmd
	step       func(Step) // tells what the start does next
	db         *postgres.Database
	pool       *pgxpool.Pool
	store      *auth.Store
	ui         atomic.Pointer[pages]
	deliver    atomic.Pointer[smtp.Deliver] // nil when there is no mail
	proxy      *proxy.Proxy
	public     *http.Server
	ops        *http.Server // nil when off
	opsPages   http.Handler
	ask        *http.Server // answers proxies that ask for forward-auth
	plain      *http.Server // for http when the site is https; nil when off
	// authority gets certificates by ACME; nil with certificates from files, or when a proxy ends TLS.
	authority *authority
	ready     *readiness
	app       *appHealth
	entrance  entrance
	// connections are the visitors' HTTP/1 connections. sockets limits the connections of all visitors.
	connections connections
	sockets     *sockets
	closure     atomic.Pointer[closure] // nil: the site is open
	metrics     *prometheus.Registry
	apiAnswers  *prometheus.CounterVec
	watch       upkeep.Watch
	close       []func()
}

// Options are the parameters of a gate that are no settings.
type Options struct {
	// Log is the logger of the gate.
	Log   *slog.Logger
	Lines io.Writer // Lines is the writer behind Log.
	// Version and Commit identify the build of the gate.
	Version, Commit string
	// HashWorker returns a new command that hashes passwords; see auth.Options.HashWorker.
	HashWorker func() *exec.Cmd
	// Step is called when the start goes on to a step. It may be nil.
	Step func(Step)
	// Up is called when requests are being answered, with the address of the database. It may be nil.
	Up func(ctx context.Context, s *auth.Store, database string) error
}

// Step is a part of the start that may take seconds.
type Step int

// The steps, in their order.
const (
	OpenDatabase    Step = iota // with the built-in PostgreSQL its start, and at first the making of its files
	MigrateDatabase             // the tables are brought up to date
	OpenGate                    // what is left: keys, processes that hash, pages
)

// Serve starts the gate and runs it until ctx ends or something fails. Then it closes everything in the reverse
// order of opening.
func Serve(ctx context.Context, c *config.Config, o Options) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // first, as an unhandled SIGHUP ends the process
	defer signal.Stop(hangups)
	l, err := listen(c)
	if err != nil {
		return err
	}
	g := newGate(c, o)
	l = g.sockets.bound(l)
	defer g.Close()
	g.onClose(l.Close)
	if err := c.Upstream.LeadsTo(ctx, l.own()); err != nil {
		return err
	}
	failed := make(chan error, 4)
	if err := g.start(ctx, l, failed); ctx.Err() != nil {
		g.log.Info("stopping")
		return nil
	} else if err != nil {
		return err
	}
	g.reloadOn(hangups)
	g.log.Info("gatepost is up", "public_url", c.PublicURL.String(), "listen", l.public.Addr().String(),
		"upstream", c.Upstream.String(), "database", postgres.Describe(g.db.URL))
	if o.Up != nil {
		if err := o.Up(ctx, g.store, g.db.URL); err != nil {
			return err
		}
	}
	g.notify(daemon.SdNotifyReady)
	return g.run(ctx, l, failed)
}

func newGate(c *config.Config, o Options) *gate {
	g := &gate{c: c, log: o.Log, lines: o.Lines, hashWorker: o.HashWorker, step: o.Step, ready: &readiness{},
		metrics: newMetrics(o.Version, o.Commit), sockets: newSockets(affordable(c.MaxConnections), newH2C(c, o.Log))}
	if g.step == nil {
		g.step = func(Step) {}
	}
	g.watch = upkeep.New(g.log, g.metrics)
	g.app = g.newAppHealth()
	g.sockets.register(g.metrics)
	return g
}

// start opens the parts of the gate and begins to serve. Servers that fail later send their error to failed.
func (g *gate) start(ctx context.Context, l listeners, failed chan<- error) error {
	g.openServers()
	g.serveOps(l, failed) // before the database is opened, as a migration may take long
	public := sync.OnceFunc(func() { g.servePublic(l, failed) })
	g.allow(l, public)
	if err := g.open(ctx); err != nil {
		return err
	}
	public()
	if l.ask != nil {
		g.answer("answer proxies", failed, func() error { return g.ask.Serve(l.ask) })
	}
	if l.plain != nil {
		g.answer("send visitors to https", failed, func() error { return g.plain.Serve(l.plain) })
	}
	g.ready.starting.Store(nil)
	if g.authority != nil {
		ctx, stop := context.WithCancel(context.Background())
		g.onClose(stop)
		// In the background: an attempt takes minutes when the certificate authority does not answer.
		go g.watch.Run(ctx, "get certificates", g.authority.fetch)
	}
	return nil
}

// run waits until ctx ends, and then drains the gate, or until a part of it fails.
func (g *gate) run(ctx context.Context, l listeners, failed <-chan error) error {
	select {
	case <-ctx.Done():
		g.log.Info("stopping")
		g.drain(l)
		return nil
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-g.db.Ended():
		return errors.New("the built-in PostgreSQL ended; start gatepost again")
	}
}

func (g *gate) onClose(f func()) { g.close = append(g.close, f) }

// Close closes what was opened, last opened first.
func (g *gate) Close() {
	for i := len(g.close) - 1; i >= 0; i-- {
		g.close[i]()
	}
	g.close = nil
}

// refuse answers a request that the proxy refuses with a page, and maps the proxy's errors to those of the pages.
func (g *gate) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	switch {
	case errors.Is(err, proxy.ErrAnswer):
		err = loginui.ErrAnswer
	case errors.Is(err, proxy.ErrLoginLoop):
		err = loginui.ErrLoginLoop
	case errors.Is(err, proxy.ErrHostRewritten):
		err = loginui.ErrHostRewritten
	case errors.Is(err, proxy.ErrOrigin):
		err = loginui.ErrOrigin
	case errors.Is(err, proxy.ErrWithheld):
		err = loginui.ErrWithheld
	case errors.Is(err, proxy.ErrServiceAddress):
		err = loginui.ErrServiceAddress
	}
	if wrong, ok := errors.AsType[*proxy.TokenError](err); ok {
		err = &loginui.TokenRefused{Code: wrong.Code}
	}
	if need, ok := errors.AsType[*proxy.StepUp](err); ok {
		err = &loginui.StepUp{Level: need.Level, MaxAge: need.MaxAge}
	}
	g.ui.Load().Refuse(w, r, status, err)
}

// keep runs work until the gate closes. When run panics it starts again.
func (g *gate) keep(work string, run func(context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { g.watch.Run(ctx, work, run) })
	g.onClose(func() { stop(); done.Wait() })
}
