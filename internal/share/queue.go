package share

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
)

var (
	// ErrCrowded means that the client's network has its share while others wait. Nothing was written.
	ErrCrowded = errors.New("too much at once from this network")
	// ErrBusy means that too many wait, from all networks, for each to have a turn in time. Nothing was written.
	ErrBusy = errors.New("too much at once")
)

// Queue hands out slots. Waiting networks take turns, at each of their levels. While others wait, no network holds
// more than its share. A network that is alone may hold all slots but the spared ones. When the queue is full, a
// newcomer replaces the last waiter of the network with the most waiters.
type Queue struct {
	slots, room int // how many hold a slot at once, and how many wait
	spared      int // slots that no single network can have, so that a client of another one need not wait

	mu            sync.Mutex
	held, waiting int
	root          flow
	anonymous     int // the last number given to a waiter without network, which makes a flow of its own
}

// flow is a network that holds slots or has waiters. Narrower networks are below wider ones.
type flow struct {
	key           any // a netip.Prefix, an account or a number
	up            *flow
	below         map[any]*flow
	turns         []*flow   // flows below with waiters, the next turn first
	queue         []*waiter // waiters of a narrowest network
	held, waiting int
}

type waiter struct {
	flow *flow
	done chan error // receives nil with a slot, or an error
}

// NewQueue returns a queue with a number of slots, and room for a number of waiters.
func NewQueue(slots, room int) *Queue { return &Queue{slots: slots, room: room} }

// Enter waits for a slot until ctx ends. When patience ends, it goes on waiting only while no other client of the
// same network waits or holds a slot. patience must end no later than ctx. Enter fails with ErrCrowded when the
// client's network is the reason, else with ErrBusy.
func (q *Queue) Enter(ctx, patience context.Context) (leave func(), err error) {
	f, w := q.join(Client(ctx), accountOf(ctx))
	if w == nil {
		return func() { q.leave(f) }, nil
	}
	select {
	case err = <-w.done:
	case <-patience.Done():
		err = q.goOn(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	return func() { q.leave(f) }, nil
}

// goOn decides about a waiter whose patience has ended.
func (q *Queue) goOn(ctx context.Context, w *waiter) error {
	if q.crowd(w) {
		return q.giveUp(w)
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return q.giveUp(w)
	}
}

// crowd reports whether others of the waiter's network wait or hold slots.
func (q *Queue) crowd(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return w.flow.refusal() == ErrCrowded
}

// Full is the error that Enter would return at once for a new client; nil when there is room, or when another
// waiter would have to leave.
func (q *Queue) Full(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting < q.room {
		return nil
	}
	err := ErrBusy
	f := &q.root
	for _, key := range q.keys(Client(ctx), accountOf(ctx)) {
		var own *flow
		mine := 1
		if f != nil {
			own = f.below[key]
		}
		if own != nil {
			mine, err = own.waiting+1, ErrCrowded
		}
		if f != nil && slices.ContainsFunc(f.turns, func(n *flow) bool { return n != own && n.waiting > mine }) {
			return nil
		}
		f = own
	}
	return err
}

// Load is how many hold a slot and how many wait.
func (q *Queue) Load() (held, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held, q.waiting
}

// join takes a slot or a place in the queue. The waiter is nil with a slot.
func (q *Queue) join(a netip.Addr, account string) (*flow, *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := &q.root
	for _, key := range q.keys(a, account) {
		f = f.child(key)
	}
	if q.held < q.slots && q.mayTake(f.widest()) && !slices.ContainsFunc(q.root.turns, q.mayTake) {
		q.take(f)
		return f, nil
	}
	w := &waiter{flow: f, done: make(chan error, 1)}
	f.queue = append(f.queue, w)
	q.waiting++
	for n := f; n != nil; n = n.up {
		if n.waiting++; n.waiting == 1 && n.up != nil {
			n.up.turns = append(n.up.turns, n)
		}
	}
	if q.waiting > q.room {
		heaviest := q.heaviest()
		q.refuse(heaviest.queue[len(heaviest.queue)-1])
	}
	return f, w
}

func (q *Queue) keys(a netip.Addr, account string) (keys []any) {
	for _, p := range Networks(a) {
		keys = append(keys, p)
	}
	if keys == nil && account != "" {
		return []any{account}
	}
	if keys == nil {
		q.anonymous++
		keys = []any{q.anonymous}
	}
	return keys
}

func (f *flow) child(key any) *flow {
	if f.below[key] == nil {
		if f.below == nil {
			f.below = map[any]*flow{}
		}
		f.below[key] = &flow{key: key, up: f}
	}
	return f.below[key]
}

// heaviest is the network with the most waiters, at each level. Of equal ones it is the last.
func (q *Queue) heaviest() *flow {
	f := &q.root
	for len(f.turns) > 0 {
		most := f.turns[0]
		for _, n := range f.turns[1:] {
			if n.waiting >= most.waiting {
				most = n
			}
		}
		f = most
	}
	return f
}

func (q *Queue) take(f *flow) {
	q.held++
	for ; f != nil; f = f.up {
		f.held++
	}
}

// leave returns a slot, and gives free slots to the waiters whose turn it is.
func (q *Queue) leave(f *flow) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held--
	for n := f; n != nil; n = n.up {
		n.held--
	}
	f.prune()
	for q.held < q.slots && slices.ContainsFunc(q.root.turns, q.mayTake) {
		next := q.next()
		w := next.queue[0]
		q.remove(w)
		q.take(next)
		w.done <- nil
	}
}

// Spare keeps n slots, at most all but one, from being held by a single network.
func (q *Queue) Spare(n int) { q.spared = min(n, q.slots-1) }

// mayTake reports whether one of the widest networks may hold one more slot.
func (q *Queue) mayTake(n *flow) bool { return n.held < q.slots-q.spared }

// widest is the network of f right below the root.
func (f *flow) widest() *flow {
	for f.up.up != nil {
		f = f.up
	}
	return f
}

// next is the network whose turn it is, and ends its turn at each level. A network that may take a slot must be
// waiting.
func (q *Queue) next() *flow {
	f := &q.root
	for len(f.turns) > 0 {
		share := (q.slots + len(f.below) - 1) / len(f.below)
		i := slices.IndexFunc(f.turns, func(n *flow) bool {
			return n.held < share &&
				(n.up != &q.root || q.mayTake(n))
		})
		if i < 0 {
			i = max(0, slices.IndexFunc(f.turns, func(n *flow) bool { return n.up == &q.root && q.mayTake(n) }))
		}
		turn := f.turns[i]
		f.turns = append(slices.Delete(f.turns, i, i+1), turn)
		f = turn
	}
	return f
}

// remove takes a waiter out of the queue. A network without waiters has no turn.
func (q *Queue) remove(w *waiter) {
	q.waiting--
	f := w.flow
	f.queue = slices.DeleteFunc(f.queue, func(other *waiter) bool { return other == w })
	for ; f != nil; f = f.up {
		if f.waiting--; f.waiting == 0 && f.up != nil {
			f.up.turns = slices.DeleteFunc(f.up.turns, func(other *flow) bool { return other == f })
		}
	}
}

// refuse sends a waiter away, with ErrCrowded when its network has others that wait or hold slots.
func (q *Queue) refuse(w *waiter) {
	w.done <- w.flow.refusal()
	q.remove(w)
	w.flow.prune()
}

// giveUp ends the waiting of w. It returns nil when a slot came meanwhile.
func (q *Queue) giveUp(w *waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	default:
	}
	q.refuse(w)
	return <-w.done
}

func (f *flow) refusal() error {
	for ; f.up != nil; f = f.up {
		if f.held+f.waiting > 1 {
			return ErrCrowded
		}
	}
	return ErrBusy
}

// prune removes networks without slots and waiters.
func (f *flow) prune() {
	for ; f.up != nil && f.held+f.waiting == 0; f = f.up {
		delete(f.up.below, f.key)
	}
}
