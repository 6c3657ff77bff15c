package password

import (
	"cmp"
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// queueWait is how long a sign-in waits for its turn to hash, on average. Each wait is between half of it and one and a
// half times that, by chance: clients that came at the same time and were all refused would otherwise come back at the
// same time.
const queueWait = 4 * time.Second

// queueLongest is how long a client waits whose network has no other sign-in under way. On a machine that is too busy
// to hash, such a client is next, after at most one turn of each other network.
const queueLongest = 20 * time.Second

// queueRoom is how many sign-ins may wait for one slot: about as many as have their turn within queueWait, at 25 ms for
// a hash.
const queueRoom = 150

// patience returns how long one sign-in waits for its turn.
func patience() time.Duration { return queueWait/2 + secret.Chance(queueWait) }

// Queue limits how many passwords are hashed at once. A hash takes a core for some 25 ms, and 19 MiB, and the same
// machine must go on forwarding traffic. Networks take turns.
type Queue struct {
	*share.Queue
	Derive Crypt
}

// NewQueue returns a Queue with Slots slots, whose Derive hashes in this process.
func NewQueue() *Queue {
	return &Queue{share.NewQueue(Slots(), Slots()*queueRoom), Derive}
}

// Slots returns how many passwords are hashed at once: one less than there are cores, and at least one.
func Slots() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// Admit fails with share.ErrCrowded or share.ErrBusy when the queue is so full that Turn would refuse the client at
// once. It returns the error only after the time that others wait in the queue, because clients that are refused at
// once come back at once. Callers ask it before they ask the database.
func (q *Queue) Admit(ctx context.Context) error {
	err := q.Full(ctx)
	if err != nil {
		share.Pause(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(patience()):
		}
	}
	return cmp.Or(ctx.Err(), err)
}

// Turn waits for a slot and runs f in it. It fails with share.ErrBusy or share.ErrCrowded when no slot came free in
// time. With the context that f gets, f may ask the database what must not be decided before the turn. It must not hold
// a connection while it hashes.
func (q *Queue) Turn(ctx context.Context, f func(context.Context, Crypt) error) error {
	share.Pause(ctx)
	patience, cancel := context.WithTimeout(ctx, patience())
	defer cancel()
	longest := patience
	if share.Networks(share.Client(ctx)) != nil {
		var cancel func()
		longest, cancel = context.WithTimeout(ctx, queueLongest)
		defer cancel()
	}
	leave, err := q.Enter(longest, patience)
	if ctx.Err() != nil {
		if err == nil {
			leave()
		}
		return ctx.Err()
	}
	if err != nil {
		<-patience.Done() // a client that is refused early must not come back before the others
		return err
	}
	defer leave()
	return f(ctx, q.Derive)
}

// Register registers the numbers of passwords being hashed, and of sign-ins that wait for that.
func (q *Queue) Register(r prometheus.Registerer) {
	gauge := func(name, help string, f func(running, waiting int) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(f(q.Load())) })
	}
	r.MustRegister(
		gauge("gatepost_hashes_running", "Passwords being hashed.", func(running, _ int) int { return running }),
		gauge("gatepost_hashes_waiting", "Sign-ins waiting for their turn to hash.",
			func(_, waiting int) int { return waiting }))
}
