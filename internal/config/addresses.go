package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/proxy"
)

var ListenerSettings = [...]string{"GATEPOST_LISTEN", "GATEPOST_OPS_LISTEN", "GATEPOST_HTTP_LISTEN"}

// Listeners are those that the settings name.
func (c *Config) Listeners() (list []proxy.Listener) {
	for i, address := range []string{c.Settings.Listen, c.Settings.OpsListen, c.Settings.HTTPListen} {
		list = append(list, proxy.Listener{Setting: ListenerSettings[i], Address: address})
	}
	return list
}

func CheckAddress(name, s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%s: %s is not host:port (example: localhost:8080, or :8080 for every address)", name, Quote(s))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%s: %s has no port number from 0 to 65535", name, Quote(s))
	}
	return host, nil
}

// Follow gives the public URL a port that was not known before, and the app the name that comes from it.
func (c *Config) Follow(port int) {
	nameless := c.Settings.AppName == c.PublicURL.Host
	c.PublicURL.Host = net.JoinHostPort(c.PublicURL.Hostname(), strconv.Itoa(port))
	if nameless {
		c.Settings.AppName = c.PublicURL.Host
	}
}

// Resolvable is the address as it can be listened and connected to: an empty root, as in a container made from scratch,
// may not know localhost.
func Resolvable(address string) string {
	if port, ok := strings.CutPrefix(address, "localhost:"); ok {
		if _, err := net.LookupHost("localhost"); err != nil {
			return "127.0.0.1:" + port
		}
	}
	return address
}

// Cause leaves out the address that the sentence has named already.
func Cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
