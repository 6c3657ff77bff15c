package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	const line = "7 (a) b) S 3 7 7 0 -1 4194304 100 200 0 0 120 30 4 5 20 0 1 0 100 0 0"
	got, err := parseStat(line)
	want := stat{parent: 3, children: 90 * time.Millisecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "7 (a) S 3", strings.Replace(line, " 4 5 ", " 4 x ", 1)} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestReadingThisProcess(t *testing.T) {
	t.Parallel()
	if !supported {
		t.Skip("needs Linux")
	}
	if s, err := readStat(os.Getpid()); err != nil || s.parent != os.Getppid() {
		t.Errorf("got %+v, %v, want parent %d", s, err, os.Getppid())
	}
	before := usedByNow(t)
	got, err := ownCPUTime(os.Getpid())
	if after := usedByNow(t); err != nil || got.Truncate(time.Microsecond) < before ||
		got.Truncate(time.Microsecond) > after {
		t.Errorf("got %v, %v, want from %v to %v", got, err, before, after)
	}
	if _, err := treeCPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if n, err := resident(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("got %d bytes, %v, want more than a megabyte", n, err)
	}
}

// usedByNow returns the CPU time that the kernel reports to this process about itself.
func usedByNow(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestLoadGoesThroughTheBareProxy(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-Host") != "localhost:80" || r.Header.Get("Cookie") != "theme=dark; session=1" {
			http.Error(w, "not the request that was sent", http.StatusBadRequest)
		}
	}))
	defer app.Close()
	upstream, err := url.Parse(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(bareProxy(upstream))
	defer proxy.Close()
	request := (&site{gates: gates{keeping: gate{port: "80"}}}).request("/x", "session=1")
	j := job{Address: proxy.Listener.Addr().String(), Request: request, Connections: 3, Duration: 50 * time.Millisecond}
	l, err := j.run()
	if err != nil || l.Requests < j.Connections || l.P50 <= 0 || l.P99 < l.P50 {
		t.Errorf("got %+v, %v, want an answer or more on each connection", l, err)
	}
}

func TestLoadRefusesAnythingButOK(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusSeeOther, http.StatusUnauthorized, http.StatusServiceUnavailable} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
		}))
		defer s.Close()
		j := job{Address: s.Listener.Addr().String(), Request: (&site{}).request("/", ""), Connections: 1,
			Duration: time.Millisecond}
		if l, err := j.run(); err == nil {
			t.Errorf("status %d: got %+v and no error", status, l)
		}
	}
}

func TestRatioIsTakenRoundByRound(t *testing.T) {
	t.Parallel()
	spent := func(cpu time.Duration) sample { return sample{100, usage{own: cpu * time.Millisecond}} }
	r := &results{}
	for _, ms := range [][2]time.Duration{{10, 15}, {20, 40}, {10, 12}} { // a slow moment slows both subjects
		r.samples[bare] = append(r.samples[bare], spent(ms[0]))
		r.samples[signedIn] = append(r.samples[signedIn], spent(ms[1]))
	}
	if got, want := r.ratio(signedIn), (spread{1.2, 1.5, 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFiguresBeyondTheirLimitAreNamed(t *testing.T) {
	t.Parallel()
	within := func() *results {
		r := &results{starts: []float64{150}, logging: []float64{logLimit},
			flood: flooded{quiet: time.Millisecond, p99: 2 * time.Millisecond, hashing: 3 * hashMemory * hashSlots()}}
		for i, ms := range [subjectCount]time.Duration{bare: 100, public: 92, signedIn: 95, asking: 125, checked: 60} {
			r.samples[i] = []sample{{1000, usage{own: ms * time.Millisecond, postgres: 60 * time.Millisecond}}}
			r.resident[i] = 100 << 20
			r.steady[i] = []load{{P99: 110 * time.Millisecond}}
		}
		r.steady[bare][0].P99 = 100 * time.Millisecond
		r.resident[signedIn] = 140 << 20
		return r
	}
	if err := within().check(); err != nil {
		t.Errorf("figures at their limits: %v", err)
	}
	for what, spoil := range map[string]func(*results){
		"gate, public":              func(r *results) { r.samples[public][0].own += time.Millisecond },
		"gate, signed in costs":     func(r *results) { r.samples[signedIn][0].own += time.Millisecond },
		"gate, signed in, no cache": func(r *results) { r.samples[asking][0].own += time.Millisecond },
		"forward-auth check":        func(r *results) { r.samples[checked][0].own += time.Millisecond },
		"the log takes":             func(r *results) { r.logging[0] += 0.001 },
		"connections":               func(r *results) { r.resident[signedIn]++ },
		"PostgreSQL":                func(r *results) { r.samples[asking][0].postgres += time.Millisecond },
		"makes the p99":             func(r *results) { r.flood.p99++ },
		"p99 of gate, signed in":    func(r *results) { r.steady[signedIn][0].P99 += time.Millisecond },
		"p99 of gate, public":       func(r *results) { r.steady[public][0].P99 += time.Millisecond },
		"hashing takes":             func(r *results) { r.flood.hashing++ },
		"to start":                  func(r *results) { r.starts[0]++ },
	} {
		r := within()
		spoil(r)
		if err := r.check(); err == nil || !strings.Contains(err.Error(), what) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// At a fixed rate, the time that a request waits for its connection counts.
func TestWaitingForTheOneBeforeCounts(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		time.Sleep(20 * time.Millisecond)
	}))
	defer s.Close()
	j := job{Address: s.Listener.Addr().String(), Request: (&site{}).request("/", ""), Connections: 1,
		Duration: 500 * time.Millisecond, Rate: 100}
	if l, err := j.run(); err != nil || l.P99 < l.P50*14/10 {
		t.Errorf("got %+v, %v: when answers take twice the time there is, each is later than the one before", l, err)
	}
}
