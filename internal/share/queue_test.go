package share

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// as is the context of a client.
func as(ctx context.Context, addr string) context.Context {
	return FromClient(ctx, netip.MustParseAddr(addr))
}

// fair is a Queue with the methods that a test needs.
type fair struct{ *Queue }

func newFair(slots, room int) *fair { return &fair{NewQueue(slots, room)} }

func (q *fair) sparing() *fair                            { q.Spare(1); return q }
func (q *fair) enter(ctx context.Context) (func(), error) { return q.Enter(ctx, ctx) }
func (q *fair) full(addr string) error                    { return q.Full(as(context.Background(), addr)) }
func (q *fair) Waiting() int                              { _, n := q.Load(); return n }
func (q *fair) Held() int                                 { n, _ := q.Load(); return n }
func (q *fair) Networks() int                             { return len(q.root.below) }

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// turns records the order of turns.
type turns struct {
	mu   sync.Mutex
	list []string
}

// wants makes a client wait for its turn, and hold the slot for a while.
func (l *turns) wants(t *testing.T, q *fair, addr string) {
	go func() {
		leave, err := q.enter(as(t.Context(), addr))
		if err != nil {
			return
		}
		l.mu.Lock()
		l.list = append(l.list, addr)
		l.mu.Unlock()
		time.Sleep(25 * time.Millisecond)
		leave()
	}()
	synctest.Wait() // so that the queue is in the order of the calls
}

// A client waits for at most one turn of each other network, however many of that network wait, at each level of
// networks.
func TestNetworksTakeTurns(t *testing.T) {
	for name, c := range map[string]struct {
		hostile  func(i int) string
		neighbor string
	}{
		"one address":        {func(int) string { return "203.0.113.1" }, "198.51.100.1"},
		"a /24":              {func(i int) string { return fmt.Sprintf("203.0.113.%d", i+1) }, "198.51.100.1"},
		"within a /24":       {func(int) string { return "203.0.113.1" }, "203.0.113.2"},
		"a /64":              {func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }, "2001:db8:0:1::1"},
		"a /56":              {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i+1) }, "2001:db8:0:100::1"},
		"a /48":              {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", 256*i) }, "2001:db8:1::1"},
		"IPv4 in IPv6":       {func(i int) string { return fmt.Sprintf("::ffff:203.0.113.%d", i+1) }, "198.51.100.1"},
		"this very computer": {func(int) string { return "203.0.113.1" }, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, l := newFair(1, 150), &turns{}
				for i := range 100 {
					l.wants(t, q, c.hostile(i))
				}
				l.wants(t, q, c.neighbor)
				time.Sleep(time.Minute)
				l.mu.Lock()
				defer l.mu.Unlock()
				// One network has the slot, and another one may have its turn.
				for i, who := range l.list {
					if who == c.neighbor && i > 2 {
						t.Errorf("the neighbor was number %d", i+1)
					}
				}
				if len(l.list) != 101 {
					t.Errorf("%d of 101 had a turn", len(l.list))
				}
			})
		})
	}
}

// A client of another network gets the spared slot at once. Then the networks take turns.
func TestOneNetworkLeavesASlotToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, l := newFair(3, 100).sparing(), &turns{}
		for range 10 {
			l.wants(t, q, "203.0.113.1")
		}
		if q.Held() != 2 {
			t.Errorf("one network has %d slots", q.Held())
		}
		l.wants(t, q, "198.51.100.1")
		if q.Held() != 3 {
			t.Errorf("another waits, and %d slots are held", q.Held())
		}
		l.wants(t, q, "192.0.2.1")
		time.Sleep(time.Minute)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.list) != 12 || q.Held() != 0 || q.Waiting() != 0 || q.Networks() != 0 {
			t.Errorf("%d of 12 had a turn, %d hold a slot, %d wait", len(l.list), q.Held(), q.Waiting())
		}
	})
}

// A single network can have every slot. Once another one waits, it gets no more than its share.
func TestSharesBindWhileOthersWait(t *testing.T) {
	t.Parallel()
	q := newFair(4, 100)
	var leave []func()
	for range 4 {
		l, err := q.enter(as(t.Context(), "203.0.113.1"))
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	got := make(chan string, 6)
	wants := func(addr string) {
		before := q.Waiting()
		go func() {
			if _, err := q.enter(as(t.Context(), addr)); err == nil {
				got <- addr
			}
		}()
		eventually(t, "it waits", func() bool { return q.Waiting() > before })
	}
	for range 3 {
		wants("203.0.113.1")
	}
	wants("198.51.100.1")
	wants("198.51.100.1")
	leave[0]()
	leave[1]()
	for range 2 {
		if who := <-got; who != "198.51.100.1" {
			t.Errorf("%s had a slot beyond its share", who)
		}
	}
	leave[2]() // both have two, so a waiter has the turn
	if who := <-got; who != "203.0.113.1" {
		t.Errorf("the next was %s", who)
	}
}

// The network that fills the queue is refused, with ErrCrowded.
func TestWhoFillsTheQueueIsRefused(t *testing.T) {
	t.Parallel()
	q := newFair(1, 10)
	if _, err := q.enter(as(t.Context(), "192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 20)
	wait := func(addr string) { go func() { _, err := q.enter(as(t.Context(), addr)); refused <- err }() }
	for range 10 {
		wait("203.0.113.1")
	}
	eventually(t, "it is full", func() bool { return q.Waiting() == 10 })
	if err := q.full("203.0.113.1"); !errors.Is(err, ErrCrowded) {
		t.Errorf("one more of the network: %v", err)
	}
	if err := q.full("198.51.100.1"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	wait("198.51.100.1")
	if err := <-refused; !errors.Is(err, ErrCrowded) {
		t.Errorf("somebody else came, and who was refused was told %v", err)
	}
	for range 3 {
		wait("203.0.113.1")
		if err := <-refused; !errors.Is(err, ErrCrowded) {
			t.Errorf("one more: %v", err)
		}
	}
	if n := q.Waiting(); n != 10 {
		t.Errorf("%d wait", n)
	}
}

// A client that gives up leaves nothing in the queue, even at the moment of its turn.
func TestAQueueForgetsWhoHasLeft(t *testing.T) {
	t.Parallel()
	q := newFair(2, 50)
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(as(t.Context(), fmt.Sprintf("203.0.%d.%d", i%5, i%7)),
				time.Duration(i%3)*time.Millisecond)
			defer cancel()
			if leave, err := q.enter(ctx); err == nil {
				leave()
			}
		})
	}
	all.Wait()
	for range 2 {
		leave, err := q.enter(as(t.Context(), "192.0.2.1"))
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	ctx, cancel := context.WithTimeout(as(t.Context(), "198.51.100.1"), time.Millisecond)
	defer cancel()
	if _, err := q.enter(ctx); err == nil || q.Networks() != 1 {
		t.Errorf("who gave up: %v; %d networks are known", err, q.Networks())
	}
	if q.Waiting() != 0 || q.Held() != 2 {
		t.Errorf("%d wait, %d have a slot, %d networks are known", q.Waiting(), q.Held(), q.Networks())
	}
}

// However narrow the networks that fill the queue are, a client from another network finds room.
func TestAFullQueueHasRoomForOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hostile  func(i int) string
		neighbor string
	}{
		"one address":   {func(int) string { return "203.0.113.1" }, "203.0.113.2"},
		"a /24":         {func(i int) string { return fmt.Sprintf("203.0.113.%d", i+1) }, "198.51.100.1"},
		"a /56":         {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) }, "2001:db8:0:100::1"},
		"a /48":         {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", 256*i) }, "2001:db8:1::1"},
		"a pair of /24": {func(i int) string { return fmt.Sprintf("203.0.%d.%d", i%2, i) }, "198.51.100.1"},
	} {
		q := newFair(1, 20)
		for i := range 21 {
			go func() { _, _ = q.enter(as(t.Context(), c.hostile(i))) }()
		}
		eventually(t, "it is full", func() bool { return q.Waiting() == 20 })
		if err := q.full(c.neighbor); err != nil {
			t.Errorf("%s: somebody else: %v", name, err)
		}
		if err := q.full(c.hostile(0)); !errors.Is(err, ErrCrowded) {
			t.Errorf("%s: one more of them: %v", name, err)
		}
		before := q.Waiting()
		waits := make(chan error, 1)
		go func() { _, err := q.enter(as(t.Context(), c.neighbor)); waits <- err }()
		select {
		case err := <-waits:
			t.Errorf("%s: the neighbor was sent away: %v", name, err)
		case <-time.After(10 * time.Millisecond): // a neighbour that is refused is refused at once
		}
		if q.Waiting() != before {
			t.Errorf("%s: %d wait, then %d", name, before, q.Waiting())
		}
	}
}

func TestWhoWaitsInVainLearnsWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, second string
		want          error
	}{
		"others have it":      {"203.0.113.1", "198.51.100.1", ErrBusy},
		"its own network":     {"203.0.113.1", "203.0.113.1", ErrCrowded},
		"a wider one":         {"203.0.113.1", "203.0.113.9", ErrCrowded},
		"no network of ours":  {"127.0.0.1", "127.0.0.1", ErrBusy},
		"a private one alike": {"10.0.0.1", "10.0.0.1", ErrBusy},
	} {
		q := newFair(1, 10)
		if _, err := q.enter(as(t.Context(), c.first)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(as(t.Context(), c.second), time.Millisecond)
		if _, err := q.enter(ctx); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		cancel()
	}
}

// When patience ends, a client with others of its network beside it is refused, and one that is alone goes on
// waiting.
func TestWhoIsAloneGoesOnWaiting(t *testing.T) {
	t.Parallel()
	q := newFair(1, 10)
	leave, err := q.enter(as(t.Context(), "203.0.113.1"))
	if err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := q.Enter(as(t.Context(), "203.0.113.2"), over); !errors.Is(err, ErrCrowded) {
		t.Errorf("beside another of the network: %v", err)
	}
	alone := make(chan error)
	go func() { _, err := q.Enter(as(t.Context(), "198.51.100.1"), over); alone <- err }()
	eventually(t, "it waits", func() bool { return q.Waiting() == 1 })
	leave()
	if err := <-alone; err != nil {
		t.Errorf("alone: %v", err)
	}
}
