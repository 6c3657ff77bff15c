package share

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// Turns are slots for work that needs a processor, and no other thing that is scarce.
type Turns struct {
	*Queue
	// Most is how long a turn lasts at most, for work that waits without Pause.
	Most time.Duration
}

// turn is the slot of one request, which has it while leave is not nil.
type turn struct {
	of    *Turns
	mu    sync.Mutex
	leave func()
	late  *time.Timer
}

type turnKey struct{}

// InTurns returns a context for work that takes turns: Work waits for one, and Pause gives it back.
func InTurns(ctx context.Context, t *Turns) context.Context {
	return context.WithValue(ctx, turnKey{}, &turn{of: t})
}

// TakesTurns reports whether ctx is of InTurns.
func TakesTurns(ctx context.Context) bool { return turnOf(ctx) != nil }

func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// Work waits for a turn of ctx, unless ctx has one or takes none. It fails with the error of ctx when that ends, else
// with ErrCrowded or ErrBusy, as Enter does.
func Work(ctx context.Context) error {
	t := turnOf(ctx)
	if t == nil || t.has() {
		return nil
	}
	leave, err := t.of.Enter(ctx, ctx)
	if err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	t.take(leave)
	return nil
}

// Pause gives the turn of ctx back. Call it before the work waits for something else than a processor.
func Pause(ctx context.Context) {
	if t := turnOf(ctx); t != nil {
		t.giveBack()
	}
}

func (t *turn) has() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leave != nil
}

func (t *turn) take(leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave, t.late = leave, time.AfterFunc(t.of.Most, upkeep.Watch{}.Guard("end a turn", t.giveBack))
}

func (t *turn) giveBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leave != nil {
		t.late.Stop()
		t.leave()
		t.leave = nil
	}
}
