package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// viaHeader lists the gates that a request has passed. A gate that finds itself in it ends a loop. The app gets the
// header too, and can ignore it.
const viaHeader = "X-Gatepost-Via"

// maxVia limits the list, which any client can forge. The last entries count, which are the nearest gates. A forged
// list has no effect on others, and none on its sender, as nobody can guess the id of a gate.
const maxVia = 16

var errLoop = errors.New("GATEPOST_UPSTREAM leads back to this gate: the request has been here before")

// newGateID is a random id for each process.
func newGateID() string { return rand.Text() }

// passed are the gates that a request has passed, the nearest last.
func passed(h http.Header) (ids []string) {
	for _, line := range h[viaHeader] {
		for id := range strings.SplitSeq(line, ",") {
			if id = strings.TrimSpace(id); isGateID(id) {
				ids = append(ids, id)
			}
		}
	}
	return ids[max(0, len(ids)-maxVia):]
}

func isGateID(s string) bool {
	return len(s) == len(rand.Text()) && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// Listener is an address at which the gate itself listens.
type Listener struct {
	Setting string // Setting is the setting that names it.
	Address string // Address is host:port.
}

// resolveTimeout limits resolving the upstream's name. A loop that is not found at start is found by the first
// request.
const resolveTimeout = 3 * time.Second

// LeadsTo fails when the upstream is one of the gate's own listeners: it has the same port, at an address of this
// machine that the listener accepts. A Unix socket never is. A loop through a name that cannot be resolved now is
// found by viaHeader.
func (u Upstream) LeadsTo(ctx context.Context, own []Listener) error {
	if u.scheme == "unix" || u.none() {
		return nil
	}
	host, port := u.hostPort()
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	theirs := addresses(ctx, host)
	for _, l := range own {
		if name, p, err := net.SplitHostPort(l.Address); err == nil && p == port && p != "0" &&
			meet(theirs, addresses(ctx, name)) {
			return fmt.Errorf("GATEPOST_UPSTREAM: %s is where this gate itself listens (%s): name the address of "+
				"your app, or move the gate", u, l.Setting)
		}
	}
	return nil
}

// addresses are the addresses of a host; the zero Addr stands for all addresses of this machine.
func addresses(ctx context.Context, host string) []netip.Addr {
	if host == "" {
		return []netip.Addr{{}}
	}
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for i, a := range list {
		if list[i] = a.Unmap().WithZone(""); list[i].IsUnspecified() {
			list[i] = netip.Addr{}
		}
	}
	return list
}

// meet reports whether a connection to one of theirs arrives at a listener on one of ours. A connection to the zero
// Addr goes to loopback.
func meet(theirs, ours []netip.Addr) bool {
	for _, a := range theirs {
		for _, b := range ours {
			switch {
			case a == b, !b.IsValid() && isOwn(a), !a.IsValid() && b.IsLoopback():
				return true
			}
		}
	}
	return false
}

// isOwn reports whether an address belongs to this machine.
func isOwn(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, one := range list {
		if n, ok := one.(*net.IPNet); ok {
			if b, ok := netip.AddrFromSlice(n.IP); ok && b.Unmap() == a {
				return true
			}
		}
	}
	return false
}
