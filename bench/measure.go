package main

import (
	"context"
	"fmt"
	"os"
)

// publicPrefix is the part of the gate's site that anybody may see.
const publicPrefix = "/public"

// The subjects, in the order of the table.
const (
	bare = iota
	signedIn
	public
	subjectCount
)

var names = [subjectCount]string{bare: "bare proxy", signedIn: "gate, signed in", public: "gate, public"}

// subject is one thing measured: a process and the request it is sent.
type subject struct {
	pid int
	job job
}

// results holds what was measured of each subject.
type results struct {
	samples  [subjectCount][]sample // one a round
	loads    [subjectCount][]load   // one a slice
	resident [subjectCount]int64
}

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
	// First a round that does not count: heaps, pools and connections grow to what they will be.
	if err := s.round(ctx, subjects, 2*slice, &results{}); err != nil {
		return nil, err
	}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", round+1, o.rounds)
		if err := s.round(ctx, subjects, o.turn, res); err != nil {
			return nil, err
		}
	}
	for i, sub := range subjects {
		if res.resident[i], err = resident(sub.pid); err != nil {
			return nil, err
		}
	}
	return res, nil
}

func (s *site) subjects(o options, cookie string) [subjectCount]subject {
	j := func(address, path, cookie string) job {
		return job{Address: address, Request: s.request(path, cookie), Connections: o.connections, Duration: slice}
	}
	return [subjectCount]subject{
		bare:     {s.bare.pid(), j(s.bareAddress, o.path, cookie)},
		signedIn: {s.gate.pid(), j(s.gateAddress, o.path, cookie)},
		public:   {s.gate.pid(), j(s.gateAddress, publicPrefix+o.path, "")},
	}
}

// request is the same for everybody but for the session: what is cheap to proxy for one must be cheap for the other.
func (s *site) request(path, cookie string) []byte {
	cookies := "theme=dark"
	if cookie != "" {
		cookies += "; " + cookie
	}
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + s.publicHost + "\r\nUser-Agent: bench\r\n" +
		"Accept: text/html,*/*;q=0.8\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\nCookie: " + cookies + "\r\n\r\n")
}
