package server

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/postgres"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// open opens the store and creates the pages and the proxy.
func (g *gate) open(ctx context.Context) error {
	if err := g.openStore(ctx); err != nil {
		return err
	}
	ui, err := g.c.UI(g.store, g.log)
	if err != nil {
		return err
	}
	g.apiAnswers = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatepost_api_answers_total",
		Help: "Answers below /api/auth/, by endpoint and status."}, []string{"endpoint", "status"})
	g.ui.Store(g.newPages(ui))
	g.metrics.MustRegister(g.apiAnswers, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatepost_forms_bytes",
		Help: "Bytes that count for forms of our own pages being read."},
		func() float64 { return float64(g.ui.Load().FormBytes()) }))
	g.keep("the regular work on users", g.store.Run) // after the pages, which compose mail
	g.proxy = proxy.New(proxy.Config{
		Upstream: g.c.Upstream, UpstreamTimeout: g.c.UpstreamTimeout, UpstreamConnAge: g.c.UpstreamConnAge,
		PublicURL: g.c.PublicURL, Aliases: g.c.Aliases, Origins: g.c.Origins,
		Rules: g.c.Rules, Tokens: g.c.Tokens, Identity: g.c.Identity, Cookie: g.c.Cookie(),
		TrustedProxies: g.c.TrustedProxies,
		Forwarded:      g.c.Forwarded, HSTS: g.c.HSTS, PassivePaths: g.c.PassivePaths, CrossSitePaths: g.c.CrossSitePaths,
		CrossSite: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g.ui.Load().CrossSite(w, r)
		}),
		Assertions: g.assertions(), CORS: g.c.CORS,
		ProviderTokens: proxy.ProviderTokens{Paths: g.c.ProviderTokenPaths, Of: g.providerToken},
		Page:           func(rawPath string) http.Handler { return g.pageAt(forVisitors, rawPath) }, Refuse: g.refuse,
		Navigating: loginui.Navigating,
		Shown:      loginui.Shown,
		Closed:     g.closed, ClosedRoles: g.c.Maintenance.Roles,
		LeadsBack: func(rawPath string) bool { return g.ui.Load().LeadsBack(rawPath) },
		Log:       g.log, Lines: proxy.Lines{To: g.lines, JSON: g.c.LogJSON}, Metrics: g.metrics,
	}, g.store.Reader)
	g.onClose(g.proxy.Close)
	g.ask.Handler = g.windingDown(g.proxy.ForwardAuth(g.c.ForwardAuthPeers))
	g.openMaintenance()       // after the proxy, whose streams it ends
	g.onClose(g.closeServers) // before the store and the proxy, which requests under way use
	g.openTLS()
	handler := weighed(g.windingDown(g.proxy))
	g.entrance.proxy.Store(g.proxy)
	g.entrance.up.Store(&handler)
	return nil
}

// openTLS sets up certificates for the public listener, and the server that redirects from http.
func (g *gate) openTLS() {
	plain := plainHandler(g.c.PublicURL.String(), func(w http.ResponseWriter, r *http.Request) {
		g.ui.Load().RefuseHTTP(w, r)
	})
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
		IdleTimeout:  g.c.ListenIdle, MaxHeaderBytes: MaxHeaderBytes, ErrorLog: g.quiet(),
		DisableGeneralOptionsHandler: true,
		ConnState:                    g.sockets.note, ConnContext: withSocket}
	g.onClose(func() { _ = g.plain.Close() })
}

func (g *gate) openStore(ctx context.Context) error {
	var err error
	g.step(OpenDatabase)
	if g.db, err = postgres.Open(ctx, g.c, true); err != nil {
		return err
	}
	g.db.Warned = func(note string) { g.log.Warn("a migration has changed rows of yours", "note", note) }
	g.onClose(func() { _ = g.db.Close() })
	conn, err := g.db.ConnectPatiently(ctx, g.log)
	if err != nil {
		return err
	}
	g.step(MigrateDatabase)
	err = postgres.Prepare(ctx, g.c, conn, g.log, g.waiting())
	_ = conn.Close(ctx)
	if err != nil {
		return err
	}
	g.step(OpenGate)
	pool, err := postgres.OpenPool(ctx, g.db)
	if err != nil {
		return err
	}
	g.pool = pool
	g.onClose(pool.Close)
	if err := g.openKeys(ctx); err != nil {
		return err
	}
	if err := auth.CheckPasskeys(ctx, pool, g.c.PublicURL); err != nil {
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
	return g.store.OpenAssertions(ctx)
}

// assertions are the signed tokens for the app; none without a header for them.
func (g *gate) assertions() proxy.Assertions {
	if g.c.AssertionHeader == "" {
		return proxy.Assertions{}
	}
	return proxy.Assertions{Header: g.c.AssertionHeader, Of: g.store.Assertion, Bound: g.c.Assertion.Bind}
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

// providerToken is the token of a session for the app. Without one, whatever the cause, the app gets no header.
func (g *gate) providerToken(r *http.Request, v session.Session) secret.Text {
	token, err := g.store.ProviderToken(r.Context(), v)
	if err != nil {
		g.log.DebugContext(r.Context(), "the app gets no token of the provider", "err", err)
		return ""
	}
	return token
}
