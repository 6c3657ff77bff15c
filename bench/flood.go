package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	// floodSignIns are under way all the time, each at another account and from another network.
	floodSignIns = 500
	// floodRate is the signed-in traffic beside them, in requests a second.
	floodRate = 200
	// hashMemory is what one password takes while it is hashed.
	hashMemory = 19 << 20
)

// flooded is what sign-ins by the hundred do to everybody else.
type flooded struct {
	quiet, p99 time.Duration
	memory     int64 // bytes more than before
}

// serveFlood signs in with wrong passwords until it is ended. args: the address and the public host.
func serveFlood(args []string) error {
	transport := &http.Transport{MaxIdleConnsPerHost: floodSignIns}
	fmt.Fprintln(os.Stdout, "flooding")
	var wg sync.WaitGroup
	for i := range floodSignIns {
		wg.Go(func() {
			for n := 0; ; n++ {
				form := url.Values{"email": {fmt.Sprintf("flood%d-%d@example.com", i, n)}, "password": {"not the right one"}}.Encode()
				r, err := http.NewRequest(http.MethodPost, "http://"+args[0]+"/login", strings.NewReader(form))
				if err != nil {
					panic(err)
				}
				r.Host = args[1]
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", n%250, i/250, i%250))
				if res, err := transport.RoundTrip(r); err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// flood measures signed-in traffic at a low rate with and without a flood of sign-ins.
func (s *site) flood(ctx context.Context, o options, token string, res *results) error {
	fmt.Fprintf(os.Stderr, "bench: %d sign-ins at once\n", floodSignIns)
	g, err := s.startGate(ctx, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8")
	if err != nil {
		return err
	}
	defer g.child.stop()
	j := job{Address: g.address, Request: s.request(o.path, g.named(token)), Connections: o.connections, Duration: 2 * o.turn, Rate: floodRate}
	warm := j
	warm.Duration = 2 * slice // a gate that has just started is slow for other reasons, and so is a flood that has just begun
	if _, err := runLoad(ctx, warm); err != nil {
		return err
	}
	quiet, err := runLoad(ctx, j)
	if err != nil {
		return err
	}
	before, err := resident(g.child.pid())
	if err != nil {
		return err
	}
	flood, _, err := startServer(ctx, "flood", g.address, g.publicHost())
	if err != nil {
		return err
	}
	defer flood.stop()
	if _, err := runLoad(ctx, warm); err != nil {
		return err
	}
	busy, err := runLoad(ctx, j)
	if err != nil {
		return err
	}
	after, err := resident(g.child.pid())
	res.flood = flooded{quiet.P99, busy.P99, after - before}
	return err
}

// hashSlots is how many passwords the gate hashes at once: one core is left to everybody else.
func hashSlots() int64 { return int64(max(1, runtime.NumCPU()-1)) }
