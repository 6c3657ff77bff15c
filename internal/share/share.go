// Package share divides what there is only so much of among the networks that clients come from. While there is enough,
// whoever comes gets what they ask for. When there is not, the network that has most gives way, with the part that it
// took longest ago. It knows nothing of what is shared.
package share

import (
	"container/list"
	"net/netip"
	"sync"
)

// Pool is so much of something. It is safe for concurrent use.
type Pool struct {
	mu         sync.Mutex
	most, used int64
	// open are the networks that are counted. inner are addresses of this machine and of private networks, behind which
	// a proxy may speak for everybody: they have the whole, and give way only when nobody else is left.
	open, inner *group
}

// New makes a Pool of so much of anything: a number of things, or of bytes.
func New(most int64) *Pool { return &Pool{most: most, open: newGroup(nil), inner: newGroup(nil)} }

// group is a network, with those in it. The innermost ones have the parts.
type group struct {
	up            *group
	held          int64
	within        map[netip.Prefix]*group
	parts         int        // of the innermost ones
	resting, busy *list.List // of each *Part that has something, in the order in which they came there
}

func newGroup(up *group) *group {
	return &group{up: up, within: map[netip.Prefix]*group{}, resting: list.New(), busy: list.New()}
}

// Part is what one connection or request has of a Pool.
type Part struct {
	pool   *Pool
	group  *group
	prefix []netip.Prefix
	held   int64
	giveUp func()
	at     *list.Element // nil: it has nothing, and gives way to nobody
	rests  bool
	gone   bool
}

// AppendLevels appends the networks that an address is counted in, the widest first: what one client is given as a
// rule, and what some have. An IPv4 /24 is the least that is announced on its own; providers give out an IPv6 /56 or
// /48 (RFC 6177).
func AppendLevels(to []netip.Prefix, a netip.Addr) []netip.Prefix {
	a = a.Unmap().WithZone("")
	lengths := [...]int{48, 56, 64}
	first := 0
	if a.Is4() {
		lengths, first = [...]int{0, 24, 32}, 1
	}
	for _, bits := range lengths[first:] {
		p, _ := a.Prefix(bits) // the zero Prefix where there is no address
		to = append(to, p)
	}
	return to
}

// Inner says that an address is this machine's or a private network's (RFC 1918, 4193, 3927 and 6598), or none at all:
// a proxy may stand there.
func Inner(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// shared is between a provider and its customers (RFC 6598); clusters and private overlays use it within.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// Join makes a part that has nothing yet. giveUp is called, at most once, when it is to give way; what it has counts as
// given back by then. It may be called from any goroutine, and must not wait. Call Leave in the end.
func (p *Pool) Join(a netip.Addr, giveUp func()) *Part {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.open
	if Inner(a) {
		at = p.inner
	}
	part := &Part{pool: p, giveUp: giveUp, prefix: AppendLevels(nil, a)}
	for _, prefix := range part.prefix {
		next := at.within[prefix]
		if next == nil {
			next = newGroup(at)
			at.within[prefix] = next
		}
		at = next
	}
	at.parts++
	part.group = at
	return part
}

// Take gives the part n more, and has others give way where that is too much. It says whether the part still is there:
// its own network may be the one that has most, and it the oldest of it.
func (m *Part) Take(n int64) bool {
	m.pool.mu.Lock()
	if m.gone {
		m.pool.mu.Unlock()
		return false
	}
	m.add(n)
	var leaving []*Part
	for m.pool.used > m.pool.most && !m.gone {
		v := m.pool.victim(m)
		v.remove()
		if v != m {
			leaving = append(leaving, v)
		}
	}
	gone := m.gone
	m.pool.mu.Unlock()
	for _, v := range leaving {
		v.giveUp()
	}
	return !gone
}

// Return gives n back.
func (m *Part) Return(n int64) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if !m.gone {
		m.add(-n)
	}
}

// Rest says whether the part does nothing at the moment. Those that rest give way before the others of their network.
func (m *Part) Rest(rests bool) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if m.gone || m.rests == rests {
		return
	}
	m.leaveList()
	m.rests = rests
	m.joinList()
}

// Leave gives everything back.
func (m *Part) Leave() {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if !m.gone {
		m.remove()
	}
}

// Used is how much of the Pool is taken.
func (p *Pool) Used() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

func (m *Part) list() *list.List {
	if m.rests {
		return m.group.resting
	}
	return m.group.busy
}

// joinList puts the part where it can be asked to give way, unless it is there or has nothing.
func (m *Part) joinList() {
	if m.at == nil && m.held > 0 {
		m.at = m.list().PushBack(m)
	}
}

func (m *Part) leaveList() {
	if m.at != nil {
		m.list().Remove(m.at)
		m.at = nil
	}
}

func (m *Part) add(n int64) {
	if m.held += n; m.held > 0 {
		m.joinList()
	} else {
		m.leaveList()
	}
	m.pool.used += n
	for g := m.group; g != nil; g = g.up {
		g.held += n
	}
}

// remove takes the part out, and the networks in which nothing is left.
func (m *Part) remove() {
	m.add(-m.held)
	m.gone = true
	g := m.group
	g.parts--
	for i := len(m.prefix) - 1; i >= 0 && g.empty(); i-- {
		g = g.up
		delete(g.within, m.prefix[i])
	}
}

func (g *group) empty() bool { return len(g.within) == 0 && g.parts == 0 }

// victim is who gives way to m: the oldest of the network that has most. Inner addresses do only where m would have to
// otherwise.
func (p *Pool) victim(m *Part) *Part {
	if v := p.open.oldest(m); v != nil && (v != m || p.open.held > m.held) {
		return v
	}
	if v := p.inner.oldest(m); v != nil {
		return v
	}
	return m
}

// oldest goes down where most is held. Of two that hold as much, it is not the one of m.
func (g *group) oldest(m *Part) *Part {
	for len(g.within) > 0 {
		var most *group
		for _, next := range g.within {
			if most == nil || next.held > most.held || next.held == most.held && most.has(m) {
				most = next
			}
		}
		g = most
	}
	for _, l := range []*list.List{g.resting, g.busy} {
		if first := l.Front(); first != nil {
			return first.Value.(*Part)
		}
	}
	return nil
}

func (g *group) has(m *Part) bool {
	for at := m.group; at != nil; at = at.up {
		if at == g {
			return true
		}
	}
	return false
}
