package session

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// Options tunes a Reader, and the Maker that works with it. The zero value of each field means the default.
type Options struct {
	// Idle ends a session this long after its last use. Default 168 h.
	Idle time.Duration
	// Lifetime ends a session this long after sign-in, whatever its use. Default 720 h.
	Lifetime time.Duration
	// Cache is how long Lookup may answer without asking PostgreSQL. Default 0: it always asks. A copy is never
	// kept for longer than the interval at which uses are written down, nor used while revocations may go unheard.
	Cache time.Duration
	// Aside gives each copy that is kept a place for what is made of it (Session.Aside).
	Aside bool
	// Everybody is called when something may have changed about everybody. Nil: nobody is told.
	Everybody func()
	// PerUser is how many sessions a user may have. A new session beyond that ends those not used for longest.
	// Default 100.
	PerUser int
	// ConfirmedOnly makes the sessions of users invalid who have not confirmed their address.
	ConfirmedOnly bool
	// RoleProviders are the providers whose claimed roles count.
	RoleProviders []Origin
	// Elsewhere says which cookies of other systems are honoured. Default: none.
	Elsewhere Elsewhere
	// TokensForever lets API tokens count that never end. TokensAAL2 lets those that were made in a session with a fresh
	// second factor count as one.
	TokensForever, TokensAAL2 bool
	// WrongToken is told of the client that presented an API token which does not count. Nil: nobody is.
	WrongToken func(netip.Addr)
	// Listen configures the connection for LISTEN, which a pooler in transaction mode does not carry. Nil: as the
	// pool.
	Listen *pgx.ConnConfig
	// Log receives faults. Default: slog.Default().
	Log *slog.Logger
	// Watch receives panics in the background. Zero: slog.Default() does.
	Watch upkeep.Watch
	// Metrics registers the Reader's counters. Nil: they are not exported.
	Metrics prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.Idle <= 0 {
		o.Idle = 168 * time.Hour
	}
	if o.Lifetime <= 0 {
		o.Lifetime = 720 * time.Hour
	}
	if o.PerUser <= 0 {
		o.PerUser = 100
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Reader finds the session of a token. It makes none. It is safe for concurrent use.
type Reader struct {
	db      *database.DB
	o       Options
	lookups *lookups
	// elsewhere are the look-ups of sessions that were imported.
	elsewhere *lookups
	// tokens are those of API tokens, wrong is how many of them were wrong lately, and tokenUses are to be written down.
	tokens    *lookups
	wrong     *strikes
	tokenUses *tokenUses
	asking    *share.Admission // admission to lookups
	cache     *cache
	slides    *slides
	holds     *holds
	alive     string // the SQL condition of a valid session: the constant alive, and what Options add
	// lookupSQL selects valid sessions by the hashes of their tokens.
	lookupSQL string
	// tokenSQL selects API tokens, and tokenAlive is the SQL condition of those that count.
	tokenSQL, tokenAlive string
	// listener hears of revocations elsewhere.
	listener *listener
	metrics  metrics
	stalled  atomic.Bool // look-ups are known to take too long
	ctx      context.Context
	close    context.CancelFunc
}

// NewReader returns a Reader. It caches nothing until Run runs. The caller calls Close when done.
func NewReader(db *database.DB, o Options) *Reader {
	r := &Reader{db: db, o: o.withDefaults()}
	r.alive = r.withClaims(alive)
	r.ctx, r.close = context.WithCancel(context.Background())
	if r.o.ConfirmedOnly {
		r.alive += ` AND u.email_verified`
	}
	r.lookupSQL = r.selectByTokens()
	r.makeTokenSQL()
	r.lookups = &lookups{query: r.findSessions, watch: r.o.Watch}
	r.elsewhere = &lookups{query: r.findImported, watch: r.o.Watch}
	r.tokens, r.wrong = &lookups{query: r.findTokens, watch: r.o.Watch}, newStrikes()
	r.tokenUses = &tokenUses{write: r.writeTokenUses, watch: r.o.Watch}
	r.asking = share.NewAdmission(maxWaiting)
	r.cache = newCache(min(r.o.Cache, r.slideEvery()))
	r.cache.aside = r.o.Aside
	r.slides = &slides{write: r.slide, watch: r.o.Watch, delay: min(slideDelay, r.slideEvery())}
	r.holds = newHolds()
	r.listener = newListener(r)
	r.metrics = newMetrics(r.o.Metrics, r)
	return r
}

// Close ends the Reader's background work and writes down the remaining uses.
func (r *Reader) Close() {
	r.close()
	r.slides.flush()
	r.tokenUses.flush()
}

// Run does the Reader's regular work until the context ends: it listens for revocations, and ends activities that
// outlive their session. Without it nothing is cached.
func (r *Reader) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { r.o.Watch.Run(ctx, "listen for revocations", r.listener.run) })
	work.Go(func() { r.o.Watch.Run(ctx, "end what outlives its session", r.watchHolds) })
	work.Wait()
}

// Sweep deletes the sessions and challenges that have expired, and returns how many it deleted.
func (r *Reader) Sweep(ctx context.Context) (total int64, err error) {
	for _, doomed := range []string{`session WHERE expires_at < now()`, `challenge WHERE expires_at < now()`,
		`imported_session WHERE ` + sweptImported, `api_token WHERE ` + sweptTokens} {
		n, err := r.db.Sweep(ctx, doomed+` ORDER BY expires_at`)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
