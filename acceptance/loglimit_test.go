package acceptance_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// A single client cannot fill the disk with the log of its requests.
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
