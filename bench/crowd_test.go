package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// The processes of a measurement are this program in other roles.
func TestMain(m *testing.M) {
	if role := findRole(os.Args); role != nil {
		if err := role(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// One small round of all that connections are measured by goes through. What it costs fails nothing.
func TestASmallRoundOfConnections(t *testing.T) {
	if !supported {
		t.Skip("needs Linux")
	}
	runtime.LockOSThread() // the children end with it
	defer runtime.UnlockOSThread()
	c := &crowd{site: &site{}, rounds: 1, idleRounds: 1, connections: 50, turn: slice, bytes: 4 << 20}
	defer c.Close()
	err := c.measure(t.Context())
	if err != nil && os.Getenv("CI") == "" && strings.Contains(err.Error(), "no PostgreSQL server programs") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.print(&b); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"50 idle connections", "WebSocket", "event stream", "a new TLS connection",
		"a long download", "a long upload"} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("no row %q in\n%s", row, b.String())
		}
	}
}

func longWithin() *crowdResults {
	r := &crowdResults{}
	for i := range r.long {
		r.long[i] = transfers{costs{[]float64{100}, []float64{105}}, []float64{0}, []float64{flatLimit}}
	}
	return r
}

// A figure of a long transfer beyond its limit is named.
func TestLongTransfersHaveLimits(t *testing.T) {
	t.Parallel()
	if err := longWithin().check(); err != nil {
		t.Errorf("figures at their limits: %v", err)
	}
	for what, spoil := range map[string]func(*crowdResults){
		"download costs": func(r *crowdResults) { r.long[download].gate[0]++ },
		"upload costs":   func(r *crowdResults) { r.long[upload].gate[0]++ },
		"download takes": func(r *crowdResults) { r.long[download].gateGrown[0]++ },
		"upload takes":   func(r *crowdResults) { r.long[upload].gateGrown[0]++ },
	} {
		r := longWithin()
		spoil(r)
		if err := r.check(); err == nil || !strings.Contains(err.Error(), what) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Fewer connections than wanted are measured where too few files may be open, and the table says so.
func TestTooFewFilesAreSaid(t *testing.T) {
	t.Parallel()
	c := &crowd{connections: 9800, files: 20_000, bytes: 1 << 30, res: *longWithin()}
	c.res.tls = costs{[]float64{1}, []float64{1}}
	for i := range c.res.idle {
		c.res.idle[i] = idle{costs{[]float64{1}, []float64{1}}, []float64{1}, []float64{1}}
	}
	const said = "10000 idle connections need 20400 open files in a process (ulimit -Hn), and it may have 20000"
	for connections, want := range map[int]bool{9800: true, idleWanted: false} {
		c.connections = connections
		var b bytes.Buffer
		if err := c.print(&b); err != nil || strings.Contains(b.String(), said) != want {
			t.Errorf("%d connections: %v\n%s", connections, err, b.String())
		}
	}
}
