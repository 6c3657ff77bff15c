package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/idna"
)

// checkTLS reads what has to do with ending TLS here. Without a certificate or ACME somebody in front does.
func (c *config) checkTLS(list *faults) {
	files, acme := c.TLSCert != "" || c.TLSKey != "", c.ACMEDomains != ""
	switch {
	case files && acme:
		list.add(errors.New("GATEPOST_TLS_CERT and GATEPOST_ACME_DOMAINS are both set: keep one"))
	case files && (c.TLSCert == "" || c.TLSKey == ""):
		list.add(errors.New("GATEPOST_TLS_CERT and GATEPOST_TLS_KEY go together: set both"))
	case files:
		c.certificate = &certificate{certFile: c.TLSCert, keyFile: c.TLSKey, host: c.publicURL.Hostname()}
		_, err := c.certificate.load()
		list.add(err)
	case acme:
		c.checkACME(list)
	}
	c.tls = files || acme
	if c.ACMEEmail != "" && (!acme || !strings.Contains(c.ACMEEmail, "@") || strings.ContainsAny(c.ACMEEmail, " <>,")) {
		list.add(fmt.Errorf("GATEPOST_ACME_EMAIL: %s is to be one address, like admin@example.com, and goes with GATEPOST_ACME_DOMAINS", quote(c.ACMEEmail)))
	}
	if c.tls && c.publicURL.Scheme != "https" {
		list.add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s is no https address, and visitors are spoken to over TLS: set it to https://…", quote(c.PublicURL)))
	}
	if c.HTTPListen != "" {
		_, err := checkAddress("GATEPOST_HTTP_LISTEN", c.HTTPListen)
		list.add(err)
		if !c.tls {
			list.add(errors.New("GATEPOST_HTTP_LISTEN sends visitors to https, which nobody here serves: set GATEPOST_TLS_CERT and GATEPOST_TLS_KEY, or GATEPOST_ACME_DOMAINS"))
		}
	}
	if c.HSTS != "off" {
		age := c.parseSeconds(list, "GATEPOST_HSTS", c.HSTS)
		if c.tls {
			c.hsts = fmt.Sprintf("max-age=%d", int(age.Seconds()))
		}
	}
}

func (c *config) checkACME(list *faults) {
	for entry := range strings.SplitSeq(c.ACMEDomains, ",") {
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
		list.add(fmt.Errorf("GATEPOST_ACME_DOMAINS: %s lacks %s, the host of GATEPOST_PUBLIC_URL", quote(c.ACMEDomains), host))
	}
	if u, err := url.Parse(c.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		list.add(fmt.Errorf("GATEPOST_ACME_DIRECTORY: %s is not an address like https://acme-v02.api.letsencrypt.org/directory", quote(c.ACMEDirectory)))
	}
}

// certificateEvery is how often the files of a certificate are looked at.
const certificateEvery = 10 * time.Second

// attempt is what the files held, or why they could not be read.
type attempt struct{ cert, key, fault string }

// certificate is one from files, read again when they change.
type certificate struct {
	certFile, keyFile string
	host              string // it has to be good for
	current           atomic.Pointer[tls.Certificate]
	mu                sync.Mutex
	tried             attempt // the last one
}

// load reads the files and, when they hold a pair that can be served, serves it from now on. tried says that it did before, and with what
// outcome has been told.
func (c *certificate) load() (tried bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.files()
	if err != nil {
		now.fault = err.Error()
	}
	if now == c.tried {
		return true, err
	}
	c.tried = now
	if err == nil {
		err = c.use([]byte(now.cert), []byte(now.key))
	}
	return false, err
}

func (c *certificate) files() (attempt, error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return attempt{}, fmt.Errorf("GATEPOST_TLS_CERT: cannot read %s: %w", quote(c.certFile), reason(err))
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return attempt{}, fmt.Errorf("GATEPOST_TLS_KEY: cannot read %s: %w", quote(c.keyFile), reason(err))
	}
	return attempt{cert: string(cert), key: string(key)}, nil
}

// use says what is wrong with a pair and never quotes of it.
func (c *certificate) use(cert, key []byte) error {
	pair, err := tls.X509KeyPair(cert, key)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return fmt.Errorf("GATEPOST_TLS_KEY: the key in %s is not that of the certificate in %s", quote(c.keyFile), quote(c.certFile))
	case err != nil:
		return fmt.Errorf("GATEPOST_TLS_CERT: %s and %s are not a certificate and its key in PEM: %w", quote(c.certFile), quote(c.keyFile), err)
	}
	now := time.Now()
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("GATEPOST_TLS_CERT: the certificate in %s expired on %s: renew it", quote(c.certFile), leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("GATEPOST_TLS_CERT: the certificate in %s is good from %s on, and not before: look at the clock", quote(c.certFile), leaf.NotBefore.UTC().Format(time.DateTime))
	case leaf.VerifyHostname(c.host) != nil:
		return fmt.Errorf("GATEPOST_TLS_CERT: the certificate in %s is for %s, and browsers ask for %s", quote(c.certFile), strings.Join(names(leaf), ", "), c.host)
	}
	c.current.Store(&pair)
	return nil
}

func names(leaf *x509.Certificate) []string {
	list := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		return []string{"no name"}
	}
	return list
}

// watch reads the files again when they change. What cannot be served is said once, and the pair before goes on.
func (c *certificate) watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.reload(log)
		}
	}
}

func (c *certificate) reload(log *slog.Logger) {
	switch tried, err := c.load(); {
	case tried:
	case err != nil:
		log.Error("the changed certificate is not used; the one before goes on", "err", err)
	default:
		log.Info("the certificate has changed", "expires", c.current.Load().Leaf.NotAfter.UTC())
	}
}

// config is that of the public listener. TLS 1.2 is the least (ASVS 5.0, 12.1.1).
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.current.Load(), nil
	}}
}
