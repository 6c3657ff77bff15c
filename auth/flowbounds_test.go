package auth_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
)

// crowdFlows puts flows under way, all of one wide network and each of a narrow one of its own. The first is the
// oldest, and all are older than what begins now.
func (g gateway) crowdFlows(t *testing.T, wide string, n int) {
	t.Helper()
	exec(t, g.db, `
		INSERT INTO gatepost.provider_flow (state, browser, provider, purpose, next, remember, max_age, network, wide,
		    created_at, expires_at)
		SELECT $1 || ' ' || i, 'browser', 'corp', 'sign-in', '', false, 0, $1 || ' ' || i, $1,
		    now() - interval '1 minute' + i * interval '1 ms', now() + interval '5 minutes'
		FROM generate_series(1, $2::int) i`, wide, n)
}

// hasFlow reports whether one of crowdFlows is under way.
func (g gateway) hasFlow(t *testing.T, wide string, i int) bool {
	t.Helper()
	return count(t, g.db, fmt.Sprintf(`provider_flow WHERE state = '%s %d'`, wide, i)) == 1
}

// A wide network that has its share loses its own oldest, whichever of its narrow ones begins.
func TestAWideNetworkLosesItsOldestFlow(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	const crowd, others = "203.0.113.0/24", "192.0.2.0/24"
	g.crowdFlows(t, crowd, 2000)
	g.crowdFlows(t, others, 1)
	f := auth.Flow{Provider: "corp"}
	f.Client.Addr = netip.MustParseAddr("203.0.113.66")
	begun, answer := g.begin(t, someone("1", "ada@example.com"), f)
	if g.hasFlow(t, crowd, 1) || !g.hasFlow(t, crowd, 2) {
		t.Error("it is not the oldest of the wide network that is gone")
	}
	if !g.hasFlow(t, others, 1) || count(t, g.db, "provider_flow") != 2001 {
		t.Errorf("%d are under way, and of others %t", count(t, g.db, "provider_flow"), g.hasFlow(t, others, 1))
	}
	if _, err := g.finish(t, f, begun, answer); err != nil {
		t.Errorf("the newest: %v", err)
	}
}

// Long pages to come back to have bounds of their own. Beyond them the oldest come home, and the sign-ins go on.
func TestLongPagesOfFlowsAreBounded(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	const crowd, others = "203.0.113.0/24", "192.0.2.0/24"
	g.crowdFlows(t, crowd, 250)
	g.crowdFlows(t, others, 900)
	exec(t, g.db, `UPDATE gatepost.provider_flow SET next = repeat('a', 5000)`)
	long := func(wide string) int {
		return count(t, g.db, fmt.Sprintf(`provider_flow WHERE wide = '%s' AND length(next) > 4096`, wide))
	}
	f := auth.Flow{Provider: "corp", Next: "/" + strings.Repeat("a", 5000)}
	f.Client.Addr = netip.MustParseAddr("203.0.113.66")
	begin := func() auth.Begun { begun, _ := g.begin(t, someone("1", "ada@example.com"), f); return begun }
	for range 25 {
		begin()
	}
	if n := count(t, g.db, `provider_flow WHERE network LIKE '203.0.113.66%' AND length(next) > 4096`); n != 20 {
		t.Errorf("%d long pages are of one network", n)
	}
	if n := long(crowd); n != 200 {
		t.Errorf("%d long pages are of the wide network", n)
	}
	if n := long(others); n != 900-25 {
		t.Errorf("%d long pages are of the network with the most, which gives way", n)
	}
	if n := count(t, g.db, "provider_flow"); n != 250+900+25 {
		t.Errorf("%d are under way", n)
	}
}

// When all together have as many as may be, the network with the most loses its oldest: not who begins, nor the oldest
// of all.
func TestTheLargestNetworkLosesItsOldestFlow(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	const largest, most, older = "203.0.113.0/24", 1999, "192.0.2.0/24"
	for i := range 12 {
		g.crowdFlows(t, fmt.Sprintf("198.18.%d.0/24", i), 1500)
	}
	g.crowdFlows(t, older, 1)
	exec(t, g.db, `UPDATE gatepost.provider_flow SET created_at = now() - interval '4 minutes' WHERE wide = $1`, older)
	g.crowdFlows(t, largest, most)
	f := auth.Flow{Provider: "corp"}
	f.Client.Addr = netip.MustParseAddr("198.51.100.7")
	first := count(t, g.db, "provider_flow")
	begun, answer := g.begin(t, someone("1", "ada@example.com"), f)
	if n := count(t, g.db, "provider_flow"); first != 20_000 || n != first {
		t.Errorf("%d were under way, and with one more %d", first, n)
	}
	if g.hasFlow(t, largest, 1) || !g.hasFlow(t, largest, 2) || !g.hasFlow(t, older, 1) {
		t.Error("it is not the oldest of the largest network that is gone")
	}
	if _, err := g.finish(t, f, begun, answer); err != nil {
		t.Errorf("the newest: %v", err)
	}
}
