// Package share divides what is scarce among the networks that clients come from: a Pool divides an amount, such as
// memory, a Queue slots that clients wait for, and an Admission places for which nobody waits. While there is enough,
// every client gets what it asks for. The package does not know what it divides.
package share

import (
	"net/netip"
	"sync"
)

// Pool is a limited amount of something, such as connections or bytes. When it is used up, the network that holds the
// most loses its oldest part. A Pool is safe for concurrent use.
type Pool struct {
	mu         sync.Mutex
	most, used int64
	// open has the networks that are counted. inner has addresses of this machine and of private networks, where a
	// proxy may forward for everybody: they may use the whole Pool, and lose parts only when no other network has
	// any.
	open, inner *group
}

// New returns a Pool of the amount most.
func New(most int64) *Pool { return &Pool{most: most, open: newGroup(nil), inner: newGroup(nil)} }

// group is a network and the networks in it. Parts belong to the narrowest networks.
type group struct {
	up            *group
	held          int64
	within        map[netip.Prefix]*group
	parts         int // number of parts, in a narrowest network
	resting, busy row // every Part that holds something
}

func newGroup(up *group) *group {
	return &group{up: up, within: map[netip.Prefix]*group{}}
}

// Part is what one connection or request holds of a Pool.
type Part struct {
	pool   *Pool
	group  *group
	prefix []netip.Prefix
	held   int64
	giveUp func()
	row    *row // nil when it holds nothing, and so cannot be made to give way
	before *Part
	after  *Part
	rests  bool
	gone   bool
}

// AppendLevels appends the networks that an address is counted in, the widest first: an IPv4 /24 and the address
// itself, or an IPv6 /48, /56 and /64. A /24 is the smallest network that is announced on its own. An IPv6 client
// usually has a /64, and providers give a /56 or a /48 to some (RFC 6177).
func AppendLevels(to []netip.Prefix, a netip.Addr) []netip.Prefix {
	a = a.Unmap().WithZone("")
	lengths := [...]int{48, 56, 64}
	first := 0
	if a.Is4() {
		lengths, first = [...]int{0, 24, 32}, 1
	}
	for _, bits := range lengths[first:] {
		p, _ := a.Prefix(bits) // the zero Prefix when the address is not valid
		to = append(to, p)
	}
	return to
}

// Inner reports whether an address is of this machine or of a private network (RFC 1918, 4193, 3927 and 6598), or
// is not valid. It may be that of a proxy.
func Inner(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// shared is the address space between a provider and its customers (RFC 6598). Clusters and private overlay
// networks use it too.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// Join adds a part that holds nothing yet, for a client with address a. giveUp is called at most once, when the part
// has to give way; what the part held counts as returned by then. giveUp may be called from any goroutine, and must
// not block. The caller calls Part.Leave in the end.
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

// Take adds n to what the part holds, and makes other parts give way when the Pool has too little. It reports false
// when this part had to give way itself, as the oldest of the network that holds the most.
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

// Return gives n of what the part holds back to the Pool.
func (m *Part) Return(n int64) {
	if n == 0 { // as for most requests, all of which would wait for the one lock
		return
	}
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if !m.gone {
		m.add(-n)
	}
}

// Rest sets whether the part is idle. Idle parts give way before the others of their network.
func (m *Part) Rest(rests bool) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if m.gone || m.rests == rests {
		return
	}
	m.leaveRow()
	m.rests = rests
	m.joinRow()
}

// Leave returns everything and removes the part.
func (m *Part) Leave() {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if !m.gone {
		m.remove()
	}
}

// Used is the amount that is taken.
func (p *Pool) Used() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// joinRow adds the part to the row of those that can give way, unless it is there or holds nothing.
func (m *Part) joinRow() {
	switch {
	case m.row != nil || m.held <= 0:
	case m.rests:
		m.group.resting.append(m)
	default:
		m.group.busy.append(m)
	}
}

func (m *Part) leaveRow() {
	if m.row != nil {
		m.row.remove(m)
	}
}

func (m *Part) add(n int64) {
	if m.held += n; m.held > 0 {
		m.joinRow()
	} else {
		m.leaveRow()
	}
	m.pool.used += n
	for g := m.group; g != nil; g = g.up {
		g.held += n
	}
}

// remove removes the part, and the networks that hold nothing without it.
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

// victim is the part that gives way for m: the oldest of the network that holds the most. A part of an inner
// address is chosen only when m would have to give way otherwise.
func (p *Pool) victim(m *Part) *Part {
	if v := p.open.oldest(m); v != nil && (v != m || p.open.held > m.held) {
		return v
	}
	if v := p.inner.oldest(m); v != nil {
		return v
	}
	return m
}

// oldest is the oldest part of the network that holds the most, at each level. Of two that hold the same, the one
// without m is taken.
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
	if g.resting.first != nil {
		return g.resting.first
	}
	return g.busy.first
}

func (g *group) has(m *Part) bool {
	for at := m.group; at != nil; at = at.up {
		if at == g {
			return true
		}
	}
	return false
}
