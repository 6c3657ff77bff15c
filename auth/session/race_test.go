package session

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

type endless struct{}

func (endless) Still(Session) bool { return true }
func (endless) End()               {}
func (endless) Moved() bool        { return true }

// A second change that is heard while PostgreSQL's answer about the first is on its way is not lost with it.
func TestWhatIsToldDuringALookUpIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	s := &Reader{cache: newCache(time.Minute), holds: newHolds()}
	s.Hold(Session{ID: "session", User: User{ID: "ada"}, until: time.Now().Add(time.Hour)}, endless{})
	s.Changed("ada")
	list, asked, generation := s.holds.suspects(true), time.Now(), s.cache.generation.Load()
	s.Changed("ada")
	s.answerHolds(list, map[heldBy]*found{{"session", false}: {left: time.Hour}}, asked, generation)
	if len(s.holds.suspects(true)) != 1 {
		t.Error("nothing is in doubt any more")
	}
	s.answerHolds(list, map[heldBy]*found{{"session", false}: {left: time.Hour}}, time.Now(), s.cache.generation.Load())
	if len(s.holds.suspects(true)) != 0 {
		t.Error("it stays in doubt after an answer that is younger than every change")
	}
}

// A change that comes while a hold waits to be noted is not lost between the two.
func TestWhatIsToldWhileAHoldBeginsIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	for range 1000 {
		s := &Reader{cache: newCache(time.Minute), holds: newHolds()}
		var h *Hold
		var begun sync.WaitGroup
		s.holds.mu.Lock() // as while the watcher looks through them
		begun.Go(func() {
			h = s.Hold(Session{ID: "session", User: User{ID: "ada"}, until: time.Now().Add(time.Hour)}, endless{})
		})
		for range 100 {
			runtime.Gosched() // until it waits for the lock, most times
		}
		s.holds.mu.Unlock()
		s.Changed("ada")
		begun.Wait()
		if h.suspect.IsZero() {
			t.Fatal("it is believed to be valid for another hour")
		}
	}
}

// However many wait for a query that fails, they wait for that one only.
func TestAFailedLookUpFailsForAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const waiting = 5 * maxBatch
		broken, queries := errors.New("broken"), 0
		l := &lookups{query: func([]string) ([]found, error) {
			queries++
			time.Sleep(time.Second)
			return nil, broken
		}}
		failed := make(chan error, waiting)
		for range waiting {
			go func() {
				_, err := l.find(context.Background(), secret.NewToken().Hash())
				failed <- err
			}()
		}
		for range waiting {
			if err := <-failed; !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		}
		if queries != 1 {
			t.Errorf("%d queries, one after the other", queries)
		}
	})
}

// A query that takes long and succeeds is no reason to wait for ever for one's turn.
func TestNobodyWaitsLongerThanAVisitorMay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lookups{query: func([]string) ([]found, error) { time.Sleep(database.Timeout); return nil, nil }}
		var wait sync.WaitGroup
		for range 8 * maxBatch {
			wait.Go(func() {
				began := time.Now()
				_, err := l.find(context.Background(), secret.NewToken().Hash())
				if took := time.Since(began); took > lookupPatience || err != nil && !errors.Is(err, errSlow) {
					t.Errorf("%v after %v", err, took)
				}
			})
		}
		wait.Wait()
		time.Sleep(time.Minute)
		l.mu.Lock()
		defer l.mu.Unlock()
		if n := l.waiting.Len(); n != 0 || l.flying {
			t.Errorf("%d wait; a query is under way: %v", n, l.flying)
		}
	})
}

// Whoever has left is not asked for.
func TestWhoHasLeftCostsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		l := &lookups{query: func(tokens []string) ([]found, error) {
			asked = append(asked, len(tokens))
			time.Sleep(time.Second)
			return nil, nil
		}}
		go l.find(context.Background(), "the first")
		synctest.Wait()
		ctx, leave := context.WithCancel(context.Background())
		for i := range 10 * maxBatch {
			go l.find(ctx, fmt.Sprint(i))
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		if _, err := l.find(context.Background(), "the last"); err != nil {
			t.Error(err)
		}
		if !slices.Equal(asked, []int{1, 1}) {
			t.Errorf("asked for %v, want the first and the last", asked)
		}
	})
}

// What goes wrong in one query, even so, is over with it.
func TestAPanicDuringALookUpIsAnError(t *testing.T) {
	t.Parallel()
	fails := true
	l := &lookups{query: func([]string) ([]found, error) {
		if fails {
			panic("a driver's fault")
		}
		return nil, nil
	}}
	if _, err := l.find(t.Context(), "a"); !errors.Is(err, database.ErrFault) ||
		!strings.Contains(err.Error(), "a driver's fault") || database.ConnectionLost(err) {
		t.Errorf("got %v", err)
	}
	fails = false
	if _, err := l.find(t.Context(), "b"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
