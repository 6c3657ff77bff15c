package share

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
)

var (
	// ErrCrowded: the client's network has as much under way as it may while others want their share. Nothing was
	// written.
	ErrCrowded = errors.New("too much at once from this network")
	// ErrBusy: more wait, from everywhere, than can have their turn in time. Nothing was written.
	ErrBusy = errors.New("too much at once")
)

// Queue hands out slots. Networks that wait have their turns one after the other, at each of their levels, and
// while others wait none holds more than its share; alone it may have everything but what is spared. Who comes when as
// many wait as may takes the place of the last one of the network with the most.
type Queue struct {
	slots, room int // at once, and waiting
	spared      int // slots that no network has besides others, so that the first of another need not wait

	mu            sync.Mutex
	held, waiting int
	root          flow
	anonymous     int // makes each of those who count for no network a flow of its own
}

// flow is a network with slots, or with somebody who waits. Those of one network hang below it.
type flow struct {
	key           any // netip.Prefix, or a number
	up            *flow
	below         map[any]*flow
	turns         []*flow   // those below with somebody who waits, whose turn it is first
	queue         []*waiter // of the narrowest network
	held, waiting int
}

type waiter struct {
	flow *flow
	done chan error // gets nil with a slot, or why there is none
}

// NewQueue has so many slots, and lets so many wait for one.
func NewQueue(slots, room int) *Queue { return &Queue{slots: slots, room: room} }

// Enter waits for a slot, until the context ends; and no longer than patience, which ends no later, while others of the
// client's network wait or have slots too. It fails with ErrCrowded when that network is why, with ErrBusy when
// everybody is.
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

// goOn is for who has run out of patience.
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

// crowd says whether others of somebody's network wait or have slots.
func (q *Queue) crowd(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return w.flow.refusal() == ErrCrowded
}

// Full says why somebody who came now would be sent away; nil: there is room, or somebody else would go.
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

// Load is how many have a slot, and how many wait.
func (q *Queue) Load() (held, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held, q.waiting
}

// join takes a slot, or a place in the queue.
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

// heaviest is the network with the most who wait, within the wider one with the most; of equal ones that who came last.
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

// leave gives a slot back, to whose turn it is.
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

// Spare keeps so many slots, at most all but one, from being had by one network alone.
func (q *Queue) Spare(n int) { q.spared = min(n, q.slots-1) }

// Slots is how many may have one at once.
func (q *Queue) Slots() int { return q.slots }

// mayTake says whether one of the widest networks may have one more slot, if there is one.
func (q *Queue) mayTake(n *flow) bool { return n.held < q.slots-q.spared }

// widest is the network right below the root.
func (f *flow) widest() *flow {
	for f.up.up != nil {
		f = f.up
	}
	return f
}

// next is the network whose turn it is; its turn is over at each level. There is one that may take a slot.
func (q *Queue) next() *flow {
	f := &q.root
	for len(f.turns) > 0 {
		share := (q.slots + len(f.below) - 1) / len(f.below)
		i := slices.IndexFunc(f.turns, func(n *flow) bool { return n.held < share && (n.up != &q.root || q.mayTake(n)) })
		if i < 0 {
			i = max(0, slices.IndexFunc(f.turns, func(n *flow) bool { return n.up == &q.root && q.mayTake(n) }))
		}
		turn := f.turns[i]
		f.turns = append(slices.Delete(f.turns, i, i+1), turn)
		f = turn
	}
	return f
}

// remove takes somebody out of the queue. Where nobody of a network waits any more, it has no turn.
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

// refuse sends somebody away: because of the network, if more of it wait or have slots.
func (q *Queue) refuse(w *waiter) {
	w.done <- w.flow.refusal()
	q.remove(w)
	w.flow.prune()
}

// giveUp is for who waits no more; the slot may have come meanwhile.
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

// prune forgets networks that have and want nothing.
func (f *flow) prune() {
	for ; f.up != nil && f.held+f.waiting == 0; f = f.up {
		delete(f.up.below, f.key)
	}
}
