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

// queueWait is how long a sign-in waits for its turn to hash, give or take half of it by chance: those who came
// together and were sent away together would come back together.
const queueWait = 4 * time.Second

// queueLongest is how long somebody waits whose network has nothing else under way: they have the next turn but those
// of other networks, on a machine that is too busy to hash.
const queueLongest = 20 * time.Second

// queueRoom is how many may wait for one slot: about as many as can have their turn in that time where a hash takes 25
// ms.
const queueRoom = 150

func patience() time.Duration { return queueWait/2 + secret.Chance(queueWait) }

// Queue bounds how many passwords are hashed at once: a hash takes a whole core for some 25 ms and 19 MiB, and
// the same machine must go on forwarding traffic. Networks take turns.
type Queue struct {
	*share.Queue
	Derive Deriver
}

// NewQueue has one slot less than there are cores, and hashes in this process.
func NewQueue() *Queue {
	return &Queue{share.NewQueue(Slots(), Slots()*queueRoom), Derive}
}

// Slots leaves a core to the traffic, where there is more than one.
func Slots() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// Admit fails with share.ErrCrowded or share.ErrBusy where turn would at once, after as long as they wait: whoever is
// sent away at once comes back at once. It keeps those who would wait in vain away from the database.
func (q *Queue) Admit(ctx context.Context) error {
	err := q.Full(ctx)
	if err != nil {
		select {
		case <-ctx.Done():
		case <-time.After(patience()):
		}
	}
	return cmp.Or(ctx.Err(), err)
}

// Turn waits for a slot and runs f in it. It fails with share.ErrBusy or share.ErrCrowded when none came free in time.
// f may ask the database, in the context it is given, for a decision that must not be older than the turn, but never
// holds a connection while it hashes.
func (q *Queue) Turn(ctx context.Context, f func(context.Context, Deriver) error) error {
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
		<-patience.Done() // who was sent away early comes back no earlier than the others
		return err
	}
	defer leave()
	return f(ctx, q.Derive)
}

// Register shows how many passwords are being hashed, and how many wait for that.
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
