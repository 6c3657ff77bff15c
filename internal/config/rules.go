package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/proxy"
)

func (c *Config) checkRules(list *Faults) {
	var err error
	c.Rules, err = proxy.ParseRules(c.Settings.Protect, c.Settings.Public)
	list.Add(err)
	if !c.APIAuthApp {
		c.Rules = c.Rules.Withhold(APIAuth)
	}
	for _, rule := range c.Rules.ProtectingBelow("/.gatepost") {
		list.Add(fmt.Errorf("GATEPOST_PROTECT: rule %q never decides: what lies below /.gatepost is Gatepost's own "+
			"and never reaches the app; leave the rule out", rule))
	}
	c.Identity, err = proxy.ParseIdentity(c.Settings.IdentityHeaders, c.Settings.StripHeaders)
	list.Add(err)
	c.TrustedProxies = c.parseNetworks(list, "GATEPOST_TRUSTED_PROXIES", c.Settings.TrustedProxies)
	if c.Forwarded, err = proxy.ParseForwarded(c.Settings.ForwardedHeaders); err != nil {
		list.Add(fmt.Errorf("GATEPOST_FORWARDED_HEADERS: %w", err))
	}
	if c.Forwarded.Any() && len(c.TrustedProxies) == 0 && !list.about("GATEPOST_TRUSTED_PROXIES") {
		list.missing("GATEPOST_TRUSTED_PROXIES", errors.New("GATEPOST_FORWARDED_HEADERS are believed of trusted proxies "+
			"only, and there is none: list your proxy in GATEPOST_TRUSTED_PROXIES"))
	}
	c.TrustUnverifiedEmail = c.parseBool(list, "GATEPOST_TRUST_UNVERIFIED_EMAIL", c.Settings.TrustUnverifiedEmail)
	if c.Identity.Renames("email", "X-Auth-Email") && c.Settings.SignUp == "open" && c.Verify != auth.VerifyRequired &&
		!c.TrustUnverifiedEmail {
		list.Add(errors.New("GATEPOST_IDENTITY_HEADERS sends the e-mail address under another name, which apps take " +
			"for an identity, while anybody may sign up with an address that is not theirs: send id instead, set " +
			"GATEPOST_VERIFY_EMAIL=required or GATEPOST_SIGNUP=closed, or set GATEPOST_TRUST_UNVERIFIED_EMAIL=true"))
	}
}

func (c *Config) parseNetworks(list *Faults, name, s string) []netip.Prefix {
	var networks []netip.Prefix
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		p, err := parseNetwork(entry)
		if err != nil {
			list.Add(fmt.Errorf("%s: %s is not a network (examples: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32)", name,
				Quote(entry)))
			continue
		}
		networks = append(networks, p)
	}
	return networks
}

// parseNetwork reads a network or a single address. IPv4 written as IPv6 is IPv4.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), err
}
