// Package upkeep keeps work in the background going: a panic in it is logged with its stack and counted, and the work
// begins again after a pause. It never hides one: a gate that runs half says so. What answers a request is not its
// business.
package upkeep

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Pause is how long work rests after a panic. What fails at once, again and again, must not take a core.
const Pause = time.Second

// panics are those of the process, whoever noticed them.
var panics = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "gatepost_panics_total", Help: "Panics of work in the background, which began again after a pause, by work."}, []string{"work"})

// Watch is where panics are told. The zero value logs to slog.Default.
type Watch struct{ Log *slog.Logger }

// New shows the count of panics to a registry.
func New(log *slog.Logger, metrics prometheus.Registerer) Watch {
	metrics.MustRegister(panics)
	return Watch{log}
}

// Run does work until it returns or ctx ends, and begins it again when it panics.
func (w Watch) Run(ctx context.Context, work string, f func(context.Context)) {
	for !w.once(work, func() { f(ctx) }) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(Pause):
		}
	}
}

// Guard is a function that may panic, for timers and for what is done once: the next time is its next chance.
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
	log.Error("work in the background panicked and begins again", "work", work, "panic", fmt.Sprint(fault), "stack", string(stack))
}
