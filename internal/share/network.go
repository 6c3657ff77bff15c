package share

import (
	"context"
	"net/netip"
)

// Networks are the networks that an address counts for, the widest first: whoever has one address of an IPv6 /64 has
// them all, and providers give out a /56 or a /48 (RFC 6177). This machine's addresses and private ones count for none:
// as a rule a proxy that was not listed stands there, and speaks for everybody.
func Networks(a netip.Addr) []netip.Prefix {
	if Inner(a) {
		return nil
	}
	return AppendLevels(nil, a)
}

// Narrowest is the network of an address that counts as one client, in the form that keys are made from.
func Narrowest(a netip.Addr) string {
	if list := Networks(a); list != nil {
		return list[len(list)-1].Addr().String()
	}
	return a.Unmap().WithZone("").String()
}

type clientKey struct{}

// FromClient is for the context of whatever is done for a client: what many wait for is shared out by its network.
// Without it the work counts for nobody, as that of this machine.
func FromClient(ctx context.Context, a netip.Addr) context.Context {
	return context.WithValue(ctx, clientKey{}, a)
}

type accountKey struct{}

// ForAccount is for attempts at an account: from where there are no networks to tell apart, accounts take turns.
func ForAccount(ctx context.Context, email string) context.Context {
	return context.WithValue(ctx, accountKey{}, email)
}

func accountOf(ctx context.Context) string {
	email, _ := ctx.Value(accountKey{}).(string)
	return email
}

// Client is whose work a context is for, as FromClient says; the zero Addr: nobody in particular.
func Client(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(clientKey{}).(netip.Addr)
	return a
}
