package proxy

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientIP is the address that a request came from. X-Forwarded-For counts only when the peer is a trusted proxy.
// It is read from the right: each trusted proxy vouches for the address before it. When an entry is invalid, or all
// are trusted proxies, the peer counts.
func clientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := peerAddr(r.RemoteAddr)
	if !trusts(trusted, peer) {
		return peer
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for rest != "" {
			var last string
			if j := strings.LastIndexByte(rest, ','); j >= 0 {
				rest, last = rest[:j], rest[j+1:]
			} else {
				rest, last = "", rest
			}
			a, ok := forwardedAddr(strings.TrimSpace(last))
			if !ok {
				return peer
			}
			if !trusts(trusted, a) {
				return a
			}
		}
	}
	return peer
}

// forwardedAddr reads an address as proxies write it: some add a port, and then brackets.
func forwardedAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}

// peerAddr is the address of the other end of the connection; the zero Addr on a Unix socket.
func peerAddr(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func trusts(trusted []netip.Prefix, a netip.Addr) bool {
	for _, p := range trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
