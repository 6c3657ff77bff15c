package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/proxy"
)

var listenerSettings = [...]string{"GATEPOST_LISTEN", "GATEPOST_OPS_LISTEN", "GATEPOST_HTTP_LISTEN"}

// listeners are those that the settings name.
func (c *config) listeners() (list []proxy.Listener) {
	for i, address := range []string{c.settings.Listen, c.settings.OpsListen, c.settings.HTTPListen} {
		list = append(list, proxy.Listener{Setting: listenerSettings[i], Address: address})
	}
	return list
}

func checkAddress(name, s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%s: %s is not host:port (example: localhost:8080, or :8080 for every address)", name, quote(s))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%s: %s has no port number from 0 to 65535", name, quote(s))
	}
	return host, nil
}

// follow gives the public URL a port that was not known before, and the app the name that comes from it.
func (c *config) follow(port int) {
	nameless := c.settings.AppName == c.publicURL.Host
	c.publicURL.Host = net.JoinHostPort(c.publicURL.Hostname(), strconv.Itoa(port))
	if nameless {
		c.settings.AppName = c.publicURL.Host
	}
}

// resolvable is the address as it can be listened and connected to: an empty root, as in a container made from scratch,
// may not know localhost.
func resolvable(address string) string {
	if port, ok := strings.CutPrefix(address, "localhost:"); ok {
		if _, err := net.LookupHost("localhost"); err != nil {
			return "127.0.0.1:" + port
		}
	}
	return address
}

// cause leaves out the address that the sentence has named already.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
