package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	"golang.org/x/net/idna"

	"github.com/gatepost/gatepost/proxy"
)

func (c *Config) checkUpstream(list *Faults) {
	c.UpstreamTimeout = c.parseDuration(list, "GATEPOST_UPSTREAM_TIMEOUT", c.Settings.UpstreamTimeout)
	if c.Settings.UpstreamConnAge != "off" {
		c.UpstreamConnAge = c.parseSeconds(list, "GATEPOST_UPSTREAM_CONN_AGE", c.Settings.UpstreamConnAge)
	}
	secured := c.checkUpstreamTLS(list)
	if c.Settings.Upstream == "" {
		return
	}
	app, err := proxy.ParseUpstream(c.Settings.Upstream)
	if err != nil {
		list.Add(fmt.Errorf("GATEPOST_UPSTREAM %w", err))
		return
	}
	if set := c.setForUpstreamTLS(); len(set) > 0 && !app.TLS() {
		list.Add(fmt.Errorf("%s: the app at %s is not spoken to over TLS: change GATEPOST_UPSTREAM to https://…, or "+
			"leave this out", strings.Join(set, ", "), app))
	}
	c.Upstream, c.HasUpstream = app.WithTLS(secured), true
}

// NeedUpstream adds a fault when a command that forwards requests has no GATEPOST_UPSTREAM, unless another proxy
// forwards them.
func (c *Config) NeedUpstream(list *Faults) {
	if !c.HasUpstream && c.Settings.ForwardAuthListen == "" {
		list.missing("GATEPOST_UPSTREAM", errors.New("GATEPOST_UPSTREAM is needed: the address of your app, for example "+
			"http://localhost:3000"))
	}
}

// setForUpstreamTLS are the names of the settings for an app at https:// that are set.
func (c *Config) setForUpstreamTLS() (names []string) {
	s := c.Settings
	for _, k := range [][2]string{{"GATEPOST_UPSTREAM_CA", s.UpstreamCA}, {"GATEPOST_UPSTREAM_CERT", s.UpstreamCert},
		{"GATEPOST_UPSTREAM_KEY", s.UpstreamKey}, {"GATEPOST_UPSTREAM_SERVER_NAME", s.UpstreamServerName}} {
		if k[1] != "" {
			names = append(names, k[0])
		}
	}
	return names
}

// checkUpstreamTLS reads the settings for an app at https://. Its faults quote nothing of what is in PEM.
func (c *Config) checkUpstreamTLS(list *Faults) (t proxy.UpstreamTLS) {
	var err error
	if t.Roots, err = roots(c.Settings.UpstreamCA); err != nil {
		list.Add(fmt.Errorf("GATEPOST_UPSTREAM_CA %w", err))
	}
	if t.Certificate, err = ownPair(c.Settings.UpstreamCert, c.Settings.UpstreamKey); err != nil {
		list.Add(err)
	}
	if t.ServerName, err = serverName(c.Settings.UpstreamServerName); err != nil {
		list.Add(fmt.Errorf("GATEPOST_UPSTREAM_SERVER_NAME: %w", err))
	}
	return t
}

// plainName matches names of hosts in ASCII, also those of containers, which may have an underscore.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

// serverName is a host as certificates spell it.
func serverName(s string) (string, error) {
	if s == "" || net.ParseIP(s) != nil {
		return s, nil
	}
	if plainName.MatchString(s) {
		return s, nil
	}
	name, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", fmt.Errorf("%s is not the name of a host as in a certificate (example: app.internal)", Quote(s))
	}
	return name, nil
}
