package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a writer that blocks until held is closed.
type sink struct {
	held  chan struct{} // nil when it does not block
	got   bytes.Buffer
	calls int
}

func (s *sink) Write(b []byte) (int, error) {
	if s.held != nil {
		<-s.held
	}
	s.calls++
	return s.got.Write(b)
}

func TestLogLinesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to sink
		b := &BatchWriter{To: &to}
		var want strings.Builder
		for batch := range 3 {
			for i := range 100 {
				line := fmt.Sprintf("line %d of batch %d\n", i, batch)
				want.WriteString(line)
				if n, err := b.Write([]byte(line)); n != len(line) || err != nil {
					t.Fatal(n, err)
				}
			}
			time.Sleep(2 * flushEvery)
			synctest.Wait()
			if to.calls != batch+1 || to.got.String() != want.String() {
				t.Fatalf("after batch %d there were %d writes of %d bytes, want %d bytes", batch, to.calls,
					to.got.Len(), want.Len())
			}
		}
		if err := b.Flush(); err != nil || to.calls != 3 {
			t.Errorf("a flush of nothing: %v, %d writes", err, to.calls)
		}
	})
}

// Lines are collected while others are being written.
func TestLogLinesDoNotWaitForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := sink{held: make(chan struct{})}
		b := &BatchWriter{To: &to}
		_, _ = b.Write([]byte("one\n"))
		go func() { _ = b.Flush() }()
		synctest.Wait()
		_, _ = b.Write([]byte("two\n"))
		close(to.held)
		if err := b.Flush(); err != nil || to.got.String() != "one\ntwo\n" {
			t.Errorf("got %q, %v", to.got.String(), err)
		}
	})
}

// When the writer blocks, loggers wait after flushSize bytes, and no line is lost.
func TestALogNobodyReadsStopsGrowing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lines, size = 4 * flushSize / 1024, 1024
		to := sink{held: make(chan struct{})}
		b := &BatchWriter{To: &to}
		written := make(chan int, lines)
		go func() {
			for i := range lines {
				_, _ = b.Write(fmt.Appendf(nil, "%-*d\n", size-1, i))
				written <- i
			}
			_ = b.Flush()
		}()
		synctest.Wait()
		if got := len(written) * size; got >= flushSize {
			t.Errorf("%d bytes were taken off those who log", got)
		}
		close(to.held)
		synctest.Wait()
		for i := range lines {
			if line := to.got.Next(size); strings.TrimSpace(string(line)) != fmt.Sprint(i) {
				t.Fatalf("line %d is %q", i, line)
			}
		}
	})
}
