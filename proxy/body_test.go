package proxy

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// An app that answers while it reads may take any time, and so may a slow client. Only an app that neither reads
// nor answers is cut off.
func TestOnlyASilentAppIsTimed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers, reads, silent bool
	}{
		"silent":                       {silent: true},
		"reads, waits for the client":  {reads: true},
		"answers, then reads on":       {answers: true, reads: true},
		"answers and leaves it unread": {answers: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from, to := io.Pipe()
				ctx, b := watchBody(t.Context(), from, time.Second)
				if c.reads {
					go func() { _, _ = io.Copy(io.Discard, b) }()
				}
				synctest.Wait()
				if c.answers {
					b.stop()
				}
				if c.reads {
					_, _ = to.Write([]byte("a piece"))
				}
				time.Sleep(10 * time.Second) // in the clock of synctest
				if got := ctx.Err() != nil; got != c.silent || b.silent.Load() != c.silent {
					t.Errorf("cut off: %v, want %v", got, c.silent)
				}
				_ = to.Close()
				b.stop()
			})
		})
	}
}
