package provider

import (
	"net/netip"
	"net/url"
	"strings"
)

// place is how far inside an address is. What stands in a document of a provider may lead no further inside than
// where the document came from.
type place int32

const (
	public   place = iota
	inner          // private networks
	loopback       // this machine
	nowhere        // never called: metadata services, link-local and multicast addresses, and what is no address
)

var innerNetworks = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15",
	"fc00::/7", "fec0::/10")

// neverNetworks include the metadata services of clouds that do not stand in 169.254.0.0/16.
var neverNetworks = prefixes("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/3", "100.100.100.200/32", "168.63.129.16/32", "::/128", "fe80::/10", "ff00::/8",
	"fd00:ec2::/32", "fd20:ce::254/128", "2001:db8::/32")

// carriers are networks whose addresses have an IPv4 address within: NAT64 and 6to4, and where in the address.
var carriers = []struct {
	netip.Prefix
	at int
}{{netip.MustParsePrefix("64:ff9b::/96"), 12}, {netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2}, {netip.MustParsePrefix("::/96"), 12}}

func prefixes(list ...string) (all []netip.Prefix) {
	for _, one := range list {
		all = append(all, netip.MustParsePrefix(one))
	}
	return all
}

// placeOf returns how far inside an address is.
func placeOf(a netip.Addr) place {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid() || within(neverNetworks, a):
		return nowhere
	case a.IsLoopback():
		return loopback
	case within(innerNetworks, a):
		return inner
	}
	for _, c := range carriers {
		if b := a.As16(); a.Is6() && c.Contains(a) {
			return placeOf(netip.AddrFrom4([4]byte(b[c.at:])))
		}
	}
	return public
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// placeOfHost is how far inside a host is that needs no look-up; any other is judged when it is called.
func placeOfHost(host string) place {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return loopback
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return placeOf(a)
	}
	return public
}

// plainHTTP reports whether http is allowed for a URL: on this machine, for tests and a demo.
func plainHTTP(u *url.URL, insecure bool) bool {
	return insecure && u.Scheme == "http" && placeOfHost(u.Hostname()) == loopback
}
