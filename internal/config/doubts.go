package config

import (
	"slices"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/proxy"
)

// Doubts are settings that are valid and may not be what the operator meant.
func (c *Config) Doubts() (list []string) {
	if len(c.TrustedProxies) == 0 && c.Certificate == nil && c.ACMEDomains == nil &&
		!proxy.IsLoopback(c.PublicURL.Hostname()) {
		list = append(list, "GATEPOST_TRUSTED_PROXIES is not set: all visitors behind a proxy count as one, so that "+
			"one of them can use up what all need")
	}
	if c.AllowHTTP && c.PublicURL.Scheme == "http" && !proxy.IsLoopback(c.PublicURL.Hostname()) {
		list = append(list, "GATEPOST_ALLOW_HTTP: passwords travel unencrypted, and any other site below the same "+
			"domain, or anybody on the way, can set the "+
			"session cookie of a visitor and so sign them in as somebody else; only https:// keeps both out")
	}
	if c.PublicURL.Scheme == "http" && slices.ContainsFunc(c.Providers, func(s provider.Spec) bool {
		return s.Name == "apple"
	}) {
		list = append(list, "GATEPOST_APPLE_CLIENT_ID: Apple sends nobody back to an http:// address, so that signing in "+
			"with Apple works at an https:// one only")
	}
	return list
}
