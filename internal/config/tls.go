package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// checkTLS checks the settings for TLS on the public listener. Without a certificate or ACME the gate expects a
// proxy in front of it to end TLS.
func (c *Config) checkTLS(list *Faults) {
	files, acme := c.Settings.TLSCert != "" || c.Settings.TLSKey != "", c.Settings.ACMEDomains != ""
	switch {
	case files && acme:
		list.Add(errors.New("GATEPOST_TLS_CERT and GATEPOST_ACME_DOMAINS are both set: keep one"))
	case files && (c.Settings.TLSCert == "" || c.Settings.TLSKey == ""):
		if !list.about("GATEPOST_TLS_KEY") {
			list.missing("GATEPOST_TLS_CERT", errors.New("GATEPOST_TLS_CERT and GATEPOST_TLS_KEY go together: set both"))
		}
	case files:
		var err error
		c.Certificate, err = openCertificate(c.Settings.TLSCert, c.Settings.TLSKey, c.PublicURL.Hostname())
		list.Add(err)
	case acme:
		c.checkACME(list)
	}
	c.TLS = files || acme
	if c.Settings.ACMEEmail != "" && (!acme || !strings.Contains(c.Settings.ACMEEmail, "@") ||
		strings.ContainsAny(c.Settings.ACMEEmail, " <>,")) {
		list.Add(fmt.Errorf("GATEPOST_ACME_EMAIL: %s is to be one address, like admin@example.com, and goes with "+
			"GATEPOST_ACME_DOMAINS", Quote(c.Settings.ACMEEmail)))
	}
	if c.TLS && c.PublicURL.Scheme != "https" {
		list.missing("GATEPOST_PUBLIC_URL", fmt.Errorf("GATEPOST_PUBLIC_URL: %s is no https address, and visitors are "+
			"spoken to over TLS: set it to https://…", Quote(c.Settings.PublicURL)))
	}
	if c.Settings.HTTPListen != "" {
		_, err := CheckAddress("GATEPOST_HTTP_LISTEN", c.Settings.HTTPListen)
		list.Add(err)
		if !c.TLS && !list.about("GATEPOST_TLS_CERT") && !list.about("GATEPOST_TLS_KEY") {
			list.missing("GATEPOST_ACME_DOMAINS", errors.New("GATEPOST_HTTP_LISTEN sends visitors to https, which "+
				"nobody here serves: set GATEPOST_TLS_CERT and GATEPOST_TLS_KEY, or GATEPOST_ACME_DOMAINS"))
		}
	}
	if c.Settings.HSTS != "off" {
		age := c.parseSeconds(list, "GATEPOST_HSTS", c.Settings.HSTS)
		if c.TLS {
			c.HSTS = fmt.Sprintf("max-age=%d", int(age.Seconds()))
		}
	}
}

func (c *Config) checkACME(list *Faults) {
	for entry := range strings.SplitSeq(c.Settings.ACMEDomains, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		name, err := idna.Lookup.ToASCII(entry)
		if err != nil || net.ParseIP(name) != nil || strings.ContainsAny(name, "*:/") || !strings.Contains(name, ".") {
			list.Add(fmt.Errorf("GATEPOST_ACME_DOMAINS: %s is not a name that a certificate can be had for "+
				"(example: app.example.com)", Quote(entry)))
			continue
		}
		c.ACMEDomains = append(c.ACMEDomains, strings.ToLower(name))
	}
	host := c.PublicURL.Hostname()
	if !slices.Contains(c.ACMEDomains, host) && !list.about("GATEPOST_PUBLIC_URL") &&
		!list.about("GATEPOST_ACME_DOMAINS") {
		list.Add(fmt.Errorf("GATEPOST_ACME_DOMAINS: %s lacks %s, the host of GATEPOST_PUBLIC_URL",
			Quote(c.Settings.ACMEDomains), host))
	}
	if u, err := url.Parse(c.Settings.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		list.Add(fmt.Errorf("GATEPOST_ACME_DIRECTORY: %s is not an address like "+
			"https://acme-v02.api.letsencrypt.org/directory", Quote(c.Settings.ACMEDirectory)))
	}
}
