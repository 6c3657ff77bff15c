package main

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/config"
)

// What goes wrong over and over is said ten times in a minute, and then how often.
func TestWarningsOverAndOverAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := newLogger(&config.Config{}, &out)
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
		if n := strings.Count(got, "page failed"); n != linesFree+2 || !strings.Contains(got, "i=499 repeats=990") || !strings.Contains(got, "i=later") {
			t.Errorf("%d lines of what failed:\n%s", n, got[strings.Index(got, "page failed"):][:500])
		}
		if another, up := strings.Count(got, "another"), strings.Count(got, "gatepost is up"); another != 3 || up != 500 {
			t.Errorf("of others there are %d and %d", another, up)
		}
	})
}

// One client fills no disk with its requests, whatever they are.
func TestTheRequestsOfOneNetworkFillNoLog(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_LOG_LEVEL=info")
	v := l.visitor(t)
	const requests = 1600
	for i := range requests {
		path := []string{"/public", "/dashboard", "/login", "/.gatepost/nothing"}[i%4]
		v.do("GET", path, nil, fmt.Sprintf("X-Forwarded-For: 2001:db8::%x", i)) // one /64
	}
	v.do("GET", "/public", nil, "X-Forwarded-For: 2001:db8:1::1")
	v.do("GET", "/public", nil)
	_ = l.cmd.Process.Signal(syscall.SIGTERM)
	l.ended()
	lines := map[string]int{}
	for line := range strings.Lines(l.log.String()) {
		for _, client := range []string{"2001:db8::", "2001:db8:1::", "127.0.0.1"} {
			if strings.Contains(line, "msg=request ") && strings.Contains(line, "client="+client) {
				lines[client]++
			}
		}
	}
	if lines["2001:db8::"] != 1000 || lines["2001:db8:1::"] != 1 || lines["127.0.0.1"] != 1 {
		t.Errorf("lines by network: %v", lines)
	}
	if want := fmt.Sprintf("network=2001:db8::/64 repeats=%d", requests-1000); !strings.Contains(l.log.String(), want) {
		t.Errorf("nothing says %s", want)
	}
}
