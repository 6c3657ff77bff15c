package proxy

import (
	"net/netip"
	"testing"
	"time"
)

// Networks beyond the limit are not logged and take no memory. Known networks are counted as before.
func TestLoudnessHasABound(t *testing.T) {
	t.Parallel()
	l := &loudness{say: func(netip.Prefix, int64) {}}
	now := time.Unix(1, 0)
	early := netip.MustParseAddr("192.0.2.1")
	l.note(early, now)
	address := func(i int) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 0x01, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	for i := range 2 * loudMost {
		l.note(address(i), now)
	}
	if n := len(l.by); n > loudMost+3 {
		t.Errorf("%d networks are told apart, want %d", n, loudMost)
	}
	if n := len(l.hushed); n > saidMost+1 {
		t.Errorf("%d networks are to be said", n)
	}
	if l.note(address(2*loudMost), now) || l.by[netip.PrefixFrom(early, 32)] != 1 {
		t.Error("who came too late has a line, or who was there is forgotten")
	}
}
