package session

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

const (
	// strikeBurst is how many wrong API tokens may come from a network at once, and then one each strikeInterval. Nobody
	// guesses one: the limit is for what they cost.
	strikeBurst    = 20
	strikeInterval = 3 * time.Second
	// innerStrikes multiplies that for this machine and private networks, where a proxy may forward for everybody.
	innerStrikes = 4
	// strikeNetworks and strikeKnown bound the memory.
	strikeNetworks = 1 << 14
	strikeKnown    = 1 << 14
)

// strikeWidths multiply the limits for wider networks, by prefix length: as those of wrong passwords do.
var strikeWidths = map[int]int{24: 32, 32: 1, 48: 16, 56: 4, 64: 1}

// strikes counts wrong API tokens by network. A token that was right before is looked up all the same, so that whoever
// sends wrong ones shuts nobody else in the network out.
type strikes struct {
	mu    sync.Mutex
	by    map[netip.Prefix]strike
	known map[secret.TokenHash]struct{}
}

// strike is how many wrong tokens count at a time; the number falls by one each strikeInterval.
type strike struct {
	n  float64
	at time.Time
}

func newStrikes() *strikes {
	return &strikes{by: map[netip.Prefix]strike{}, known: map[secret.TokenHash]struct{}{}}
}

// networksOf are the networks that a client is counted in, with the limit of each.
func networksOf(client netip.Addr) (list []netip.Prefix, width func(netip.Prefix) float64) {
	if list = share.Networks(client); list != nil {
		return list, func(p netip.Prefix) float64 { return float64(strikeWidths[p.Bits()]) }
	}
	a := client.Unmap().WithZone("")
	return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, func(netip.Prefix) float64 { return innerStrikes }
}

func (s strike) now(width float64) float64 {
	return max(0, s.n-width*float64(time.Since(s.at))/float64(strikeInterval))
}

// admit reports whether a token may be looked up for a client.
func (s *strikes) admit(client netip.Addr, h secret.TokenHash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[h]; ok {
		return true
	}
	list, width := networksOf(client)
	for _, p := range list {
		if w := width(p); s.by[p].now(w) >= w*strikeBurst {
			return false
		}
	}
	return true
}

// right notes a token that counts.
func (s *strikes) right(h secret.TokenHash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.known { // evict any until there is room
		if len(s.known) < strikeKnown {
			break
		}
		delete(s.known, other)
	}
	s.known[h] = struct{}{}
}

// note counts a wrong token.
func (s *strikes) note(client netip.Addr, h secret.TokenHash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, h)
	list, width := networksOf(client)
	for other, o := range s.by {
		if len(s.by)+len(list) <= strikeNetworks {
			break
		}
		if o.now(innerStrikes) == 0 || len(s.by) >= strikeNetworks {
			delete(s.by, other)
		}
	}
	for _, p := range list {
		s.by[p] = strike{s.by[p].now(width(p)) + 1, time.Now()}
	}
}
