package server

import (
	"fmt"
	"net"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/proxy"
)

// listeners are the network listeners of the gate. A listener that is off is nil.
type listeners struct {
	public, ops, plain net.Listener
	passed             bool // the public listener is a passed-on socket, which another gate may serve too
}

// Close closes the listeners. It is called when nothing serves them any more, or before anything does.
func (l listeners) Close() {
	for _, one := range []net.Listener{l.public, l.ops, l.plain} {
		if one != nil {
			_ = one.Close()
		}
	}
}

// own are the addresses of the listeners that are on.
func (l listeners) own() (list []proxy.Listener) {
	for i, one := range []net.Listener{l.public, l.ops, l.plain} {
		if one != nil {
			list = append(list, proxy.Listener{Setting: config.ListenerSettings[i], Address: one.Addr().String()})
		}
	}
	return list
}

// listen opens the listeners. It runs first, so that a port in use fails before anything else has started.
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
	if l.public == nil {
		if l.public, err = net.Listen("tcp", config.Resolvable(c.Settings.Listen)); err != nil {
			return l, fmt.Errorf("GATEPOST_LISTEN: cannot listen on %s: %w", c.Settings.Listen, config.Cause(err))
		}
	}
	if c.PublicURL.Port() == "0" || passed["public"] != nil && config.Lookup(c.Env, "GATEPOST_PUBLIC_URL") == "" {
		c.Follow(l.public.Addr().(*net.TCPAddr).Port)
	}
	if c.Settings.OpsListen != "off" && l.ops == nil {
		if l.ops, err = net.Listen("tcp", config.Resolvable(c.Settings.OpsListen)); err != nil {
			return l, fmt.Errorf("GATEPOST_OPS_LISTEN: cannot listen on %s: %w (name another address, or off)",
				c.Settings.OpsListen, config.Cause(err))
		}
	}
	if c.Settings.HTTPListen != "" && l.plain == nil {
		if l.plain, err = net.Listen("tcp", config.Resolvable(c.Settings.HTTPListen)); err != nil {
			return l, fmt.Errorf("GATEPOST_HTTP_LISTEN: cannot listen on %s: %w",
				c.Settings.HTTPListen, config.Cause(err))
		}
	}
	return l, nil
}
