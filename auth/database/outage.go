package database

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errOutage is returned at once during a known outage, to spare visitors the wait.
var errOutage = errors.New("PostgreSQL did not answer a moment ago")

// Unavailable wraps an error of PostgreSQL: in ErrUnavailable if waiting helps, else in a RefusedError. An error
// that does not involve PostgreSQL, the driver, the network or a deadline is the caller's and is returned
// unchanged. Only a ping can tell whether there is an outage: an expired deadline may mean a locked row, and a lost
// connection one that was ended.
func (d *DB) Unavailable(doing string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err) // the visitor left
	}
	if !fromBelow(err) { // nil too
		return err
	}
	if v := judge(err); v == broken || v == forbidden {
		return &RefusedError{Rule: v == forbidden, doing: doing, cause: err}
	}
	if ConnectionLost(err) && d.watching.CompareAndSwap(false, true) {
		go d.o.Watch.Run(d.ctx, "wait for PostgreSQL", func(context.Context) { d.watch() })
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

// Doubtful reports whether PostgreSQL does not answer, or may not.
func (d *DB) Doubtful() bool { return d.down.Load() || d.watching.Load() }

func (d *DB) setDown(err error) {
	if !d.down.Swap(true) {
		d.o.Log.Error("PostgreSQL does not answer; protected paths are refused until it does", "err", err)
	}
}

const probeEvery = 200 * time.Millisecond

// watch pings PostgreSQL until it answers, so that later visitors learn of the outage without a wait.
func (d *DB) watch() {
	defer d.watching.Store(false)
	for d.ctx.Err() == nil {
		err := d.Ping(d.ctx)
		if d.ctx.Err() != nil { // closing says nothing about PostgreSQL
			return
		}
		if err == nil {
			if d.down.Swap(false) {
				d.o.Log.Info("PostgreSQL answers again")
			}
			return
		}
		d.setDown(err)
		Wait(d.ctx, probeEvery)
	}
}
