package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/proxy"
)

// numbered matches a value of BETTER_AUTH_SECRETS with its version.
var numbered = regexp.MustCompile(`^\d+:`)

// Doubts are settings that are valid and may not be what the operator meant.
func (c *Config) Doubts() (list []string) {
	if len(c.TrustedProxies) == 0 && c.Certificate == nil && c.ACMEDomains == nil &&
		!proxy.IsLoopback(c.PublicURL.Hostname()) {
		list = append(list, "GATEPOST_TRUSTED_PROXIES is not set: all visitors behind a proxy count as one, so that "+
			"one of them can use up what all need")
	}
	if c.ListenH2C && len(c.TrustedProxies) == 0 {
		list = append(list, "GATEPOST_LISTEN_H2C: only a balancer on this machine may speak HTTP/2 without TLS, as "+
			"GATEPOST_TRUSTED_PROXIES is not set: list your balancer's address there")
	}
	if c.Webhook != nil && c.Webhook.Plain() {
		list = append(list, "GATEPOST_WEBHOOK_URL: names and addresses of users travel unencrypted; only where nobody but "+
			"you has access to the network between the gate and the app is that no matter")
	}
	if slices.ContainsFunc(c.ForwardAuthPeers, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		list = append(list, "GATEPOST_FORWARD_AUTH_PEERS has every address: whoever reaches GATEPOST_FORWARD_AUTH_LISTEN "+
			"can say which request and which address they ask for; list the addresses of your proxy")
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
	if until := c.Elsewhere.Until; c.Elsewhere.Any() && !until.IsZero() && until.Before(time.Now()) {
		list = append(list, "GATEPOST_IMPORT_UNTIL is over, so that no old cookie counts any more: remove it and "+
			"GATEPOST_IMPORT_…_SECRET")
	}
	if slices.ContainsFunc(c.Elsewhere.BetterAuth, func(s secret.Text) bool { return numbered.MatchString(string(s)) }) {
		list = append(list, "GATEPOST_IMPORT_BETTER_AUTH_SECRET: a value begins with a number and a colon, as those of "+
			"BETTER_AUTH_SECRETS do; if that is its version, leave it out, or everybody has to sign in again")
	}
	return slices.Concat(list, c.Identity.Doubts(), c.aliasDoubts(), c.apiDoubts(), c.maintenanceDoubts(),
		c.factorDoubts(), c.corsDoubts(), c.forwardAuthDoubts())
}

// below reports whether a path is a prefix or lies below it.
func below(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// apiDoubts are about /api/auth/: rules for what they do not decide, and rules that keep people from an app's own.
func (c *Config) apiDoubts() (list []string) {
	if c.APIAuthApp {
		for _, ask := range [][2]string{{"POST", APIAuth + "/sign-in/email"}, {"GET", APIAuth + "/get-session"}} {
			if !c.Rules.For(ask[0], ask[1]).Public {
				return []string{"GATEPOST_API_AUTH=app: " + ask[0] + " " + ask[1] + " is not public, so that nobody who is " +
					"signed out here can sign in at the app; add " + APIAuth + " to GATEPOST_PUBLIC"}
			}
		}
		return nil
	}
	for _, d := range c.Rules.Describe() {
		if below(d.Prefix, APIAuth) {
			list = append(list, fmt.Sprintf("rule %q decides nothing: what lies below %s is Gatepost's own and never "+
				"reaches the app, unless GATEPOST_API_AUTH=app", d.Rule, APIAuth))
		}
	}
	return list
}
