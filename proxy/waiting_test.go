package proxy

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What waits for half a second is held, the oldest first, and what has its answer before is not.
func TestWhatWaitsIsHeldAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var list []string
		w := &waiting{hold: func(x *exchange) { list = append(list, x.id) }}
		held := func() []string {
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Clone(list)
		}
		begun := func(id int) *exchange {
			x := &exchange{id: fmt.Sprint(id), start: time.Now()}
			w.add(x)
			return x
		}
		all := []*exchange{}
		for id := range 6 {
			all = append(all, begun(id))
			time.Sleep(10 * time.Millisecond)
		}
		for _, id := range []int{0, 3, 5} { // the first, one in between, the last
			w.remove(all[id])
			w.remove(all[id]) // as at the end of the request
		}
		time.Sleep(waitsAfter - 70*time.Millisecond)
		if got := held(); len(got) > 0 {
			t.Errorf("held early: %q", got)
		}
		time.Sleep(waitsAfter / 2)
		if got := held(); !slices.Equal(got, []string{"1", "2", "4"}) {
			t.Errorf("held %q", got)
		}
		w.remove(all[1]) // which is not in the list any more
		w.mu.Lock()
		if w.first != nil || w.last != nil || w.armed {
			t.Errorf("something is left: %v %v %t", w.first, w.last, w.armed)
		}
		w.mu.Unlock()
		begun(6)
		time.Sleep(waitsAfter)
		if got := held(); len(got) != 4 {
			t.Errorf("what came later is not held: %q", got)
		}
	})
}

// However many come and go, each is held once or not at all.
func TestWhatWaitsComesAndGoesAtOnce(t *testing.T) {
	t.Parallel()
	var held atomic.Int64
	w := &waiting{hold: func(*exchange) { held.Add(1) }}
	done := make(chan int64)
	for range 8 {
		go func() {
			var stayed int64
			for n := range 2000 {
				x := &exchange{start: time.Now().Add(-waitsAfter)}
				w.add(x)
				if n%3 == 0 {
					stayed++
					continue
				}
				w.remove(x)
			}
			done <- stayed
		}()
	}
	var stayed int64
	for range 8 {
		stayed += <-done
	}
	w.due()
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := held.Load(); n < stayed || w.first != nil {
		t.Errorf("held %d of %d", n, stayed)
	}
}
