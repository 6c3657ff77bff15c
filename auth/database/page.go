package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/internal/share"
)

type aheadKey struct{}

// Ahead marks work that already has another scarce turn, such as that of hashing: it uses a connection of pages
// without a turn of its own. Otherwise users waiting to hash would wait for all pages that this client's network
// has requested.
func Ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// page waits for a client's turn at the connections of pages. It fails with share.ErrBusy or share.ErrCrowded,
// which do not mean an outage.
func (d *DB) page(ctx context.Context) (leave func(), err error) {
	share.Pause(ctx)
	if ctx.Value(aheadKey{}) != nil {
		return func() {}, nil
	}
	leave, err = d.Turns.Enter(ctx, ctx)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err() // the visitor left
	}
	return leave, err
}

// InOneTurn runs several transactions in one turn, so that the time spent waiting does not reveal their number.
func (d *DB) InOneTurn(ctx context.Context, doing string, f func(context.Context) error) (err error) {
	waited := d.onPage(ctx, func(ctx context.Context) error { err = f(Ahead(ctx)); return nil })
	if waited != nil {
		return d.Unavailable(doing, waited)
	}
	return err
}

// pageMost is how long a page may take, for its turn and then for PostgreSQL.
const pageMost = 5 * time.Second

// onPage runs f when the client has a turn at a connection of pages. It waits for the turn for Timeout at most,
// which leaves f enough time. A client that leaves before its turn costs nothing. After the turn begins, f
// continues without the client: canceling a statement closes its connection, and opening another costs PostgreSQL
// more than most statements, so clients that hang up repeatedly would keep it busy.
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

// Again runs a repeatable statement of a page.
func (d *DB) Again(ctx context.Context, run func(context.Context) error) error {
	return d.onPage(ctx, func(ctx context.Context) error {
		return d.Retry(ctx, d.Pages, func() error { return run(ctx) })
	})
}

// Repeat is Again with a second try after a conflict (twice). Errors are returned as by Unavailable.
func (d *DB) Repeat(ctx context.Context, doing string, run func(context.Context) error) error {
	return d.Unavailable(doing, twice(ctx, func() error { return d.Again(ctx, run) }))
}

// Retry runs a statement again if its connection was dead, as all idle ones are after PostgreSQL restarts. While
// PostgreSQL has no free connection it waits for one of this pool.
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

// Transact runs f in a transaction, which ends within Timeout, and a second time after a conflict (twice). An error
// of f's own is returned unchanged, others as by Unavailable.
func (d *DB) Transact(ctx context.Context, doing string, f func(context.Context, pgx.Tx) error) error {
	err := d.onPage(ctx, func(ctx context.Context) error {
		return twice(ctx, func() error { return d.once(ctx, f) })
	})
	return d.Unavailable(doing, err)
}

// Background is Transact for work that no visitor waits for. It takes as long as it takes, but waits for a lock no
// longer than a page does.
func (d *DB) Background(ctx context.Context, doing string, f func(context.Context, pgx.Tx) error) error {
	return d.Unavailable(doing, twice(ctx, func() error { return d.onceIn(ctx, d.Work, f) }))
}

const (
	// heldTries is how often work that no visitor waits for tries to get what others have locked, and heldRest the time
	// between two tries, in which those go first who wait for what it had locked itself.
	heldTries = 5
	heldRest  = 500 * time.Millisecond
)

// Patiently is Background, again while others hold what it needs, for heldTries in all. Held tells if they still do.
func (d *DB) Patiently(ctx context.Context, doing string, f func(context.Context, pgx.Tx) error) error {
	err := d.Background(ctx, doing, f)
	for tries := 1; Held(err) && tries < heldTries && Wait(ctx, heldRest); tries++ {
		err = d.Background(ctx, doing, f)
	}
	return err
}

// Batch runs statements as one transaction, in one round trip, and a second time after a conflict. queue adds them,
// anew for each try.
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

// lockPatience is how long a page waits for a locked row, as it occupies a connection that others need.
const lockPatience = time.Second

// lockPatienceSQL is for transactions that no statement begins.
var lockPatienceSQL = fmt.Sprintf(`SELECT set_config('lock_timeout', '%d', true)`, lockPatience.Milliseconds())

var beginQuery = fmt.Sprintf("begin isolation level read committed; set local lock_timeout = %d",
	lockPatience.Milliseconds())

// once runs f in one transaction, for a page that has a turn. The isolation level is read committed, whatever the
// operator's default, so that a read after a lock sees the current state.
func (d *DB) once(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	return d.onceIn(ctx, d.Pages, f)
}

func (d *DB) onceIn(ctx context.Context, pool *pgxpool.Pool, f func(context.Context, pgx.Tx) error) error {
	var tx pgx.Tx
	err := d.Retry(ctx, pool, func() (err error) {
		tx, err = pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginQuery})
		return err
	})
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		_ = tx.Rollback(ctx) // it ends in time (onPage); a connection that fails is closed
		return err
	}
	return tx.Commit(ctx)
}

// Wait waits for d. It returns false if the context ended first.
func Wait(ctx context.Context, d time.Duration) bool {
	share.Pause(ctx)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
