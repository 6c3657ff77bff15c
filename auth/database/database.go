// Package database is how the rooms of auth reach PostgreSQL: connections in shares, so that no kind of work starves
// another; turns at those of pages, by network; transactions that end in time and are run again when they only met
// others; and what an error means: a wait, a refusal, or an outage.
//
// It knows nothing of what it is asked for but the lock on a user's row, which whatever is done to a person takes
// first.
package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// Timeout bounds the wait for a turn, and then for PostgreSQL, in whatever somebody waits for: a visitor has an answer
// within 5 s.
const Timeout = 3 * time.Second

// ErrUnavailable: PostgreSQL cannot be reached or refused to work. It wraps the cause.
var ErrUnavailable = errors.New("the user database is unavailable")

// Options tune a DB. The zero value of each field means the default.
type Options struct {
	// PathConns and WorkConns are how many connections there may be, besides those of the pool, to look up who is
	// signed in, and for what is done in the background. Default 2 each.
	PathConns, WorkConns int32
	// GoAhead is how many may be at work at once that wait for no turn (Ahead): so many connections of the pool are
	// kept for them, but no more than a third. Default 0.
	GoAhead int
	// Log hears of outages. Default: slog.Default().
	Log *slog.Logger
	// Watch is told of panics in the background. Zero: slog.Default is.
	Watch upkeep.Watch
	// Metrics registers the state of the connections. Nil: shown to nobody.
	Metrics prometheus.Registerer
}

// DB is PostgreSQL in three shares, so that none of three kinds of work starves another: who is signed in (Path), our
// own pages (Pages), where networks take turns, and what is done in the background (Work). One more connection is
// pinged (pinger.go). It is safe for concurrent use.
type DB struct {
	Pages, Path, Work *pgxpool.Pool
	// Turns is where pages wait for a connection of Pages. Whoever enters it by themselves goes on with Ahead.
	Turns *share.Queue

	o      Options
	pinger *pinger
	down   atomic.Bool // PostgreSQL is known not to answer
	// watching: somebody asks PostgreSQL until it answers.
	watching atomic.Bool
	ctx      context.Context
	close    context.CancelFunc
}

// pagesRoom is how many pages may wait for a connection.
const pagesRoom = 1000

// New makes the pools that stand beside that of the pages, which stays the caller's. Call Close when done.
func New(pages *pgxpool.Pool, o Options) *DB {
	if o.PathConns <= 0 {
		o.PathConns = 2
	}
	if o.WorkConns <= 0 {
		o.WorkConns = 2
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	d := &DB{Pages: pages, Path: besidePool(pages, o.PathConns), Work: besidePool(pages, o.WorkConns), o: o,
		pinger: &pinger{config: pages.Config().ConnConfig.Copy(), watch: o.Watch}}
	d.Turns = share.NewQueue(pageTurns(int(pages.Config().MaxConns), o.GoAhead), pagesRoom)
	d.Turns.Spare(1)
	d.ctx, d.close = context.WithCancel(context.Background())
	if o.Metrics != nil {
		d.register(o.Metrics)
	}
	return d
}

// Close ends the connections but those of Pages.
func (d *DB) Close() {
	d.close()
	d.pinger.close()
	d.Path.Close()
	d.Work.Close()
}

// Shares divides a number of connections among the three. Each has at least one.
func Shares(all int32) (pages, path, work int32) {
	path = max(1, all/5)
	return max(1, all-2*path), path, path
}

// pageTurns is how many pages have a turn at once. Their other connections are for who goes ahead, or all sign-ins
// would wait for pages that wait for a row.
func pageTurns(conns, goAhead int) int { return max(1, conns-min(goAhead, conns/3)) }

// besidePool makes a pool like another one. It opens no connection before it needs one.
func besidePool(db *pgxpool.Pool, most int32) *pgxpool.Pool {
	c := db.Config()
	c.MaxConns = most
	c.MinConns, c.MinIdleConns = min(c.MinConns, most), min(c.MinIdleConns, most)
	pool, err := pgxpool.NewWithConfig(context.Background(), c)
	if err != nil {
		panic(fmt.Sprintf("a pool like one that exists: %v", err)) // MaxConns is not below 1
	}
	return pool
}

// OnPath runs f on a connection of those that say who is signed in. It is for short questions about the gate itself.
func (d *DB) OnPath(ctx context.Context, f func(*pgx.Conn) error) error {
	return d.Path.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return f(c.Conn()) })
}
