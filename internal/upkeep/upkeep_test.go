package upkeep

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Work that panics is logged, counted and started again, and ends when it returns.
func TestWorkThatPanicsBeginsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		metrics := prometheus.NewRegistry()
		w := New(slog.New(slog.NewTextHandler(&log, nil)), metrics)
		begun, began := 0, time.Now()
		w.Run(t.Context(), "counting", func(context.Context) {
			if begun++; begun < 3 {
				panic("a mistake")
			}
		})
		if begun != 3 || time.Since(began) != 2*pause {
			t.Errorf("begun %d times in %s", begun, time.Since(began))
		}
		if counted, err := metrics.Gather(); err != nil || len(counted) != 1 ||
			counted[0].GetMetric()[0].GetCounter().GetValue() != 2 {
			t.Errorf("counted: %v, %v", counted, err)
		}
		if said := log.String(); strings.Count(said, "work=counting") != 2 || !strings.Contains(said, "a mistake") ||
			!strings.Contains(said, "upkeep_test.go") {
			t.Errorf("the log says %s", said)
		}
	})
}

// Work does not start again after its context ends, and a panic in guarded work does not end the process.
func TestWorkEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := Watch{Log: slog.New(slog.DiscardHandler)}
		w.Run(ctx, "ending", func(context.Context) { cancel(); panic("late") })
		done := make(chan struct{})
		time.AfterFunc(time.Minute, w.Guard("once", func() { close(done); panic("too") }))
		<-done
		synctest.Wait()
	})
}
