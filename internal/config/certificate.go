package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// attempt is what the files held, or the error of reading them.
type attempt struct{ cert, key, fault string }

// Certificate is a certificate with its key from files. They are read again when they change.
type Certificate struct {
	certFile, keyFile string
	host              string // the name that the certificate must be valid for
	current           atomic.Pointer[tls.Certificate]
	mu                sync.Mutex
	tried             attempt // the last attempt
}

// openCertificate reads a certificate and its key. It fails when the pair is not valid for the host.
func openCertificate(certFile, keyFile, host string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, host: host}
	_, err := c.load()
	return c, err
}

// load reads the files and serves the pair from now on if it is valid. tried reports that the files are as at the
// last load, so that the outcome is not logged again.
func (c *Certificate) load() (tried bool, err error) {
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

func (c *Certificate) files() (attempt, error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return attempt{}, fmt.Errorf("GATEPOST_TLS_CERT: cannot read %s: %w", Quote(c.certFile), reason(err))
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return attempt{}, fmt.Errorf("GATEPOST_TLS_KEY: cannot read %s: %w", Quote(c.keyFile), reason(err))
	}
	return attempt{cert: string(cert), key: string(key)}, nil
}

// use checks a pair and serves it if it is valid. Its errors quote nothing of the files' content.
func (c *Certificate) use(cert, key []byte) error {
	pair, err := tls.X509KeyPair(cert, key)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return fmt.Errorf("GATEPOST_TLS_KEY: the key in %s is not that of the certificate in %s",
			Quote(c.keyFile), Quote(c.certFile))
	case err != nil:
		return fmt.Errorf("GATEPOST_TLS_CERT: %s and %s are not a certificate and its key in PEM: %w",
			Quote(c.certFile), Quote(c.keyFile), err)
	}
	now := time.Now()
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("GATEPOST_TLS_CERT: the certificate in %s expired on %s: renew it", Quote(c.certFile),
			leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("GATEPOST_TLS_CERT: the certificate in %s is good from %s on, and not before: look at the "+
			"clock", Quote(c.certFile), leaf.NotBefore.UTC().Format(time.DateTime))
	case leaf.VerifyHostname(c.host) != nil:
		return fmt.Errorf("GATEPOST_TLS_CERT: the certificate in %s is for %s, and browsers ask for %s",
			Quote(c.certFile), strings.Join(names(leaf), ", "), c.host)
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

// Reload loads the files again and logs the outcome if they have changed.
func (c *Certificate) Reload(log *slog.Logger) {
	switch tried, err := c.load(); {
	case tried:
	case err != nil:
		log.Error("the changed certificate is not used; the one before goes on", "err", err)
	default:
		log.Info("the certificate has changed", "expires", c.current.Load().Leaf.NotAfter.UTC())
	}
}

// Served is the last valid pair; nil when there is none yet.
func (c *Certificate) Served() *tls.Certificate { return c.current.Load() }
