package auth

import (
	"context"
	"net/netip"
)

// Networks nest: whoever has one address of an IPv6 /64 has them all, and providers give out a /56 or a /48 (RFC 6177); an
// IPv4 /24 is the least that is announced on its own. What one client may take is bounded at each of these levels.
var (
	levels4 = []int{24, 32}
	levels6 = []int{48, 56, 64}
)

// networksOf are the networks that an address counts for, the widest first. This machine's addresses and private ones count for
// none: as a rule a proxy that was not listed stands there, and speaks for everybody.
func networksOf(a netip.Addr) []netip.Prefix {
	if inner(a) {
		return nil
	}
	a = a.Unmap().WithZone("")
	levels := levels4
	if a.Is6() {
		levels = levels6
	}
	list := make([]netip.Prefix, 0, len(levels))
	for _, bits := range levels {
		p, _ := a.Prefix(bits) // the bits fit
		list = append(list, p)
	}
	return list
}

// inner says that an address is this machine's, or one of a private network.
func inner(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}

type clientKey struct{}

// FromClient is for the context of whatever is done for a client: what many wait for is shared out by its network. Without it the
// work counts for nobody, as that of this machine.
func FromClient(ctx context.Context, a netip.Addr) context.Context {
	return context.WithValue(ctx, clientKey{}, a)
}

func clientOf(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(clientKey{}).(netip.Addr)
	return a
}
