package session

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// Options tune a Reader, and the Maker that works with it. The zero value of each field means the default.
type Options struct {
	// Idle ends a session this long after its last use. Default 168 h.
	Idle time.Duration
	// Lifetime ends it this long after sign-in whatever happens. Default 720 h.
	Lifetime time.Duration
	// Cache is the longest that Lookup goes without asking PostgreSQL about a session. Default 0: it always asks.
	// Nothing is kept for longer than the use of a session goes unwritten, nor while revocations may go unheard.
	Cache time.Duration
	// PerUser is how many sessions a user may have: a new one beyond that ends those that were not used for longest.
	// Default 100.
	PerUser int
	// ConfirmedOnly has no session be valid whose user has not confirmed their address.
	ConfirmedOnly bool
	// Listen is how PostgreSQL is connected to for LISTEN, which a pooler in transaction mode does not carry. Nil: like
	// the pool.
	Listen *pgx.ConnConfig
	// Log hears of faults. Default: slog.Default().
	Log *slog.Logger
	// Watch is told of panics in the background. Zero: slog.Default is.
	Watch upkeep.Watch
	// Metrics registers what the Reader counts. Nil: counted and shown to nobody.
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

// Reader says whose session a token is. It makes none. It is safe for concurrent use.
type Reader struct {
	db      *database.DB
	o       Options
	lookups *lookups
	asking  *share.Admission // to lookups
	cache   *cache
	slides  *slides
	holds   *holds
	alive   string // what makes a session valid: alive, and what Options.ConfirmedOnly adds
	// lookupSQL finds sessions that are.
	lookupSQL string
	// listener hears what others revoke.
	listener *listener
	metrics  metrics
	stalled  atomic.Bool // look-ups take too long
	ctx      context.Context
	close    context.CancelFunc
}

// NewReader makes a Reader. It keeps nothing until Run runs. Call Close when done.
func NewReader(db *database.DB, o Options) *Reader {
	r := &Reader{db: db, o: o.withDefaults(), alive: alive}
	r.ctx, r.close = context.WithCancel(context.Background())
	if r.o.ConfirmedOnly {
		r.alive += ` AND u.email_verified`
	}
	r.lookupSQL = selectSessions + `WHERE s.token = ANY ($1) AND ` + r.alive
	r.lookups = &lookups{query: r.findSessions, watch: r.o.Watch}
	r.asking = share.NewAdmission(maxWaiting)
	r.cache = newCache(min(r.o.Cache, r.slideEvery()))
	r.slides = &slides{write: r.slide, watch: r.o.Watch, delay: min(slideDelay, r.slideEvery())}
	r.holds = newHolds()
	r.listener = newListener(r)
	r.metrics = newMetrics(r.o.Metrics, r)
	return r
}

// Close ends what the Reader does in the background and writes down what is left of it.
func (r *Reader) Close() {
	r.close()
	r.slides.flush()
}

// Run does the Reader's regular work until the context ends: it listens for revocations, and ends what outlives its
// session. Without it nothing is kept.
func (r *Reader) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { r.o.Watch.Run(ctx, "listen for revocations", r.listener.run) })
	work.Go(func() { r.o.Watch.Run(ctx, "end what outlives its session", r.watchHolds) })
	work.Wait()
}

// Sweep deletes the sessions and challenges that have expired, and returns how many those were.
func (r *Reader) Sweep(ctx context.Context) (int64, error) {
	sessions, err := r.db.Sweep(ctx, `session WHERE expires_at < now() ORDER BY expires_at`)
	if err != nil {
		return sessions, err
	}
	challenges, err := r.db.Sweep(ctx, `challenge WHERE expires_at < now() ORDER BY expires_at`)
	return sessions + challenges, err
}

// Stats are how many sessions are kept in memory, and how many look-ups are under way.
func (r *Reader) Stats() (kept, asking int) { return r.cache.len(), r.asking.Held() }
