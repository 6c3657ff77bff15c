package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type aheadKey struct{}

// Ahead is for work that has a turn already which others wait for, as that of hashing: it goes to the connections of
// pages without another, or whoever waits for the first would wait for all that this client's network has asked for.
// There are few such turns.
func Ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// page waits for a client's turn at the connections of pages. It fails with share.ErrBusy or share.ErrCrowded, which is
// no outage.
func (d *DB) page(ctx context.Context) (leave func(), err error) {
	if ctx.Value(aheadKey{}) != nil {
		return func() {}, nil
	}
	leave, err = d.Turns.Enter(ctx, ctx)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err() // the visitor left
	}
	return leave, err
}

// InOneTurn runs several transactions in one turn, so that how long somebody waits for turns does not tell how many
// there are.
func (d *DB) InOneTurn(ctx context.Context, doing string, f func(context.Context) error) (err error) {
	waited := d.onPage(ctx, func(ctx context.Context) error { err = f(Ahead(ctx)); return nil })
	if waited != nil {
		return d.Unavailable(doing, waited)
	}
	return err
}

// pageMost is how long a page may wait for its turn and then for PostgreSQL.
const pageMost = 5 * time.Second

// onPage runs f when it is its client's turn at a connection of pages. The turn is waited for as long as Timeout,
// and the latest leaves f enough time to tell that it is no slow PostgreSQL. Who leaves before the turn costs nothing.
// After it f goes on without them: to cancel a statement closes its connection, and to open another costs PostgreSQL
// more than most statements, so that whoever hangs up again and again would keep it busy with that.
func (d *DB) onPage(ctx context.Context, f func(context.Context) error) error {
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	leave, err := d.page(waiting)
	if err != nil {
		return err
	}
	defer leave()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	left := min(Timeout, pageMost-time.Since(began))
	working, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	defer cancel()
	return f(working)
}

// Again runs a statement of a page that may be repeated.
func (d *DB) Again(ctx context.Context, run func(context.Context) error) error {
	return d.onPage(ctx, func(ctx context.Context) error {
		return d.Retry(ctx, d.Pages, func() error { return run(ctx) })
	})
}

// Repeat is Again, and once more when the first met others, for what may fail with something to tell the caller: it is
// passed back as by Unavailable.
func (d *DB) Repeat(ctx context.Context, doing string, run func(context.Context) error) error {
	return d.Unavailable(doing, twice(ctx, func() error { return d.Again(ctx, run) }))
}

// Retry runs a statement once more when the connection it was given turned out dead, as all idle ones are after
// PostgreSQL restarts. While PostgreSQL has no connection to spare it waits for one of ours.
func (d *DB) Retry(ctx context.Context, pool *pgxpool.Pool, run func() error) error {
	if d.down.Load() {
		return errOutage
	}
	err := run()
	for Full(err) && Wait(ctx, 20*time.Millisecond) {
		err = run()
	}
	if err == nil || errors.Is(err, pgx.ErrNoRows) || ctx.Err() != nil || !ConnectionLost(err) {
		return err
	}
	pool.Reset()
	return run()
}

// Transact runs f in a transaction, which ends within Timeout, and a second time when the first met others
// (twice). What f fails with by itself is returned as it is, and the rest as by Unavailable.
func (d *DB) Transact(ctx context.Context, doing string, f func(context.Context, pgx.Tx) error) error {
	err := d.onPage(ctx, func(ctx context.Context) error {
		return twice(ctx, func() error { return d.Once(ctx, f) })
	})
	return d.Unavailable(doing, err)
}

// Batch runs statements as one transaction, in one round trip, and a second time when the first met others. They are
// added by queue, anew each time.
func (d *DB) Batch(ctx context.Context, doing string, queue func(*pgx.Batch)) error {
	err := d.onPage(ctx, func(ctx context.Context) error {
		return twice(ctx, func() error {
			b := &pgx.Batch{}
			b.Queue(lockPatienceSQL) // until the batch ends, which is one transaction
			queue(b)
			return d.Pages.SendBatch(ctx, b).Close()
		})
	})
	return d.Unavailable(doing, err)
}

// lockPatience is how long a page waits for a row that somebody holds, with a connection that others wait for.
const lockPatience = time.Second

// lockPatienceSQL is for transactions that are not begun by a statement.
var lockPatienceSQL = fmt.Sprintf(`SELECT set_config('lock_timeout', '%d', true)`, lockPatience.Milliseconds())

var beginQuery = fmt.Sprintf("begin isolation level read committed; set local lock_timeout = %d",
	lockPatience.Milliseconds())

// Once runs f in one transaction, for a page whose turn it is. What it reads after a lock is what is true then,
// whatever the operator has made the default.
func (d *DB) Once(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	var tx pgx.Tx
	err := d.Retry(ctx, d.Pages, func() (err error) {
		tx, err = d.Pages.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginQuery})
		return err
	})
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		_ = tx.Rollback(ctx) // which ends in time, whoever leaves (onPage); a connection that cannot is closed
		return err
	}
	return tx.Commit(ctx)
}

// Wait reports false when the context ended first.
func Wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
