package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// checkTLS reads what has to do with ending TLS here. Without a certificate or ACME somebody in front does.
func (c *config) checkTLS(list *faults) {
	files, acme := c.settings.TLSCert != "" || c.settings.TLSKey != "", c.settings.ACMEDomains != ""
	switch {
	case files && acme:
		list.add(errors.New("GATEPOST_TLS_CERT and GATEPOST_ACME_DOMAINS are both set: keep one"))
	case files && (c.settings.TLSCert == "" || c.settings.TLSKey == ""):
		list.add(errors.New("GATEPOST_TLS_CERT and GATEPOST_TLS_KEY go together: set both"))
	case files:
		var err error
		c.certificate, err = openCertificate(c.settings.TLSCert, c.settings.TLSKey, c.publicURL.Hostname())
		list.add(err)
	case acme:
		c.checkACME(list)
	}
	c.tls = files || acme
	if c.settings.ACMEEmail != "" && (!acme || !strings.Contains(c.settings.ACMEEmail, "@") || strings.ContainsAny(c.settings.ACMEEmail, " <>,")) {
		list.add(fmt.Errorf("GATEPOST_ACME_EMAIL: %s is to be one address, like admin@example.com, and goes with GATEPOST_ACME_DOMAINS", quote(c.settings.ACMEEmail)))
	}
	if c.tls && c.publicURL.Scheme != "https" {
		list.add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s is no https address, and visitors are spoken to over TLS: set it to https://…", quote(c.settings.PublicURL)))
	}
	if c.settings.HTTPListen != "" {
		_, err := checkAddress("GATEPOST_HTTP_LISTEN", c.settings.HTTPListen)
		list.add(err)
		if !c.tls {
			list.add(errors.New("GATEPOST_HTTP_LISTEN sends visitors to https, which nobody here serves: set GATEPOST_TLS_CERT and GATEPOST_TLS_KEY, or GATEPOST_ACME_DOMAINS"))
		}
	}
	if c.settings.HSTS != "off" {
		age := c.parseSeconds(list, "GATEPOST_HSTS", c.settings.HSTS)
		if c.tls {
			c.hsts = fmt.Sprintf("max-age=%d", int(age.Seconds()))
		}
	}
}

func (c *config) checkACME(list *faults) {
	for entry := range strings.SplitSeq(c.settings.ACMEDomains, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		name, err := idna.Lookup.ToASCII(entry)
		if err != nil || net.ParseIP(name) != nil || strings.ContainsAny(name, "*:/") || !strings.Contains(name, ".") {
			list.add(fmt.Errorf("GATEPOST_ACME_DOMAINS: %s is not a name that a certificate can be had for (example: app.example.com)", quote(entry)))
			continue
		}
		c.acmeDomains = append(c.acmeDomains, strings.ToLower(name))
	}
	if host := c.publicURL.Hostname(); !slices.Contains(c.acmeDomains, host) {
		list.add(fmt.Errorf("GATEPOST_ACME_DOMAINS: %s lacks %s, the host of GATEPOST_PUBLIC_URL", quote(c.settings.ACMEDomains), host))
	}
	if u, err := url.Parse(c.settings.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		list.add(fmt.Errorf("GATEPOST_ACME_DIRECTORY: %s is not an address like https://acme-v02.api.letsencrypt.org/directory", quote(c.settings.ACMEDirectory)))
	}
}
