package acceptance_test

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	soakFor  = flag.Duration("soak", 0, "how long each hostile client goes on; 0: until enough answers were counted")
	soakOnly = flag.String("soak.only", "",
		"a regular expression for the names of the hostile clients that are tried; empty: all of the short form, or "+
			"of the soak")
)

// hostile is one kind of hostile client. Its neighbours are served all the same: a visitor whose session is
// cached, visitors who sign in from other networks, and a probe of the gate's health.
type hostile struct {
	name string
	// tls makes the gate end TLS, and so speak HTTP/2.
	tls bool
	// direct means that no trusted proxy is in front. All clients come from loopback, and are one network with
	// the whole limit. The gate then cannot tell a user who signs in from the attacker, and may make the user
	// wait.
	direct bool
	// networks is the number of networks that the client comes from; 0 means 1. A neighbour may have to wait
	// for as many hashes.
	networks int
	// mute clients wait for no answer, or get none before a time limit is over.
	mute bool
	// rare kinds run in `make soak` only. Each run of the tests has a similar kind.
	rare bool
	// env holds further settings of the gate.
	env    []string
	attack func(ctx context.Context, s *siege)
}

// TestNobodyClosesTheGateForOthers runs all kinds of hostile clients. It is not parallel, and `make siege` runs
// it alone, since the load would disturb other tests. With -soak it runs each kind for that long, and prints
// how long the neighbours waited.
func TestNobodyClosesTheGateForOthers(t *testing.T) {
	only, err := regexp.Compile(*soakOnly)
	if err != nil {
		t.Fatal(err)
	}
	var table []result
	towns := map[string]*town{}
	for season, k := range hostiles(t) {
		if k.rare && *soakFor == 0 && *soakOnly == "" || !only.MatchString(k.name) {
			continue
		}
		where := k.where()
		if towns[where] == nil {
			towns[where] = newTown(t, k)
		}
		s := &siege{town: towns[where], kind: k, season: season}
		stands := t.Run(k.name, func(t *testing.T) {
			s.t = t
			r := s.hold()
			t.Logf("%s", r.row())
			table = append(table, r)
		})
		if !stands || *soakFor > 0 {
			_ = s.g.cmd.Process.Kill()
			delete(towns, where)
		}
	}
	if *soakFor > 0 {
		t.Log("\n" + report(table))
	}
}

// where identifies the gate that a kind of client attacks. Kinds with equal settings share a gate.
func (k hostile) where() string { return fmt.Sprint(k.tls, k.direct, k.env) }

// Rounds that each neighbour makes without a siege, and at least under full attack.
const (
	keptRounds   = 60
	signInRounds = 3
	healthRounds = 15
)

// Bounds of a siege.
const (
	// siegeMost is how long the short form waits for its counts. A siege whose client gets no answer ends then.
	siegeMost = 8 * time.Second
	// siegeAnswers is how many answers the hostile client must have had, if it gets any.
	siegeAnswers = 1000
	// memoryRoom is how much a gate's memory may grow under any kind, in bytes.
	memoryRoom = 200 << 20
	// refusalsPerNetwork is how many rows, and lines, the refusals of one network may take in one minute: one
	// for each event, result and user. refusalsAtMost is the bound for all networks together.
	refusalsPerNetwork, refusalsAtMost = 100, 1001
	// besides is the number of connections to PostgreSQL besides the pools: one listens, one pings.
	besides = 3
)

// hold runs the hostile client and returns what the neighbours were answered.
func (s *siege) hold() result {
	s.t.Helper()
	s.copies(s.t, "mallory", fmt.Sprintf("mallory%d-", s.season), hostileAccounts)
	r := result{kind: s.kind, quiet: s.quiet, before: s.look(s.t)}
	ctx, end := context.WithCancel(s.t.Context())
	defer end()
	var attack waitGroup
	attack.Go(func() { s.kind.attack(ctx, s) })
	r.besieged = s.neighbours.visit(s.longEnough())
	r.after, r.took, r.tally = s.look(s.t), time.Since(s.began), s.tally.copy()
	end()
	attack.Wait()
	if s.judge(&r); !s.t.Failed() {
		eventually(s.t, "nothing of it is under way",
			func() bool { return gauge(s.t, s.g, "gatepost_requests_in_flight") == 0 })
	}
	return r
}

// longEnough returns a function that reports when the siege may end: all hostile clients are under way and were
// answered, and each neighbour has made its rounds since.
func (s *siege) longEnough() func() bool {
	s.began = time.Now()
	full := false
	return func() bool {
		took := time.Since(s.began)
		if *soakFor > 0 {
			return took > *soakFor
		}
		if !full && s.tally.started() {
			full = true
			s.neighbours.countFromHere()
		}
		answered := s.kind.mute || s.tally.answers() >= siegeAnswers
		return full && answered && s.neighbours.rounds() || took > siegeMost
	}
}

// judge reports what went wrong in a siege.
func (s *siege) judge(r *result) {
	s.t.Helper()
	for what, n := range r.besieged.wrong() {
		if s.kind.direct && strings.Contains(what, "POST /login: 429") {
			continue
		}
		r.fault("a neighbour got %s, %d times", what, n)
	}
	if n := r.after.outages - r.before.outages; n > 0 {
		r.fault("%d outages were declared", n)
	}
	if grown := r.after.memory - s.memory; grown > memoryRoom {
		r.fault("the gate grew by %d MiB", grown>>20)
	}
	if r.after.connections > r.after.connectionsMax+besides {
		r.fault("%d connections to PostgreSQL, of %d", r.after.connections, r.after.connectionsMax)
	}
	networks, minutes := max(1, s.kind.networks), 2+int(r.took.Minutes())
	if most := min(networks*refusalsPerNetwork, refusalsAtMost) * minutes; r.after.rows-r.before.rows > most ||
		r.after.lines-r.before.lines > most {
		r.fault("refusals took %d rows of the audit table and %d lines of the log, of %d", r.after.rows-r.before.rows,
			r.after.lines-r.before.lines, most)
	}
	if r.after.sessions > sessionsPerUser {
		r.fault("one user has %d sessions", r.after.sessions)
	}
	if !s.kind.mute && r.tally.sum() == 0 {
		r.fault("the hostile client was left without any answer")
	}
	for what, n := range s.tally.copy().wrong {
		r.fault("the hostile client: %s, %d times", what, n)
	}
	slices.Sort(r.faults)
	for _, f := range r.faults {
		s.t.Error(f)
	}
}

func (r *result) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
