// Package webhook tells the app what happened to users and sessions. Triggers write events into a table, in the
// transaction of what happened (migrations/0066_webhook.sql). Senders take one at a time, sign it and post it to the
// app's address, as Standard Webhooks has it (https://www.standardwebhooks.com). Any number of gates share the work.
//
// The package decides neither what is an event nor what is in it: that is the triggers'. It holds no connection to the
// database while it sends, and no request waits for it.
package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/upkeep"
)

const (
	// lookEvery is how often each sender looks for events, and renewEvery how often a gate says that it wants some.
	lookEvery  = 4 * time.Second
	renewEvery = time.Minute
	// senders is how many events a gate sends at once.
	senders = 4
	// sendGrace is how long an attempt may continue after the context has ended.
	sendGrace = 5 * time.Second
	// lease is how long an event is reserved for its sender. After that the sender is taken for dead.
	lease = Timeout + 45*time.Second
	// attemptsMost is how often an event is tried, within expires_at of its row. The wait before each attempt but the
	// first doubles from retryFirst to retryMost, less up to a quarter at random.
	attemptsMost = 20
	retryFirst   = 10 * time.Second
	retryMost    = 8 * time.Hour
	// sentKept and failedKept are how long events stay that were sent or given up.
	sentKept   = 3 * 24 * time.Hour
	failedKept = 14 * 24 * time.Hour
)

// Event is what the app is told. The zero value of a time means that there is none.
type Event struct {
	ID   string // stays the same when the event is sent again
	Type string
	At   time.Time
	Data json.RawMessage
}

// Options tunes an Outbox. The zero value of each field means the default.
type Options struct {
	// Send sends an event, or fails; after ErrGone it is not retried. Send may be called concurrently, and again for
	// the same event. Nil: nothing is sent, and after a while the triggers write nothing.
	Send func(context.Context, Event) error
	// Log receives failures to send. Default: slog.Default().
	Log *slog.Logger
	// Watch receives panics in the background. Zero: slog.Default() does.
	Watch upkeep.Watch
	// Metrics registers the Outbox's counters. Nil: they are not exported.
	Metrics prometheus.Registerer
}

// Outbox sends events. It is safe for concurrent use.
type Outbox struct {
	db      *database.DB
	o       Options
	counted *prometheus.CounterVec
	failing atomic.Bool // and it was said
}

// NewOutbox returns an Outbox, which sends while Run runs.
func NewOutbox(db *database.DB, o Options) *Outbox {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	box := &Outbox{db: db, o: o, counted: newCounter()}
	if o.Metrics != nil && o.Send != nil {
		box.register(o.Metrics)
	}
	return box
}

// Run has the triggers write events and sends them, until the context ends. Without Options.Send it returns at once.
func (o *Outbox) Run(ctx context.Context) {
	if o.o.Send == nil {
		return
	}
	var all sync.WaitGroup
	all.Go(func() { o.o.Watch.Run(ctx, "want webhooks", o.want) })
	for range senders {
		all.Go(func() { o.o.Watch.Run(ctx, "send webhooks", o.send) })
	}
	all.Wait()
}

// want renews the row without which the triggers write nothing.
func (o *Outbox) want(ctx context.Context) {
	for ctx.Err() == nil {
		wait := renewEvery
		if err := o.Renew(ctx); err != nil && ctx.Err() == nil {
			o.o.Log.WarnContext(ctx, "webhooks were not asked for, and events may be missing", "err", err)
			wait = lookEvery
		}
		pause(ctx, wait)
	}
}

// Renew says that this gate wants events.
func (o *Outbox) Renew(ctx context.Context) error {
	_, err := o.db.Work.Exec(ctx, `
		INSERT INTO gatepost.webhook_wanted (one) VALUES (true) ON CONFLICT (one) DO UPDATE SET renewed_at = now()`)
	if err != nil {
		return o.db.Unavailable("ask for webhooks", err)
	}
	return nil
}

// send sends the events that are due. After a failure it waits, as the next would probably fail too.
func (o *Outbox) send(ctx context.Context) {
	for ctx.Err() == nil {
		if sent, err := o.SendNext(ctx); sent {
			continue
		} else if err != nil && ctx.Err() == nil {
			o.o.Log.DebugContext(ctx, "webhook events were not read", "err", err)
		}
		pause(ctx, lookEvery-secret.Chance(lookEvery/2))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
