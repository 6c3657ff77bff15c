// Package database gives the packages of auth access to PostgreSQL: connections in shares, so that no kind of work
// starves another; turns for pages, by network; transactions that are bounded in time and retried after conflicts;
// and the meaning of errors: a wait, a refusal, or an outage.
//
// It knows nothing of the data except the lock on a user's row, which every change to a user takes first.
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

// Timeout bounds the wait for a turn, and then for PostgreSQL, of every operation that a visitor waits for: a
// visitor has an answer within 5 s.
const Timeout = 3 * time.Second

// ErrUnavailable means that PostgreSQL cannot be reached or refused to work. It wraps the cause.
var ErrUnavailable = errors.New("the user database is unavailable")

// Options tunes a DB. The zero value of each field means the default.
type Options struct {
	// PathConns and WorkConns are the most connections, besides those of the pool, for looking up sessions and for
	// background work. Default 2 each.
	PathConns, WorkConns int32
	// GoAhead is how many operations without a turn (Ahead) may run at once. As many connections of the pool are
	// reserved for them, but at most a third. Default 0.
	GoAhead int
	// Log receives outages. Default: slog.Default().
	Log *slog.Logger
	// Watch receives panics in the background. Zero: slog.Default() does.
	Watch upkeep.Watch
	// Metrics registers the state of the connections. Nil: it is not exported.
	Metrics prometheus.Registerer
}

// DB is PostgreSQL in three shares, so that no kind of work starves another: looking up sessions (Path), Gatepost's
// own pages (Pages), for which networks take turns, and background work (Work). One more connection is used for
// pings (pinger.go). DB is safe for concurrent use.
type DB struct {
	Pages, Path, Work *pgxpool.Pool
	// Turns is where pages wait for a connection of Pages. A caller that enters it directly continues with Ahead.
	Turns *share.Queue

	o      Options
	pinger *pinger
	down   atomic.Bool // an outage is known: a ping has failed, and none has succeeded since
	// watching: a goroutine pings PostgreSQL until it answers.
	watching atomic.Bool
	ctx      context.Context
	close    context.CancelFunc
}

// pagesRoom is how many pages may wait for a connection.
const pagesRoom = 1000

// New returns a DB with pools beside that of the pages, which stays the caller's. The caller calls Close when done.
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

// Close closes all connections except those of Pages.
func (d *DB) Close() {
	d.close()
	d.pinger.close()
	d.Path.Close()
	d.Work.Close()
}

// Shares divides a number of connections among the three shares. Each has at least one.
func Shares(all int32) (pages, path, work int32) {
	path = max(1, all/5)
	return max(1, all-2*path), path, path
}

// pageTurns is how many pages have a turn at once. The other connections are for operations with Ahead. Otherwise
// all sign-ins would wait for pages that wait for a row.
func pageTurns(conns, goAhead int) int { return max(1, conns-min(goAhead, conns/3)) }

// besidePool returns a pool with the configuration of db and at most most connections. It connects lazily.
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

// OnPath runs f on a connection of the share that looks up sessions. It is for short questions about the gate
// itself.
func (d *DB) OnPath(ctx context.Context, f func(*pgx.Conn) error) error {
	return d.Path.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return f(c.Conn()) })
}
