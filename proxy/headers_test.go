package proxy

import (
	"net/http"
	"strconv"
	"testing"
)

func TestHeadersOfOneRequestAreNotThoseOfTheNext(t *testing.T) {
	for _, n := range []int{0, 1, headersMost, headersMost + 1, 1000} {
		for _, room := range []int{1, headersMost, headersMost + 1} {
			x := headers{reused: true}
			h := x.take(room)
			if len(h) != 0 {
				t.Fatalf("with room for %d: a new map has %v", room, h)
			}
			for i := range n {
				h.Set("X-"+strconv.Itoa(i), "secret")
			}
			x.giveBack()
			x.giveBack() // a second time it is another's
			a, b := headers{reused: true}, headers{reused: true}
			first, second := a.take(1), b.take(1)
			first.Set("X-First", "1")
			if len(first) != 1 || len(second) != 0 {
				t.Errorf("after %d headers: the next two have %v and %v", n, first, second)
			}
			a.giveBack()
			b.giveBack()
		}
	}
}

func TestHeadersThatSomebodyMayStillReadAreNotUsedAgain(t *testing.T) {
	var x headers
	h := x.take(1)
	h["X-Own"] = []string{"1"}
	x.giveBack()
	if got := (http.Header{"X-Own": {"1"}}); len(h) != len(got) {
		t.Errorf("got %v, want %v", h, got)
	}
}
