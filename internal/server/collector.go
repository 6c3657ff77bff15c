package server

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/upkeep"
)

const (
	// heapFloor is how large, in bytes, the heap may get before it is collected, even if less than half of it is alive.
	// That makes requests cheaper. A gate with 32 busy connections has a fifth of it alive (`make bench`).
	heapFloor = 64 << 20
	// goPercent is Go's own GOGC. What is alive may double, whatever heapFloor says.
	goPercent = 100
	// mostPercent bounds what one collection decides. In a flood all of the heap may be alive at the next one, and the
	// one after it then comes when that has multiplied, unless the first is heard of before.
	mostPercent = 400
)

// Tune has a small heap collected less often than by Go's own rule, and a large one by that rule, so that a thousand
// busy connections take no more memory for it. It does nothing when the operator sets GOGC. The returned function
// undoes it.
func Tune(env []string) (undo func()) {
	if config.Lookup(env, "GOGC") != "" {
		return func() {}
	}
	c := &collections{percent: mostPercent}
	before := debug.SetGCPercent(c.percent)
	c.await()
	return func() {
		c.over.Store(true)
		debug.SetGCPercent(before)
	}
}

// collections sets GOGC anew after each collection.
type collections struct {
	percent int
	over    atomic.Bool
}

// mark is dropped at once, so that the next collection finds it. It has a pointer: others share their memory.
type mark struct{ of *collections }

// await has done called after the next collection.
func (c *collections) await() {
	runtime.AddCleanup(&mark{c}, func(c *collections) {
		upkeep.Watch{}.Guard("tune the collector", c.done)()
	}, c)
}

func (c *collections) done() {
	if c.over.Load() {
		return
	}
	defer c.await() // so that no two of these run at once
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(s)
	// Setting it stops the program for a moment, so small differences are left.
	p := percentFor(s[0].Value.Uint64(), s[1].Value.Uint64()+s[2].Value.Uint64())
	if d := p - c.percent; d > c.percent/10 || -d > c.percent/10 || p == goPercent && d != 0 {
		c.percent = p
		debug.SetGCPercent(p)
	}
}

// percentFor is the GOGC by which a heap of which so many bytes are alive is collected at heapFloor. Go adds what it
// scans besides: next = live + (live + scanned) × GOGC / 100.
func percentFor(live, scanned uint64) int {
	if live >= heapFloor {
		return goPercent
	}
	return int(min(max((heapFloor-live)*100/max(live+scanned, 1), goPercent), mostPercent)) //nolint:gosec // it is small
}
