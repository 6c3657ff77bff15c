package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkAliases reads the other origins of the site.
func (c *Config) checkAliases(list *Faults) {
	for entry := range strings.SplitSeq(c.Settings.PublicURLAliases, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		alias, err := parseOrigin(entry)
		if err == nil && alias.Host == c.PublicURL.Host {
			err = errors.New("has the host of GATEPOST_PUBLIC_URL, so that nobody could be led from one to the other: " +
				"leave it out")
		}
		if err != nil {
			list.Add(fmt.Errorf("GATEPOST_PUBLIC_URL_ALIASES: %s %w", Quote(entry), err))
			continue
		}
		c.Aliases = append(c.Aliases, alias)
		if alias.Scheme == "https" || c.PublicURL.Scheme == "http" {
			c.Origins = append(c.Origins, alias)
		}
	}
}

// parseOrigin reads a URL that is only an origin, as browsers write it.
func parseOrigin(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !ValidPort(u):
		return nil, errors.New("is not a URL like https://www.example.com")
	case u.User != nil:
		return nil, errors.New("takes no user name")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("has a path: name only scheme, host and port")
	}
	return &url.URL{Scheme: u.Scheme, Host: AsBrowsersSay(u)}, nil
}

// aliasDoubts are about aliases that browsers cannot reach over the gate's own TLS.
func (c *Config) aliasDoubts() (list []string) {
	for _, alias := range c.Aliases {
		if alias.Scheme == "https" && c.ACMEDomains != nil && !slices.Contains(c.ACMEDomains, alias.Hostname()) {
			list = append(list, fmt.Sprintf("GATEPOST_PUBLIC_URL_ALIASES: there will be no certificate for %s, as it is "+
				"not in GATEPOST_ACME_DOMAINS: browsers warn before they are led on", alias.Hostname()))
		}
		if alias.Scheme == "https" && c.Certificate != nil && c.Certificate.Served() != nil &&
			c.Certificate.Served().Leaf.VerifyHostname(alias.Hostname()) != nil {
			list = append(list, fmt.Sprintf("GATEPOST_PUBLIC_URL_ALIASES: the certificate in GATEPOST_TLS_CERT is not "+
				"for %s: browsers warn before they are led on", alias.Hostname()))
		}
	}
	return list
}
