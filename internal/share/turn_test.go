package share

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// oneTurn is Turns with a single slot.
func oneTurn(most time.Duration) *Turns { return &Turns{NewQueue(1, 10), most} }

// works begins work and reports, in a channel, how waiting for the turn ended.
func works(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- Work(ctx) }()
	synctest.Wait()
	return done
}

func isDone(c <-chan error) bool { return len(c) > 0 }

func TestOnlyWhoHasATurnWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := oneTurn(time.Hour)
		first, second := InTurns(as(t.Context(), "192.0.2.1"), q), InTurns(as(t.Context(), "192.0.2.2"), q)
		for range 2 {
			if !isDone(works(first)) {
				t.Fatal("who has the turn does not go on")
			}
		}
		waits := works(second)
		if isDone(waits) {
			t.Fatal("two work in one slot")
		}
		Pause(first)
		Pause(first)
		if synctest.Wait(); !isDone(waits) {
			t.Fatal("who pauses keeps the turn")
		}
		again := works(first)
		if isDone(again) {
			t.Error("who has paused goes on without a turn")
		}
		Pause(second)
		if synctest.Wait(); !isDone(again) {
			t.Error("who has paused gets no other turn")
		}
	})
}

func TestATurnEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := oneTurn(10 * time.Millisecond)
		first, second := InTurns(t.Context(), q), InTurns(t.Context(), q)
		works(first)
		waits := works(second)
		time.Sleep(9 * time.Millisecond)
		if synctest.Wait(); isDone(waits) {
			t.Fatal("a turn ends too early")
		}
		time.Sleep(time.Millisecond)
		if synctest.Wait(); !isDone(waits) {
			t.Fatal("a turn lasts for longer than the most")
		}
		Pause(first) // whose turn is over, and not the other's
		if held, _ := q.Load(); held != 1 {
			t.Errorf("%d hold a slot, want the second alone", held)
		}
		Pause(second)
		if held, waiting := q.Load(); held+waiting != 0 {
			t.Errorf("%d hold a slot and %d wait after all", held, waiting)
		}
	})
}

func TestWhoeverLeavesWaitsForNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := oneTurn(time.Hour)
		first := InTurns(t.Context(), q)
		ctx, leave := context.WithCancel(t.Context())
		works(first)
		waits := works(InTurns(ctx, q))
		leave()
		if synctest.Wait(); !isDone(waits) || !errors.Is(<-waits, context.Canceled) {
			t.Error("it goes on waiting, or is refused like a visitor who stays")
		}
		Pause(first)
		if held, waiting := q.Load(); held+waiting != 0 {
			t.Errorf("%d hold a slot and %d wait after all", held, waiting)
		}
	})
}

func TestWorkWithoutTurnsWaitsForNobody(t *testing.T) {
	if err := Work(t.Context()); err != nil || TakesTurns(t.Context()) {
		t.Errorf("got %v", err)
	}
	Pause(t.Context())
}
