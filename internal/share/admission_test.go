package share

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// However many networks take what they can, a client of a new network finds room until all is taken.
func TestAdmissionKeepsRoomForOthers(t *testing.T) {
	t.Parallel()
	fill := func(a *Admission, addr string) (n int, err error) {
		for {
			if _, err = a.Enter(netip.MustParseAddr(addr)); err != nil {
				return n, err
			}
			n++
		}
	}
	for name, c := range map[string]struct {
		address  func(i int) string
		networks int
		newcomer string
	}{
		"one address":  {func(int) string { return "203.0.113.1" }, 1, "203.0.113.2"},
		"a /24":        {func(i int) string { return fmt.Sprintf("203.0.113.%d", i) }, 250, "203.0.112.1"},
		"a /64":        {func(i int) string { return fmt.Sprintf("2001:db8::%x", i) }, 1000, "2001:db8:0:1::"},
		"a /48":        {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::", i) }, 1000, "2001:db8:1::"},
		"eight of /24": {func(i int) string { return fmt.Sprintf("203.0.%d.%d", i%8, i) }, 64, "203.0.8.1"},
	} {
		a := NewAdmission(1000)
		for i := range c.networks {
			if _, err := fill(a, c.address(i)); !errors.Is(err, ErrCrowded) {
				t.Errorf("%s: who took all it could was told %v", name, err)
				break
			}
		}
		leave, err := a.Enter(netip.MustParseAddr(c.newcomer))
		if err != nil {
			t.Errorf("%s: after %d, somebody new: %v", name, a.Held(), err)
			continue
		}
		before := a.Held()
		leave()
		leave()
		if a.Held() != before-1 {
			t.Errorf("%s: who left twice counted twice", name)
		}
	}
	a := NewAdmission(1000)
	if n, err := fill(a, "127.0.0.1"); n != 1000 || !errors.Is(err, ErrBusy) {
		t.Errorf("this computer had %d of 1000, then %v", n, err)
	}
}
