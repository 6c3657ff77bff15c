package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// Limits of the public listener. There is no limit on bodies or on how long one is streamed.
const (
	readHeaderTimeout = 10 * time.Second // a client that dribbles its headers
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 64 << 10
	drainTimeout      = 10 * time.Second
)

// gcPercent lets the heap grow to three times what is live before it is collected. Collecting it at every doubling is a
// tenth of what a request costs, and at 400 a thousand busy connections take half as much memory again (`make bench`).
const gcPercent = 200

// tune sets what an operator can override with Go's own variable.
func (p *process) tune() {
	if lookup(p.env, "GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

func (p *process) serve(ctx context.Context, _ *cli.Command) error {
	p.tune()
	c, err := loadConfig(ctx, p.env)
	var list faults
	list.add(err)
	list.add(c.needUpstream())
	if err := list.orNil(); err != nil {
		return err
	}
	out := &batchWriter{to: p.stderr}
	defer out.Flush()
	log := newLogger(c, out)
	if c.DatabaseURL == "" {
		log.Warn("DATABASE_URL is not set: users are kept in the built-in PostgreSQL; back it up, or set DATABASE_URL", "directory", c.dataDir)
	}
	return serve(ctx, c, log, func(*gate) error { return nil })
}

// gate is everything that runs.
type gate struct {
	c       *config
	log     *slog.Logger
	db      *database
	store   *auth.Store
	ui      *loginui.UI
	proxy   *proxy.Proxy
	public  *http.Server
	ops     *http.Server // nil when off
	ready   *readiness
	metrics *prometheus.Registry
	close   []func()
}

// serve opens everything in order, runs until the context ends or something breaks, and closes it in the reverse
// order. up is called when requests are being answered.
func serve(ctx context.Context, c *config, log *slog.Logger, up func(*gate) error) error {
	public, ops, err := listen(c)
	if err != nil {
		return err
	}
	g := &gate{c: c, log: log, ready: &readiness{}, metrics: prometheus.NewRegistry()}
	defer g.Close()
	g.onClose(func() { _ = public.Close() })
	if ops != nil {
		g.onClose(func() { _ = ops.Close() })
	}
	if err := g.open(ctx); err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- g.public.Serve(public) }()
	if ops != nil {
		go func() { failed <- g.ops.Serve(ops) }()
	}
	log.Info("gatepost is up", "public_url", c.publicURL.String(), "listen", public.Addr().String(),
		"upstream", c.upstream.String(), "database", describeURL(g.db.url))
	if err := up(g); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
		g.drain()
		return nil
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-g.db.ended():
		return errors.New("the built-in PostgreSQL ended; start gatepost again")
	}
}

// listen opens the listeners first, so that a port in use is an ordinary error before anything else has started.
func listen(c *config) (public, ops net.Listener, err error) {
	if public, err = listenOn(c.Listen); err != nil {
		return nil, nil, fmt.Errorf("GATEPOST_LISTEN: cannot listen on %s: %w", c.Listen, cause(err))
	}
	if c.publicURL.Port() == "0" { // any free port: the public URL follows it
		c.publicURL.Host = net.JoinHostPort(c.publicURL.Hostname(), strconv.Itoa(public.Addr().(*net.TCPAddr).Port))
	}
	if c.OpsListen == "off" {
		return public, nil, nil
	}
	if ops, err = listenOn(c.OpsListen); err != nil {
		_ = public.Close()
		return nil, nil, fmt.Errorf("GATEPOST_OPS_LISTEN: cannot listen on %s: %w (name another address, or off)", c.OpsListen, cause(err))
	}
	return public, ops, nil
}

// listenOn listens on an address. An empty root, as in a container made from scratch, may not know localhost.
func listenOn(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	var unknown *net.DNSError
	if port, ok := strings.CutPrefix(address, "localhost:"); ok && errors.As(err, &unknown) {
		return net.Listen("tcp", "127.0.0.1:"+port)
	}
	return l, err
}

// cause leaves out the address that the sentence has named already.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (g *gate) onClose(f func()) { g.close = append(g.close, f) }

// Close undoes open, last things first.
func (g *gate) Close() {
	for i := len(g.close) - 1; i >= 0; i-- {
		g.close[i]()
	}
	g.close = nil
}

// open builds the rooms on the database and connects them.
func (g *gate) open(ctx context.Context) error {
	if err := g.openStore(ctx); err != nil {
		return err
	}
	var err error
	if g.ui, err = newUI(g.c, g.store, g.log); err != nil {
		return err
	}
	g.runStore()
	g.proxy = proxy.New(proxy.Config{
		Upstream: g.c.upstream, UpstreamTimeout: g.c.upstreamTimeout, PublicURL: g.c.publicURL,
		Rules: g.c.rules, Identity: g.c.identity, Cookie: g.c.cookie(), TrustedProxies: g.c.trustedProxies,
		Owns: g.ui.Owns, Pages: g.ui.Handler(), Refuse: g.ui.Refuse, Navigating: loginui.Navigating,
		Log: g.log, Metrics: g.metrics,
	}, g.store)
	g.onClose(g.proxy.Close)
	quiet := slog.NewLogLogger(g.log.Handler(), slog.LevelDebug)
	g.public = &http.Server{Handler: g.proxy, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: quiet, DisableGeneralOptionsHandler: true}
	g.onClose(func() { _ = g.public.Close() })
	g.ops = &http.Server{Handler: g.opsHandler(), ReadHeaderTimeout: readHeaderTimeout, ErrorLog: quiet}
	g.onClose(func() { _ = g.ops.Close() })
	return nil
}

func (g *gate) openStore(ctx context.Context) error {
	var err error
	if g.db, err = openDatabase(ctx, g.c, true); err != nil {
		return err
	}
	g.onClose(func() { _ = g.db.Close() })
	conn, err := g.db.connectPatiently(ctx, g.log)
	if err != nil {
		return err
	}
	err = prepare(ctx, g.c, conn, g.log)
	_ = conn.Close(ctx)
	if err != nil {
		return err
	}
	pool, err := openPool(ctx, g.db)
	if err != nil {
		return err
	}
	g.onClose(pool.Close)
	g.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	options := storeOptions(g.c, g.log, g.metrics)
	if options.Listen, err = g.db.listenConfig(); err != nil {
		return err
	}
	options.HashWorker = newHashWorker
	if g.c.deliver != nil {
		options.Send = g.send
	}
	g.store = auth.New(pool, options)
	g.onClose(g.store.Close)
	return nil
}

// runStore begins when there are pages, which put mail into words.
func (g *gate) runStore() {
	running, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { g.store.Run(running) })
	g.onClose(func() { stop(); done.Wait() })
}

func storeOptions(c *config, log *slog.Logger, metrics prometheus.Registerer) auth.Options {
	return auth.Options{
		SessionIdle: c.sessionIdle, SessionLifetime: c.sessionLifetime, SessionCache: c.sessionCache, PasswordMin: c.passwordMin,
		SiteName: c.AppName, SignUpClosed: c.signUpClosed, SignUpDomains: c.signUpDomains, SignUpLimit: c.signUpLimit, SignUpTotal: c.signUpTotal,
		Verify: c.verify, NotifySignIns: c.notifySignIns, Log: log, Metrics: metrics,
	}
}

func newUI(c *config, store *auth.Store, log *slog.Logger) (*loginui.UI, error) {
	return loginui.New(loginui.Config{
		PublicURL: c.publicURL, Prefix: c.pages, Home: c.Home, AppName: c.AppName, SignUpClosed: c.signUpClosed, ByInvitation: c.byInvitation,
		Mail: c.deliver != nil, Confirm: c.verify != auth.VerifyOff, PasswordMin: c.passwordMin, Cookie: c.cookie(), Brand: c.brand, Log: log,
	}, store)
}

// drain answers what is under way and takes nothing new.
func (g *gate) drain() {
	g.ready.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := g.public.Shutdown(ctx); err != nil {
		g.log.Warn("some requests were cut off", "after", drainTimeout)
	}
}
