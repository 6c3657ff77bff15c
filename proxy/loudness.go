package proxy

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// linesMost is how many requests of an address or an IPv6 /64 get a line in a minute, and wideLines how many of a
	// wider network. Of the others only their number is written. This machine and private networks have no such limit.
	linesMost, wideLines = 1000, 4000
	// linesEvery is for how long they are counted.
	linesEvery = time.Minute
	// loudMost is how many networks are told apart in that time.
	loudMost = 100_000
	// saidMost is for how many of them it is said that they were left out; the rest are said together.
	saidMost = 1000
)

// loudness bounds what one client has the gate write for its requests.
type loudness struct {
	mu     sync.Mutex
	since  time.Time
	by     map[netip.Prefix]int
	hushed map[netip.Prefix]int64 // by the narrowest network; the zero Prefix: those that there are too many of
	say    func(network netip.Prefix, requests int64)
}

// note counts a request, and says whether it gets a line.
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

// sum says what was left out, and begins anew. The lock is held.
func (l *loudness) sum() {
	for p, n := range l.hushed {
		l.say(p, n)
	}
	l.by, l.hushed = map[netip.Prefix]int{}, map[netip.Prefix]int64{}
}

// end says what is left to say.
func (l *loudness) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum()
}

// hush is a loudness.say.
func (p *Proxy) hush(network netip.Prefix, requests int64) {
	from := "others"
	if network.IsValid() {
		from = network.String()
	}
	p.c.Log.Info("requests of one network were too many for a line each", slog.String("network", from), slog.Int64("repeats", requests))
}
