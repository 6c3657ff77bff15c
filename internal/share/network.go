package share

import (
	"context"
	"net/netip"
)

// Networks are the networks that an address belongs to, the widest first. A client with one address of an IPv6 /64
// has all of them, and providers give out a /56 or a /48 (RFC 6177). Addresses of this machine and private
// addresses belong to none: they are usually those of a proxy that is not in GATEPOST_TRUSTED_PROXIES and forwards
// for everybody.
func Networks(a netip.Addr) []netip.Prefix {
	if Inner(a) {
		return nil
	}
	return AppendLevels(nil, a)
}

// Narrowest is the network of an address that counts as one client, as a string for keys.
func Narrowest(a netip.Addr) string {
	if list := Networks(a); list != nil {
		return list[len(list)-1].Addr().String()
	}
	return a.Unmap().WithZone("").String()
}

type clientKey struct{}

// FromClient returns a context for work on behalf of a client. Shares are counted by the client's network. Without
// it the work counts for no network.
func FromClient(ctx context.Context, a netip.Addr) context.Context {
	return context.WithValue(ctx, clientKey{}, a)
}

type accountKey struct{}

// ForAccount returns a context for an attempt to sign in to an account. Accounts take turns where there is no
// network to take turns by.
func ForAccount(ctx context.Context, email string) context.Context {
	return context.WithValue(ctx, accountKey{}, email)
}

func accountOf(ctx context.Context) string {
	email, _ := ctx.Value(accountKey{}).(string)
	return email
}

// Client is the address given to FromClient; the zero Addr when there is none.
func Client(ctx context.Context) netip.Addr {
	a, _ := ctx.Value(clientKey{}).(netip.Addr)
	return a
}
