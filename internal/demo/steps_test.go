package demo

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/server"
)

// Each step of the start has a line, and one that takes long has ticks, which end with it.
func TestNoStepIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		s := &steps{out: &out}
		s.of(server.OpenDatabase)
		time.Sleep(2*tickEvery + time.Second)
		s.of(server.MigrateDatabase)
		s.of(server.OpenGate)
		time.Sleep(tickEvery + time.Second)
		if err := s.done("That is all.\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * tickEvery)
		const want = `==> Starting PostgreSQL. The first time it makes its files.
    … 4 s
    … 8 s
==> Bringing the tables up to date.
==> Starting the gate and the sample app.
    … 4 s
That is all.
`
		if out.String() != want {
			t.Errorf("it says %s\nwant %s", out.String(), want)
		}
	})
}
