package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// unixScheme begins the address of a listener on a Unix socket.
const unixScheme = "unix:"

// SocketPath is the path of a listener's address on a Unix socket.
func SocketPath(address string) (path string, ok bool) { return strings.CutPrefix(address, unixScheme) }

// loopback are the addresses of this machine that only it can reach.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// checkForwardAuth reads who may ask for forward-auth. Where others than this machine can connect, that has to be said.
func (c *Config) checkForwardAuth(list *Faults) {
	const listen, peers = "GATEPOST_FORWARD_AUTH_LISTEN", "GATEPOST_FORWARD_AUTH_PEERS"
	at := c.Settings.ForwardAuthListen
	c.ForwardAuthPeers = c.parseNetworks(list, peers, c.Settings.ForwardAuthPeers)
	if at == "" {
		if len(c.ForwardAuthPeers) > 0 {
			list.missing(listen, errors.New(peers+" is set and "+listen+" is not: set both"))
		}
		return
	}
	local, err := isLocalListener(listen, at)
	list.Add(err)
	switch path, socket := SocketPath(at); {
	case err != nil:
	case socket && c.Settings.ForwardAuthPeers != "":
		list.Add(fmt.Errorf("%s: who connects to the socket %s has no address: leave this out, and let nobody but your "+
			"proxy into the folder of the socket", peers, Quote(path)))
	case c.Settings.ForwardAuthPeers != "":
	case local:
		c.ForwardAuthPeers = loopback
	default:
		list.missing(peers, fmt.Errorf("%s is needed because %s %s can be reached from other machines, and who asks there "+
			"can say what they like: set it to the address of your proxy, for example 10.0.0.5", peers, listen, Quote(at)))
	}
}

// isLocalListener reports whether only this machine can connect to an address.
func isLocalListener(name, address string) (bool, error) {
	if path, ok := SocketPath(address); ok {
		if !strings.HasPrefix(path, "/") {
			return false, fmt.Errorf("%s: name the socket by its full path (example: unix:/run/gatepost/authz.sock)", name)
		}
		return true, nil
	}
	host, err := CheckAddress(name, address)
	return err == nil && isLoopbackListener(host), err
}

// forwardAuthDoubts are about settings that do not reach what a proxy forwards that asks.
func (c *Config) forwardAuthDoubts() (list []string) {
	if c.Settings.ForwardAuthListen == "" {
		return nil
	}
	if c.Settings.CORS != "" {
		list = append(list, "GATEPOST_CORS does nothing for what your proxy forwards after asking "+
			"GATEPOST_FORWARD_AUTH_LISTEN: let the app or the proxy answer pages of other origins")
	}
	if c.Settings.StripHeaders != "" {
		list = append(list, "GATEPOST_STRIP_HEADERS does not take headers away from what nginx, Caddy or Traefik forwards "+
			"after asking GATEPOST_FORWARD_AUTH_LISTEN: add them to the proxy's file too (Envoy and HAProxy are told)")
	}
	return list
}
