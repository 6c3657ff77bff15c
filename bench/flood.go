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
	// floodSignIns sign-ins are under way all the time, each for another account and from another network.
	floodSignIns = 500
	// floodRate is the signed-in traffic beside the flood, in requests a second.
	floodRate = 200
	// floodTurns is how often the traffic is measured with and without the flood. The medians count.
	floodTurns = 5
	// hashMemory is the memory that hashing one password takes, in bytes.
	hashMemory = 19 << 20
)

// flooded holds the effect of a flood of sign-ins on signed-in traffic.
type flooded struct {
	quiet, p99 time.Duration
	hashing    int64 // bytes of the processes that hash passwords
	gate       int64 // bytes that the gate itself takes more than before
}

// serveFlood signs in with wrong passwords until it is ended. Its args are the gate's address and its public
// host.
func serveFlood(args []string) error {
	transport := &http.Transport{MaxIdleConnsPerHost: floodSignIns}
	fmt.Fprintln(os.Stdout, "flooding")
	var wg sync.WaitGroup
	for i := range floodSignIns {
		wg.Go(func() {
			for n := 0; ; n++ {
				form := url.Values{"email": {fmt.Sprintf("flood%d-%d@example.com", i, n)},
					"password": {"not the right one"}}.Encode()
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

// flood measures signed-in traffic at a low rate, alternately with and without a flood of sign-ins.
func (s *site) flood(ctx context.Context, o options, token string, res *results) error {
	fmt.Fprintf(os.Stderr, "bench: %d sign-ins at once\n", floodSignIns)
	g, err := s.startGate(ctx, s.program, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8")
	if err != nil {
		return err
	}
	defer g.child.stop()
	f := &flooding{gate: g, job: job{Address: g.address, Request: s.request(o.path, g.named(token)),
		Connections: o.connections, Duration: 2 * o.turn, Rate: floodRate}}
	var quiet, busy []float64
	for range floodTurns {
		without, err := f.load(ctx)
		if err != nil {
			return err
		}
		with, err := f.loadInFlood(ctx)
		if err != nil {
			return err
		}
		quiet, busy = append(quiet, float64(without.P99)), append(busy, float64(with.P99))
	}
	res.flood = flooded{time.Duration(newSpread(quiet).median), time.Duration(newSpread(busy).median),
		f.hashing, f.after - f.before}
	return nil
}

// flooding is the gate that is flooded, and its memory at each point.
type flooding struct {
	gate                   gate
	job                    job
	hashing, before, after int64
}

// load does the job after a warm-up that does not count. A gate that has just started is slow for other
// reasons, and so is a flood that has just begun.
func (f *flooding) load(ctx context.Context) (load, error) {
	warm := f.job
	warm.Duration = 2 * slice
	if _, err := runLoad(ctx, warm); err != nil {
		return load{}, err
	}
	l, err := runLoad(ctx, f.job)
	if err != nil {
		return load{}, err
	}
	if f.before == 0 {
		f.before, err = resident(f.gate.child.pid())
	}
	return l, err
}

func (f *flooding) loadInFlood(ctx context.Context) (load, error) {
	flood, _, err := startServer(ctx, "flood", f.gate.address, f.gate.publicHost())
	if err != nil {
		return load{}, err
	}
	defer flood.stop()
	l, err := f.load(ctx)
	if err != nil {
		return load{}, err
	}
	own, err := resident(f.gate.child.pid())
	if err != nil {
		return load{}, err
	}
	f.after = max(f.after, own)
	hashing, err := childrenResident(f.gate.child.pid())
	f.hashing = max(f.hashing, hashing)
	return l, err
}

// hashSlots is how many passwords the gate hashes at once. One core is left for other requests.
func hashSlots() int64 { return int64(max(1, runtime.GOMAXPROCS(0)-1)) }
