package proxy

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// linesMost is how many requests of an address or an IPv6 /64 are logged in linesEvery, and wideLines how many
	// of a wider network. Of further ones only the number is logged. This machine and private networks have no such
	// limit.
	linesMost, wideLines = 1000, 4000
	// linesEvery is the period of these limits.
	linesEvery = time.Minute
	// loudMost is how many networks are counted separately in that time.
	loudMost = 100_000
	// saidMost is for how many of them the number of left-out requests is logged. Those of all others are logged
	// together.
	saidMost = 1000
)

// loudness limits what one client can make the gate log for its requests.
type loudness struct {
	mu     sync.Mutex
	since  time.Time
	by     map[netip.Prefix]int
	hushed map[netip.Prefix]int64 // by narrowest network; the zero Prefix is for all beyond saidMost
	say    func(network netip.Prefix, requests int64)
}

// note counts a request and reports whether it is logged.
func (l *loudness) note(client netip.Addr, now time.Time) bool {
	if share.Inner(client) {
		return true
	}
	var room [3]netip.Prefix
	levels := share.AppendLevels(room[:0], client)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= linesEvery {
		l.sum()
		l.since = now
	}
	full := len(l.by) >= loudMost
	loud := full
	for i, p := range levels {
		if _, known := l.by[p]; known || !full {
			l.by[p]++
		}
		most := wideLines
		if i == len(levels)-1 {
			most = linesMost
		}
		loud = loud || l.by[p] > most
	}
	if loud {
		p := levels[len(levels)-1]
		if _, known := l.hushed[p]; !known && len(l.hushed) >= saidMost {
			p = netip.Prefix{}
		}
		l.hushed[p]++
	}
	return !loud
}

// sum logs the numbers of left-out requests and begins anew. The lock must be held.
func (l *loudness) sum() {
	for p, n := range l.hushed {
		l.say(p, n)
	}
	l.by, l.hushed = map[netip.Prefix]int{}, map[netip.Prefix]int64{}
}

// end logs what is left to log.
func (l *loudness) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum()
}

// hush is the function loudness.say. It logs the number of a network's left-out requests.
func (p *Proxy) hush(network netip.Prefix, requests int64) {
	from := "others"
	if network.IsValid() {
		from = network.String()
	}
	p.c.Log.Info("requests of one network were too many for a line each", slog.String("network", from),
		slog.Int64("repeats", requests))
}
