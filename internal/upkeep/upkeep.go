// Package upkeep keeps background work running. A panic is logged with its stack and counted, and the work starts
// again after a pause. Work that answers a request is guarded alike, and is
// not started again.
package upkeep

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// pause is the time between a panic and the next start. Without it, work that fails at once would keep a CPU core
// busy.
const pause = time.Second

// panics counts the panics of the process, from every Watch.
var panics = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "gatepost_panics_total", Help: "Panics of work in the background, which began again after a pause, by work."},
	[]string{"work"})

// Watch reports panics to Log. The zero value logs to slog.Default.
type Watch struct{ Log *slog.Logger }

// New returns a Watch that logs to log, and registers the count of panics.
func New(log *slog.Logger, metrics prometheus.Registerer) Watch {
	metrics.MustRegister(panics)
	return Watch{log}
}

// Run runs f until it returns or ctx ends. When f panics it starts again.
func (w Watch) Run(ctx context.Context, work string, f func(context.Context)) {
	for !w.once(work, func() { f(ctx) }) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Guard returns a function that recovers from panics of f. It is for timers and one-time work, and does not start f
// again.
func (w Watch) Guard(work string, f func()) func() {
	return func() { w.once(work, f) }
}

func (w Watch) once(work string, f func()) (fine bool) {
	defer func() {
		if fault := recover(); fault != nil {
			w.tell(work, fault, debug.Stack())
		}
	}()
	f()
	return true
}

func (w Watch) tell(work string, fault any, stack []byte) {
	log := w.Log
	if log == nil {
		log = slog.Default()
	}
	panics.WithLabelValues(work).Inc()
	log.Error("work in the background panicked and begins again", "work", work, "panic",
		fmt.Sprint(fault), "stack", string(stack))
}
