package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
)

// publicPrefix is the path of the site that the gate serves without a sign-in.
const publicPrefix = "/public"

// The subjects, in the order of the table.
const (
	bare = iota
	public
	signedIn
	asking    // signed in, and every request asks PostgreSQL
	asserting // signed in, and the app gets a signed assertion
	checked   // a proxy asks whether a signed-in request may pass, and forwards it itself
	other     // signed in, through another build of the gate, if there is one
	subjectCount
)

var names = [subjectCount]string{bare: "bare proxy", public: "gate, public", signedIn: "gate, signed in",
	asking: "gate, signed in, no cache", asserting: "gate, assertion", checked: "forward-auth check",
	other: "other gate, signed in"}

// limits are the most that each subject may cost, in times of the bare proxy.
var limits = [subjectCount]float64{public: 0.92, signedIn: 0.95, asking: 1.25, asserting: 1.25, checked: 0.60}

// subject is one thing to measure: its processes, and the job that loads it.
type subject struct {
	pid int // a process whose own time counts; make bench does not measure a subject without one
	job job
	// beside are processes whose time counts with that of their children.
	beside []int
}

// measured returns the indexes of the subjects that are measured.
func measured(subjects [subjectCount]subject) (list []int) {
	for i, sub := range subjects {
		if sub.pid != 0 {
			list = append(list, i)
		}
	}
	return list
}

// results holds the measurements of each subject.
type results struct {
	samples  [subjectCount][]sample // one for each round
	logging  []float64              // the log's share of a signed-in request, in each comparison
	steady   [subjectCount][]load   // at a fixed rate, one for each round
	resident [subjectCount]int64    // bytes with manyConnections open
	starts   []float64              // milliseconds until the gate answers
	flood    flooded
}

const (
	// manyConnections are open while memory is measured.
	manyConnections = 1000
	// startsMeasured is how often the gate is started.
	startsMeasured = 7
)

func measure(ctx context.Context, o options) (*results, error) {
	s := &site{}
	defer s.Close()
	fmt.Fprintln(os.Stderr, "bench: building and starting")
	if err := s.open(ctx, o); err != nil {
		return nil, err
	}
	cookie, err := s.signUp(ctx)
	if err != nil {
		return nil, err
	}
	res, subjects := &results{}, s.subjects(o, cookie)
	// The first round does not count: heaps, pools and connections grow to their usual size.
	if err := s.round(ctx, subjects, 2*slice, &results{}); err != nil {
		return nil, err
	}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", round+1, o.rounds)
		if err := s.round(ctx, subjects, o.turn, res); err != nil {
			return nil, err
		}
	}
	if res.logging, err = s.logged(ctx, subjects[signedIn], o, cookie); err != nil {
		return nil, err
	}
	if err := s.steadily(ctx, o, subjects, res); err != nil {
		return nil, err
	}
	if err := s.crowded(ctx, subjects, res); err != nil {
		return nil, err
	}
	if err := s.flood(ctx, o, cookie, res); err != nil {
		return nil, err
	}
	return res, s.restarts(ctx, res)
}

// steadily measures latencies at a rate that leaves the machine idle time, by turns. Requests are due at fixed
// moments, and the time that a request waits for the one before it counts.
func (s *site) steadily(ctx context.Context, o options, subjects [subjectCount]subject, res *results) error {
	fmt.Fprintf(os.Stderr, "bench: %d requests a second\n", o.rate)
	for range o.rounds {
		for _, i := range measured(subjects) {
			j := subjects[i].job
			j.Rate, j.Duration = o.rate, min(o.turn, 2*slice)
			l, err := runLoad(ctx, j)
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			res.steady[i] = append(res.steady[i], l)
		}
	}
	return nil
}

// crowded measures memory while many connections are open and busy.
func (s *site) crowded(ctx context.Context, subjects [subjectCount]subject, res *results) error {
	fmt.Fprintf(os.Stderr, "bench: %d connections\n", manyConnections)
	for _, i := range measured(subjects) {
		j := subjects[i].job
		j.Connections, j.Duration = manyConnections, 4*slice
		done := make(chan error, 1)
		go func() { _, err := runLoad(ctx, j); done <- err }()
		for running := true; running; {
			select {
			case err := <-done:
				if err != nil {
					return fmt.Errorf("%s: %w", names[i], err)
				}
				running = false
			case <-time.After(slice / 5):
				now, err := resident(subjects[i].pid)
				if err != nil {
					return err
				}
				res.resident[i] = max(res.resident[i], now)
			}
		}
	}
	return nil
}

// restarts measures the time from the gate's start to its first answer, on a database that is up to date.
func (s *site) restarts(ctx context.Context, res *results) error {
	fmt.Fprintln(os.Stderr, "bench: starting again and again")
	for range startsMeasured {
		began := time.Now()
		g, err := s.startGate(ctx, s.program, "GATEPOST_SESSION_CACHE=30s")
		if err != nil {
			return err
		}
		res.starts = append(res.starts, time.Since(began).Seconds()*1e3)
		g.child.stop()
	}
	return nil
}

// through is the subject that sends a signed-in request through a gate.
func (s *site) through(g gate, o options, cookie string) subject {
	return subject{pid: g.child.pid(), job: job{Address: g.address, Request: s.request(o.path, g.named(cookie)),
		Connections: o.connections, Duration: slice}}
}

func (s *site) subjects(o options, cookie string) [subjectCount]subject {
	j := func(address, path, cookie string) job {
		return job{Address: address, Request: s.request(path, cookie), Connections: o.connections, Duration: slice}
	}
	list := [subjectCount]subject{
		bare:     {pid: s.bare.pid(), job: j(s.bareAddress, o.path, s.keeping.named(cookie))},
		public:   {pid: s.keeping.child.pid(), job: j(s.keeping.address, publicPrefix+o.path, "")},
		signedIn: s.through(s.keeping, o, cookie),
		asking:   s.through(s.asking, o, cookie),
		checked: {pid: s.keeping.child.pid(), job: job{Address: s.asks,
			Request: s.question(o.path, s.keeping.named(cookie)), Connections: o.connections, Duration: slice}},
		asserting: s.through(s.asserting, o, cookie),
	}
	if o.against != "" {
		list[other] = s.through(s.other, o, cookie)
	}
	return list
}

// request makes the same request for all subjects, apart from the session cookie, so that all of them proxy the
// same amount of data.
func (s *site) request(path, cookie string) []byte {
	cookies := "theme=dark"
	if cookie != "" {
		cookies += "; " + cookie
	}
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + s.keeping.publicHost() + "\r\nUser-Agent: bench\r\n" +
		"Accept: text/html,*/*;q=0.8\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\nCookie: " + cookies +
		"\r\n\r\n")
}

// question is how Caddy asks about the same request.
func (s *site) question(path, cookie string) []byte {
	request := bytes.Replace(s.request(path, cookie), []byte(path), []byte("/authz/caddy"), 1)
	return bytes.Replace(request, []byte("Accept:"), []byte("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: "+
		s.keeping.publicHost()+"\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Uri: "+path+
		"\r\nAccept:"), 1)
}
