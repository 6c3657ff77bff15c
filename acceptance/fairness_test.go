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
	soakOnly = flag.String("soak.only", "", "a regular expression for the names of the hostile clients that are tried; empty: all of the short form, or of the soak")
)

// hostile is one kind of hostile client. Whatever it does, its neighbours go on: a visitor whose session is kept,
// visitors who sign in from elsewhere, and who asks for the gate's health.
type hostile struct {
	name string
	// tls has the gate end TLS, and with it speak HTTP/2.
	tls bool
	// direct has no proxy that is trusted in front: everybody comes from loopback, and is one network with the whole
	// limit. Who signs in cannot be told from who attacks then, and may be told to wait.
	direct bool
	// networks is from how many networks it comes, 1 when 0, and so for how many hashes a neighbour may have to wait.
	networks int
	// mute clients wait for no answer, or are owed none before a time limit is over.
	mute bool
	// rare ones are tried by `make soak` alone: something much like them is tried each time.
	rare bool
	// env is what else its gate is told.
	env    []string
	attack func(ctx context.Context, s *siege)
}

// TestNobodyClosesTheGateForOthers goes through all kinds of hostile clients. It is not parallel, and `make test` runs it
// when nothing else runs: others would see what these clients do to the machine. With -soak it goes on for that long with each kind,
// and prints how long people waited.
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

// where names the gate that a kind of client is tried at, as long as it stands.
func (k hostile) where() string { return fmt.Sprint(k.tls, k.direct, k.env) }

// Rounds that each neighbour makes in quiet, and then at least beside a hostile client that does all it can.
const (
	keptRounds   = 60
	signInRounds = 3
	healthRounds = 15
)

// Bounds of a siege.
const (
	// siegeMost is how long the short form waits at most for its counts: a hostile client that gets no answer at all
	// ends there.
	siegeMost = 8 * time.Second
	// siegeAnswers is how many answers a client that gets any is to have had.
	siegeAnswers = 1000
	// memoryRoom is by how much a gate may grow under any of them, in bytes.
	memoryRoom = 200 << 20
	// refusalsPerNetwork is how many rows, and lines, of one minute the refusals of one network may take: one for each
	// event, result and user. refusalsAtMost is the bound for all networks together.
	refusalsPerNetwork, refusalsAtMost = 100, 1001
	// besides are connections to PostgreSQL beside the pools: one listens, one pings.
	besides = 3
)

// hold lets the hostile client loose and says what became of the others.
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
		eventually(s.t, "nothing of it is under way", func() bool { return gauge(s.t, s.g, "gatepost_requests_in_flight") == 0 })
	}
	return r
}

// longEnough says when the siege may end: when everything hostile is under way and was answered, and each neighbour has
// made their rounds since.
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

// judge reports what may not be.
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
	if most := min(networks*refusalsPerNetwork, refusalsAtMost) * minutes; r.after.rows-r.before.rows > most || r.after.lines-r.before.lines > most {
		r.fault("refusals took %d rows of the audit table and %d lines of the log, of %d", r.after.rows-r.before.rows, r.after.lines-r.before.lines, most)
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
