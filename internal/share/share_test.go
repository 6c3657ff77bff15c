package share

import (
	"fmt"
	"net/netip"
	"testing"
)

// crowd adds numbered parts to a pool, and records those that had to give way.
type crowd struct {
	p    *Pool
	gone map[string]int // by address
}

func newCrowd(most int64) *crowd { return &crowd{New(most), map[string]int{}} }

func (c *crowd) join(address string, n int64) (*Part, bool) {
	part := c.p.Join(netip.MustParseAddr(address), func() { c.gone[address]++ })
	return part, part.Take(n)
}

func (c *crowd) fill(address string, parts int) {
	for range parts {
		c.join(address, 1)
	}
}

func TestWhoeverComesGetsWhatTheyAskForWhileThereIsEnough(t *testing.T) {
	c := newCrowd(100)
	c.fill("192.0.2.1", 100)
	if len(c.gone) > 0 || c.p.Used() != 100 {
		t.Errorf("%v had to go, %d are used", c.gone, c.p.Used())
	}
}

func TestTheNetworkThatHasMostGivesWay(t *testing.T) {
	for name, hostile := range map[string]func(i int) string{
		"an address":   func(int) string { return "192.0.2.1" },
		"an IPv4 /24":  func(i int) string { return fmt.Sprintf("192.0.2.%d", i%256) },
		"an IPv6 /64":  func(i int) string { return fmt.Sprintf("2001:db8::%x", i) },
		"an IPv6 /56":  func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i%256) },
		"an IPv6 /48":  func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) },
		"IPv4 in IPv6": func(i int) string { return fmt.Sprintf("::ffff:192.0.2.%d", i%256) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(100)
			honest := []string{"198.51.100.1", "198.51.100.2", "203.0.113.9", "2001:db8:1::1", "127.0.0.1", "10.0.0.1"}
			for _, address := range honest {
				c.join(address, 1)
			}
			for i := range 1000 {
				c.join(hostile(i), 1)
			}
			for _, address := range honest {
				if _, ok := c.join(address, 1); !ok || c.gone[address] > 0 {
					t.Errorf("%s had to give way", address)
				}
			}
			if c.p.Used() != 100 {
				t.Errorf("%d are used", c.p.Used())
			}
		})
	}
}

func TestOfANetworkTheOldestThatRestsGivesWay(t *testing.T) {
	c := newCrowd(3)
	var order []int
	parts := make([]*Part, 3)
	for i := range parts {
		parts[i] = c.p.Join(netip.MustParseAddr("192.0.2.1"), func() { order = append(order, i) })
		parts[i].Take(1)
	}
	parts[2].Rest(true)
	parts[1].Rest(true)
	parts[1].Rest(false)
	c.fill("192.0.2.1", 3)
	if fmt.Sprint(order) != "[2 0 1]" {
		t.Errorf("they went in the order %v", order)
	}
}

func TestWhoAsksForMoreThanAnybodyIsRefused(t *testing.T) {
	c := newCrowd(100)
	for i := range 50 {
		c.join(fmt.Sprintf("192.0.%d.1", i), 1)
	}
	if _, ok := c.join("198.51.100.1", 51); ok || len(c.gone) > 0 || c.p.Used() != 50 {
		t.Errorf("refused: %v; gone: %v; used: %d", !ok, c.gone, c.p.Used())
	}
	if _, ok := c.join("198.51.100.1", 50); !ok {
		t.Error("what is left is refused")
	}
}

// A proxy forwards for everybody behind it.
func TestInnerAddressesHaveTheWhole(t *testing.T) {
	for _, proxy := range []string{"127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd00::1"} {
		c := newCrowd(100)
		c.fill(proxy, 90)
		c.fill("192.0.2.1", 50)
		if c.gone[proxy] > 0 {
			t.Errorf("%s: %d of it had to give way to one client", proxy, c.gone[proxy])
		}
		c.fill(proxy, 20)
		if c.gone[proxy] > 10 || c.gone["192.0.2.1"] == 0 {
			t.Errorf("%s: gone are %v", proxy, c.gone)
		}
	}
}

func TestNothingIsLeftOfWhatWasGivenBack(t *testing.T) {
	c := newCrowd(10)
	var parts []*Part
	for i := range 20 {
		part, _ := c.join(fmt.Sprintf("192.0.%d.1", i), 1)
		parts = append(parts, part)
	}
	parts[19].Take(3)
	parts[19].Return(2)
	for _, part := range parts {
		part.Leave()
		part.Leave()
		part.Rest(true)
		part.Return(1)
		if part.Take(1) {
			t.Error("a part that left takes more")
		}
	}
	if c.p.Used() != 0 || len(c.p.open.within) != 0 || c.p.open.held != 0 {
		t.Errorf("%d are used, %d networks left", c.p.Used(), len(c.p.open.within))
	}
}

// A part that holds nothing never gives way, as that would free nothing.
func TestWhoHasNothingStays(t *testing.T) {
	c := newCrowd(100)
	idle, _ := c.join("192.0.2.1", 0)
	back, _ := c.join("192.0.2.1", 5)
	back.Return(5)
	for range 300 {
		c.p.Join(netip.MustParseAddr("192.0.2.1"), func() { c.gone["busy"]++ }).Take(1)
	}
	if c.gone["192.0.2.1"] > 0 || c.gone["busy"] != 200 {
		t.Errorf("%v had to go", c.gone)
	}
	if !back.Take(1) || !idle.Take(1) {
		t.Error("who came back for more was gone")
	}
}
