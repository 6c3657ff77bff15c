package server

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/config"
)

// A repeated warning is written ten times in a minute, and then once with the number of the others.
func TestWarningsOverAndOverAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := NewLogger(&config.Config{}, &out)
		for i := range 500 {
			log.Error("page failed", "i", i)
			log.With("gate", 1).Error("page failed", "i", i)
			if i < 3 {
				log.Warn("another", "i", i)
			}
			log.Info("gatepost is up", "i", i)
		}
		time.Sleep(2 * linesEvery)
		synctest.Wait()
		log.Error("page failed", "i", "later")
		got := out.String()
		if n := strings.Count(got, "page failed"); n != linesFree+2 || !strings.Contains(got, "i=499 repeats=990") ||
			!strings.Contains(got, "i=later") {
			t.Errorf("%d lines of what failed:\n%s", n, got[strings.Index(got, "page failed"):][:500])
		}
		if another, up := strings.Count(got, "another"), strings.Count(got, "gatepost is up"); another != 3 ||
			up != 500 {
			t.Errorf("of others there are %d and %d", another, up)
		}
	})
}
