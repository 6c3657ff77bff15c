package auth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type endless struct{}

func (endless) Still(User) bool { return true }
func (endless) End()            {}

// A second change that is heard while PostgreSQL's answer about the first is on its way is not lost with it.
func TestWhatIsToldDuringALookUpIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	s := &Store{cache: newCache(time.Minute), holds: newHolds()}
	s.Hold(Session{ID: "session", User: User{ID: "ada"}, until: time.Now().Add(time.Hour)}, endless{})
	s.changed("ada")
	list, asked, generation := s.holds.suspects(true), time.Now(), s.cache.generation.Load()
	s.changed("ada")
	s.answerHolds(list, map[string]*found{"session": {left: time.Hour}}, asked, generation)
	if len(s.holds.suspects(true)) != 1 {
		t.Error("nothing is in doubt any more")
	}
	s.answerHolds(list, map[string]*found{"session": {left: time.Hour}}, time.Now(), s.cache.generation.Load())
	if len(s.holds.suspects(true)) != 0 {
		t.Error("it stays in doubt after an answer that is younger than every change")
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
				_, err := l.find(context.Background(), newToken().hash())
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
