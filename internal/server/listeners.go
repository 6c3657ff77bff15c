package server

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/proxy"
)

// listeners are the network listeners of the gate. A listener that is off is nil.
type listeners struct {
	public, ops, plain, ask net.Listener // ask is for proxies that ask for forward-auth
	passed                  bool         // the public listener is a passed-on socket, which another gate may serve too
}

// Close closes the listeners. It is called when nothing serves them any more, or before anything does.
func (l listeners) Close() {
	for _, one := range l.all() {
		if one != nil {
			_ = one.Close()
		}
	}
}

// all are the listeners in the order of config.ListenerSettings.
func (l listeners) all() []net.Listener { return []net.Listener{l.public, l.ops, l.plain, l.ask} }

// own are the addresses of the listeners that are on.
func (l listeners) own() (list []proxy.Listener) {
	for i, one := range l.all() {
		if one != nil {
			list = append(list, proxy.Listener{Setting: config.ListenerSettings[i], Address: one.Addr().String()})
		}
	}
	return list
}

// listen opens the listeners. It runs first, so that a port in use fails before anything else has started. Its error
// names every listener that cannot be opened.
func listen(c *config.Config) (l listeners, err error) {
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	passed, err := passedOn()
	l = listeners{public: passed["public"], ops: passed["ops"], plain: passed["http"], passed: passed["public"] != nil}
	if err != nil {
		return l, err
	}
	if err := fit(c, l); err != nil {
		return l, err
	}
	var list config.Faults
	open := func(l *net.Listener, setting, address string) {
		if *l == nil {
			var fault error
			*l, fault = listenOn(setting, address)
			list.Add(fault)
		}
	}
	open(&l.public, "GATEPOST_LISTEN", c.Settings.Listen)
	if l.public != nil && (c.PublicURL.Port() == "0" ||
		passed["public"] != nil && config.Lookup(c.Env, "GATEPOST_PUBLIC_URL") == "") {
		c.Follow(l.public.Addr().(*net.TCPAddr).Port)
	}
	if c.Settings.OpsListen != "off" {
		open(&l.ops, "GATEPOST_OPS_LISTEN", c.Settings.OpsListen)
	}
	if c.Settings.HTTPListen != "" {
		open(&l.plain, "GATEPOST_HTTP_LISTEN", c.Settings.HTTPListen)
	}
	if c.Settings.ForwardAuthListen != "" {
		open(&l.ask, "GATEPOST_FORWARD_AUTH_LISTEN", c.Settings.ForwardAuthListen)
	}
	return l, list.OrNil()
}

// listenOn opens the listener of a setting. Its error names the cure.
func listenOn(setting, address string) (net.Listener, error) {
	if path, ok := config.SocketPath(address); ok {
		return listenOnSocket(setting, path)
	}
	l, err := net.Listen("tcp", config.Resolvable(address))
	if err == nil {
		return l, nil
	}
	cure := "set another address"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, portTakenError(fmt.Sprintf("%s: cannot listen on %s: another program listens there; end it, or set "+
			"another port, as %s=localhost:%d", setting, address, setting, spare(setting, address)))
	case errors.Is(err, syscall.EACCES):
		cure = "a port below 1024 needs the capability CAP_NET_BIND_SERVICE, or systemd's socket (docs/deploy.md)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		cure = "this machine has no such address: set one of its own, or none, as in :8080"
	}
	return nil, fmt.Errorf("%s: cannot listen on %s: %w: %s", setting, address, config.Cause(err), cure)
}

// portTakenError is what it says, without the system's words for the same, and still EADDRINUSE to those who ask.
type portTakenError string

func (e portTakenError) Error() string   { return string(e) }
func (portTakenError) Is(err error) bool { return err == syscall.EADDRINUSE }

// Taken tells of each listener of the settings whose address another program has, which may be the gate itself.
func Taken(c *config.Config) (notes []string) {
	for _, l := range c.Listeners() {
		if _, ok := config.SocketPath(l.Address); ok || l.Address == "" || l.Address == "off" {
			continue // a socket of a gate that is gone is taken over
		}
		one, err := net.Listen("tcp", config.Resolvable(l.Address))
		switch {
		case err == nil:
			_ = one.Close()
		case errors.Is(err, syscall.EADDRINUSE):
			notes = append(notes, fmt.Sprintf("%s: %s is in use, which is fine if this gate runs already. Otherwise end "+
				"the program that listens there, or set another port, as %s=localhost:%d", l.Setting, l.Address, l.Setting,
				spare(l.Setting, l.Address)))
		}
	}
	return notes
}

// spare is a port to propose instead of the one in an address. No two settings get the same one.
func spare(setting, address string) int {
	port := map[string]int{"GATEPOST_LISTEN": 8090, "GATEPOST_OPS_LISTEN": 9190, "GATEPOST_HTTP_LISTEN": 8180,
		"GATEPOST_FORWARD_AUTH_LISTEN": 9291}[setting]
	if strings.HasSuffix(address, fmt.Sprintf(":%d", port)) {
		port++
	}
	return port
}
