package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/proxy"
)

// ListenerSettings are the settings that name listeners, in the order of Config.Listeners.
var ListenerSettings = [...]string{"GATEPOST_LISTEN", "GATEPOST_OPS_LISTEN", "GATEPOST_HTTP_LISTEN",
	"GATEPOST_FORWARD_AUTH_LISTEN"}

// Listeners are the listeners that the settings name.
func (c *Config) Listeners() (list []proxy.Listener) {
	for i, address := range []string{c.Settings.Listen, c.Settings.OpsListen, c.Settings.HTTPListen,
		c.Settings.ForwardAuthListen} {
		list = append(list, proxy.Listener{Setting: ListenerSettings[i], Address: address})
	}
	return list
}

// OnlyHere reports whether visitors can come from this machine only.
func (c *Config) OnlyHere() bool {
	host, err := CheckAddress("GATEPOST_LISTEN", c.Settings.Listen)
	return err == nil && isLoopbackListener(host) && proxy.IsLoopback(c.PublicURL.Hostname())
}

// CheckAddress splits an address into host and port, and returns the host. name is the setting for the error.
func CheckAddress(name, s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%s: %s is not host:port (example: localhost:8080, or :8080 for every address)", name,
			Quote(s))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%s: %s has no port number from 0 to 65535", name, Quote(s))
	}
	return host, nil
}

// Follow sets the port of the public URL once it is known. An app name taken from the URL follows.
func (c *Config) Follow(port int) {
	nameless := c.nameless()
	c.PublicURL.Host = net.JoinHostPort(c.PublicURL.Hostname(), strconv.Itoa(port))
	if nameless {
		c.Settings.AppName = c.PublicURL.Host
	}
}

// Resolvable replaces localhost in an address by 127.0.0.1 where the name cannot be resolved, as in a container
// built from scratch.
func Resolvable(address string) string {
	if port, ok := strings.CutPrefix(address, "localhost:"); ok {
		if _, err := net.LookupHost("localhost"); err != nil {
			return "127.0.0.1:" + port
		}
	}
	return address
}

// Cause removes the address from a network error, as the message has it already.
func Cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
