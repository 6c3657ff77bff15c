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
	"math"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/postgres"
	"github.com/gatepost/gatepost/internal/smtp"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// Limits of the public listener. Neither the size of a body nor the time it takes is limited.
const (
	ReadHeaderTimeout = 10 * time.Second // ReadHeaderTimeout limits reading a request's header.
	// IdleTimeout is how long an idle connection is kept.
	IdleTimeout = 120 * time.Second
	// MaxHeaderBytes limits a request's header.
	MaxHeaderBytes = 64 << 10
	plainTimeout   = 30 * time.Second // all of an http request and its answer, which have no long body
	// MaxStreams limits the requests under way on an HTTP/2 connection. maxUnread is how many bytes of bodies it
	// buffers for the app.
	MaxStreams = 128
	maxUnread  = 256 << 10
)

// SpareHeap is the size in bytes of an unused block that counts as live heap. A small heap may then grow by that
// much more before it is collected, which makes requests cheaper. A large heap grows hardly more than without it,
// so that a thousand busy connections take hardly more memory (`make bench`). The block is never touched, so it
// takes no physical memory.
const SpareHeap = 32 << 20

// Tune allocates the spare heap, which counts while the returned slice is kept alive. It does nothing when the
// operator sets GOGC. A memory limit (GOMEMLIMIT) is raised by the size of the spare heap, which takes no memory.
func Tune(env []string) (spare []byte) {
	if config.Lookup(env, "GOGC") != "" {
		return nil
	}
	if limit := debug.SetMemoryLimit(-1); limit <= math.MaxInt64-SpareHeap {
		debug.SetMemoryLimit(limit + SpareHeap)
	}
	return make([]byte, SpareHeap)
}

// gate is the running gate with all its parts.
type gate struct {
	c          *config.Config
	log        *slog.Logger
	lines      io.Writer // the writer behind log
	hashWorker func() *exec.Cmd
	db         *postgres.Database
	pool       *pgxpool.Pool
	store      *auth.Store
	ui         atomic.Pointer[pages]
	deliver    atomic.Pointer[smtp.Deliver] // nil when there is no mail
	proxy      *proxy.Proxy
	public     *http.Server
	ops        *http.Server // nil when off
	opsPages   http.Handler
	plain      *http.Server // for http when the site is https; nil when off
	// authority gets certificates by ACME; nil with certificates from files, or when a proxy ends TLS.
	authority *authority
	ready     *readiness
	entrance  entrance
	// connections are the visitors' HTTP/1 connections. sockets limits the connections of all visitors.
	connections connections
	sockets     *sockets
	metrics     *prometheus.Registry
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
	// Up is called when requests are being answered. It may be nil.
	Up func(context.Context, *auth.Store) error
}

// Serve starts the gate and runs it until ctx ends or something fails. Then it closes everything in the reverse
// order of opening.
func Serve(ctx context.Context, c *config.Config, o Options) error {
	log := o.Log
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // first, as an unhandled SIGHUP ends the process
	defer signal.Stop(hangups)
	l, err := listen(c)
	if err != nil {
		return err
	}
	g := &gate{c: c, log: log, lines: o.Lines, hashWorker: o.HashWorker, ready: &readiness{},
		metrics: newMetrics(o.Version, o.Commit), sockets: newSockets(affordable(c.MaxConnections))}
	g.watch = upkeep.New(log, g.metrics)
	g.sockets.register(g.metrics)
	l = g.sockets.bound(l)
	defer g.Close()
	g.onClose(l.Close)
	if err := c.Upstream.LeadsTo(ctx, l.own()); err != nil {
		return err
	}
	g.openServers()
	failed := make(chan error, 3)
	g.serveOps(l, failed) // before the database is opened, as a migration may take long
	public := sync.OnceFunc(func() { g.servePublic(l, failed) })
	g.allow(l, public)
	if err := g.open(ctx); ctx.Err() != nil {
		log.Info("stopping")
		return nil
	} else if err != nil {
		return err
	}
	public()
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
	g.reloadOn(hangups)
	log.Info("gatepost is up", "public_url", c.PublicURL.String(), "listen", l.public.Addr().String(),
		"upstream", c.Upstream.String(), "database", postgres.Describe(g.db.URL))
	if o.Up != nil {
		if err := o.Up(ctx, g.store); err != nil {
			return err
		}
	}
	g.notify(daemon.SdNotifyReady)
	select {
	case <-ctx.Done():
		log.Info("stopping")
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

// open opens the store and creates the pages and the proxy.
func (g *gate) open(ctx context.Context) error {
	if err := g.openStore(ctx); err != nil {
		return err
	}
	ui, err := g.c.UI(g.store, g.log)
	if err != nil {
		return err
	}
	g.ui.Store(newPages(ui))
	g.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatepost_forms_bytes",
		Help: "Bytes that count for forms of our own pages being read."},
		func() float64 { return float64(g.ui.Load().FormBytes()) }))
	g.keep("the regular work on users", g.store.Run) // after the pages, which compose mail
	g.proxy = proxy.New(proxy.Config{
		Upstream: g.c.Upstream, UpstreamTimeout: g.c.UpstreamTimeout, PublicURL: g.c.PublicURL,
		Rules: g.c.Rules, Identity: g.c.Identity, Cookie: g.c.Cookie(), TrustedProxies: g.c.TrustedProxies,
		HSTS: g.c.HSTS,
		Page: func(rawPath string) http.Handler { return g.pageAt(forVisitors, rawPath) }, Refuse: g.refuse,
		Navigating: loginui.Navigating,
		LeadsBack:  func(rawPath string) bool { return g.ui.Load().LeadsBack(rawPath) },
		Log:        g.log, Lines: proxy.Lines{To: g.lines, JSON: g.c.LogJSON}, Metrics: g.metrics,
	}, g.store.Reader)
	g.onClose(g.proxy.Close)
	g.onClose(g.closeServers) // before the store and the proxy, which requests under way use
	g.openTLS()
	handler := weighed(g.windingDown(g.proxy))
	g.entrance.proxy.Store(g.proxy)
	g.entrance.up.Store(&handler)
	return nil
}

// openTLS sets up certificates for the public listener, and the server that redirects from http.
func (g *gate) openTLS() {
	plain := plainHandler(g.c.PublicURL.String())
	switch {
	case g.c.Certificate != nil:
		g.keep("watch the certificate", func(ctx context.Context) { watchCertificate(ctx, g.c.Certificate, g.log) })
	case g.c.ACMEDomains != nil:
		g.authority = newAuthority(g.c, g.pool, g.log)
		g.public.TLSConfig = g.authority.config()
		plain = g.authority.HTTPHandler(plain)
	}
	g.plain = &http.Server{Handler: plain, ReadHeaderTimeout: ReadHeaderTimeout, ReadTimeout: plainTimeout,
		WriteTimeout: plainTimeout,
		IdleTimeout:  IdleTimeout, MaxHeaderBytes: MaxHeaderBytes, ErrorLog: g.quiet(),
		DisableGeneralOptionsHandler: true,
		ConnState:                    g.sockets.note, ConnContext: withSocket}
	g.onClose(func() { _ = g.plain.Close() })
}

// refuse answers a request that the proxy refuses with a page, and maps the proxy's errors to those of the pages.
func (g *gate) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	switch {
	case errors.Is(err, proxy.ErrAnswer):
		err = loginui.ErrAnswer
	case errors.Is(err, proxy.ErrLoginLoop):
		err = loginui.ErrLoginLoop
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

func (g *gate) openStore(ctx context.Context) error {
	var err error
	if g.db, err = postgres.Open(ctx, g.c, true); err != nil {
		return err
	}
	g.db.Warned = func(note string) { g.log.Warn("a migration has changed rows of yours", "note", note) }
	g.onClose(func() { _ = g.db.Close() })
	conn, err := g.db.ConnectPatiently(ctx, g.log)
	if err != nil {
		return err
	}
	err = postgres.Prepare(ctx, g.c, conn, g.log, g.waiting())
	_ = conn.Close(ctx)
	if err != nil {
		return err
	}
	pool, err := postgres.OpenPool(ctx, g.db)
	if err != nil {
		return err
	}
	g.pool = pool
	g.onClose(pool.Close)
	if err := g.openKeys(ctx); err != nil {
		return err
	}
	options := g.c.StoreOptions(g.log, g.metrics)
	options.PathConns, options.WorkConns = g.db.Path, g.db.Work
	if options.Listen, err = g.db.ListenConfig(); err != nil {
		return err
	}
	options.HashWorker, options.Watch = g.hashWorker, g.watch
	if g.c.Deliver != nil {
		g.deliver.Store(&g.c.Deliver)
		options.Send = g.send
	}
	g.store = auth.New(pool, options)
	g.onClose(g.store.Close)
	return nil
}

// openKeys opens the encryption keys. A missing key is made only where nothing is encrypted: a new file in the place
// of a lost one would have to be replaced when the lost one is found.
func (g *gate) openKeys(ctx context.Context) error {
	if err := g.c.OpenKeys(false); err != nil {
		return err
	}
	if err := auth.CheckKeys(ctx, g.pool, g.c.Keys); err != nil {
		return err
	}
	return g.c.OpenKeys(true)
}
