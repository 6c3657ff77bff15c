package database

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errOutage spares a visitor the wait while PostgreSQL is known not to answer.
var errOutage = errors.New("PostgreSQL did not answer a moment ago")

// Unavailable wraps what PostgreSQL did: an ErrUnavailable where waiting helps, else a RefusedError. Errors of which
// none is PostgreSQL's, the driver's, the network's or a deadline's are returned as they are: they are about who asked,
// and only the caller knows them. Whether it is an outage, only a ping can tell: a deadline of ours may mean a row that
// somebody holds, and a lost connection that somebody ended it.
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

// Down says that an outage is known: a ping has failed, and none has succeeded since.
func (d *DB) Down() bool { return d.down.Load() }

// Doubtful says that PostgreSQL does not answer, or that this is being found out.
func (d *DB) Doubtful() bool { return d.down.Load() || d.watching.Load() }

func (d *DB) setDown(err error) {
	if !d.down.Swap(true) {
		d.o.Log.Error("PostgreSQL does not answer; protected paths are refused until it does", "err", err)
	}
}

const probeEvery = 200 * time.Millisecond

// watch asks PostgreSQL until it answers, so that the next visitors need not wait to learn that it does not.
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
