package main

import "github.com/gatepost/gatepost/proxy"

// doubts are settings that are no fault and may not be what was meant.
func (c *config) doubts() (list []string) {
	if len(c.trustedProxies) == 0 && c.certificate == nil && c.acmeDomains == nil && !proxy.IsLoopback(c.publicURL.Hostname()) {
		list = append(list, "GATEPOST_TRUSTED_PROXIES is not set: all visitors behind a proxy count as one, so that one of them can use up what all need")
	}
	if c.allowHTTP && c.publicURL.Scheme == "http" && !proxy.IsLoopback(c.publicURL.Hostname()) {
		list = append(list, "GATEPOST_ALLOW_HTTP: passwords travel unencrypted, and any other site below the same domain, or anybody on the way, can set the "+
			"session cookie of a visitor and so sign them in as somebody else; only https:// keeps both out")
	}
	return list
}
