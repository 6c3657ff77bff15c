package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/internal/share"
)

// errOutage spares a visitor the wait while PostgreSQL is known not to answer.
var errOutage = errors.New("PostgreSQL did not answer a moment ago")

// pageMost is how long a page may wait for its turn and then for PostgreSQL.
const pageMost = 5 * time.Second

// onPage runs f when it is its client's turn at a connection of pages. The turn is waited for as long as lookupTimeout,
// and the latest leaves f enough time to tell that it is no slow PostgreSQL. Who leaves before the turn costs nothing.
// After it f goes on without them: to cancel a statement closes its connection, and to open another costs PostgreSQL
// more than most statements, so that whoever hangs up again and again would keep it busy with that.
func (s *Store) onPage(ctx context.Context, f func(context.Context) error) error {
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	leave, err := s.page(waiting)
	if err != nil {
		return err
	}
	defer leave()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	left := min(lookupTimeout, pageMost-time.Since(began))
	working, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	defer cancel()
	return f(working)
}

// again runs a statement of a page that may be repeated.
func (s *Store) again(ctx context.Context, run func(context.Context) error) error {
	return s.onPage(ctx, func(ctx context.Context) error {
		return s.retry(ctx, s.db, func() error { return run(ctx) })
	})
}

// retry runs a statement once more when the connection it was given turned out dead, as all idle ones are after
// PostgreSQL restarts. While PostgreSQL has no connection to spare it waits for one of ours.
func (s *Store) retry(ctx context.Context, pool *pgxpool.Pool, run func() error) error {
	if s.down.Load() {
		return errOutage
	}
	err := run()
	for full(err) && wait(ctx, 20*time.Millisecond) {
		err = run()
	}
	if err == nil || errors.Is(err, pgx.ErrNoRows) || ctx.Err() != nil || !connectionLost(err) {
		return err
	}
	pool.Reset()
	return run()
}

// transact runs f in a transaction, which ends within lookupTimeout, and a second time when the first met others
// (twice). Errors that say something about the visitor are returned as they are.
func (s *Store) transact(ctx context.Context, doing string, f func(context.Context, pgx.Tx) error) error {
	err := s.onPage(ctx, func(ctx context.Context) error {
		return twice(ctx, func() error { return s.once(ctx, f) })
	})
	if err == nil || aboutVisitor(err) {
		return err
	}
	return s.unavailable(doing, err)
}

// lockPatience is how long a page waits for a row that somebody holds, with a connection that others wait for.
const lockPatience = time.Second

// lockPatienceSQL is for transactions that are not begun by a statement.
var lockPatienceSQL = fmt.Sprintf(`SELECT set_config('lock_timeout', '%d', true)`, lockPatience.Milliseconds())

var beginQuery = fmt.Sprintf("begin isolation level read committed; set local lock_timeout = %d", lockPatience.Milliseconds())

// once runs f in one transaction, for a page whose turn it is. What it reads after a lock is what is true then,
// whatever the operator has made the default.
func (s *Store) once(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	var tx pgx.Tx
	err := s.retry(ctx, s.db, func() (err error) {
		tx, err = s.db.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginQuery})
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

// aboutVisitor tells what PostgreSQL was asked from what went wrong with it.
func aboutVisitor(err error) bool {
	var input InputError
	var throttled *ThrottledError
	return errors.As(err, &input) || errors.As(err, &throttled) || slices.ContainsFunc(
		[]error{ErrBadLink, ErrNoSession, ErrOtherUser, ErrNoUser, ErrBadCredentials, errSuppressed},
		func(kind error) bool { return errors.Is(err, kind) })
}

// wait reports false when the context ended first.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// unavailable wraps what PostgreSQL did: an ErrUnavailable where waiting helps, else a RefusedError. Whether it is an
// outage, only a ping can tell: a deadline of ours may mean a row that somebody holds, and a lost connection that
// somebody ended it. That many wait says nothing about PostgreSQL.
func (s *Store) unavailable(doing string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, share.ErrBusy) || errors.Is(err, share.ErrCrowded) {
		return fmt.Errorf("%s: %w", doing, err) // the visitor left, or is sent away
	}
	if v := judge(err); v == broken || v == forbidden {
		return &RefusedError{Rule: v == forbidden, doing: doing, cause: err}
	}
	if connectionLost(err) && s.watching.CompareAndSwap(false, true) {
		go s.o.Watch.Run(s.ctx, "wait for PostgreSQL", func(context.Context) { s.watch() })
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

// doubtful says that PostgreSQL does not answer, or that this is being found out.
func (s *Store) doubtful() bool { return s.down.Load() || s.watching.Load() }

func (s *Store) setDown(err error) {
	if !s.down.Swap(true) {
		s.o.Log.Error("PostgreSQL does not answer; protected paths are refused until it does", "err", err)
	}
}

const probeEvery = 200 * time.Millisecond

// watch asks PostgreSQL until it answers, so that the next visitors need not wait to learn that it does not.
func (s *Store) watch() {
	defer s.watching.Store(false)
	for s.ctx.Err() == nil {
		err := s.Ping(s.ctx)
		if s.ctx.Err() != nil { // closing says nothing about PostgreSQL
			return
		}
		if err == nil {
			if s.down.Swap(false) {
				s.o.Log.Info("PostgreSQL answers again")
			}
			return
		}
		s.setDown(err)
		wait(s.ctx, probeEvery)
	}
}

// stall notes that a look-up took too long, and has it tried until one does not. Meanwhile nobody waits who can go on
// without.
func (s *Store) stall(err error) {
	if !errors.Is(err, context.DeadlineExceeded) || s.stalled.Swap(true) {
		return
	}
	go s.o.Watch.Run(s.ctx, "try look-ups", func(ctx context.Context) {
		for ctx.Err() == nil {
			if _, err := s.findSessions([]string{}); err == nil {
				break
			}
			wait(ctx, probeEvery)
		}
		s.stalled.Store(false)
	})
}
