package server

import "testing"

// A small heap is collected at the floor, and one that would be larger anyway by Go's own rule.
func TestPercent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		live, scanned uint64
		want          int
	}{
		{0, 0, mostPercent},
		{4 << 20, 1 << 20, mostPercent}, // and not 1200
		{16 << 20, 4 << 20, 240},
		{heapFloor / 2, 0, goPercent},
		{24 << 20, 20 << 20, goPercent}, // and not 90
		{heapFloor, 0, goPercent},
		{1 << 40, 0, goPercent},
	} {
		if got := percentFor(c.live, c.scanned); got != c.want {
			t.Errorf("%d bytes alive and %d scanned: %d, want %d", c.live, c.scanned, got, c.want)
		}
	}
}
