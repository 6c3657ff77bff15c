package doctor

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// tlsFault is the fault of a handshake, in one sentence with its cure; nil when the error is none of TLS. known is
// whether the caller named authorities of their own.
func tlsFault(s site, known bool, err error) error {
	var unverified *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0:
		return certificateFault(s, known, unverified)
	case errors.As(err, &noTLS) && bytes.HasPrefix(noTLS.RecordHeader[:], []byte("HTTP")):
		return fmt.Errorf("%s speaks http, and the address says https: examine http://%s, or name the port of https",
			s, s.address)
	case errors.As(err, &noTLS):
		return fmt.Errorf("%s speaks no TLS, and the address says https: name the port of https", s)
	case strings.HasPrefix(err.Error(), "TLS: "), strings.Contains(err.Error(), "tls: "):
		return alertFault(s, err)
	}
	return nil
}

// certificateFault is what is wrong with the certificate of a site.
func certificateFault(s site, known bool, unverified *tls.CertificateVerificationError) error {
	leaf := unverified.UnverifiedCertificates[0]
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(unverified.Err, &invalid) && invalid.Reason == x509.Expired:
		return dateFault(s, invalid.Cert)
	case errors.As(unverified.Err, new(x509.HostnameError)):
		return fmt.Errorf("the certificate of %s is for another name: it is for %s and not for %s; examine the site by its "+
			"name, or get a certificate for this one", s, namesIn(leaf), s.hostname())
	case errors.As(unverified.Err, &unknown):
		return authorityFault(s, known, unverified.UnverifiedCertificates)
	case errors.As(unverified.Err, new(x509.SystemRootsError)):
		return fmt.Errorf("the certificate of %s cannot be checked, as this machine has no list of authorities: install "+
			"ca-certificates, or give the authority's certificate with --ca FILE", s)
	}
	return fmt.Errorf("the certificate of %s is not valid (%w): browsers refuse it too; get another", s, unverified.Err)
}

func dateFault(s site, c *x509.Certificate) error {
	if now := time.Now(); now.Before(c.NotBefore) {
		return fmt.Errorf("the certificate of %s is good from %s on: see that the clock of this machine is right, or serve "+
			"the certificate from before", s, c.NotBefore.UTC().Format(time.DateTime))
	}
	return fmt.Errorf("the certificate of %s expired on %s: renew it, and see that what should have done so runs", s,
		c.NotAfter.UTC().Format(time.DateTime))
}

func authorityFault(s site, known bool, chain []*x509.Certificate) error {
	leaf := chain[0]
	by := fmt.Sprintf("its authority %q is not one that this machine knows", short(leaf.Issuer.String()))
	cure := "give the authority's certificate with --ca FILE"
	if bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
		by, cure = "it is signed by nobody but itself", "give this certificate with --ca FILE"
	}
	switch {
	case known:
		cure = "it is not signed by what --ca names either: give the certificate of its authority there"
	case len(chain) == 1 && !bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		cure += "; if the authority is a public one, the server has to send its chain too"
	}
	return fmt.Errorf("the certificate of %s is private: %s; %s, or get one that browsers know, which warn of this one",
		s, by, cure)
}

// namesIn are the names that a certificate is for.
func namesIn(c *x509.Certificate) string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name"
	}
	return short(strings.Join(names, ", "))
}

// alertFault explains a handshake that the server ends. crypto/tls has no type for the server's alerts.
func alertFault(s site, err error) error {
	said := err.Error()
	var remote *net.OpError
	switch {
	case errors.Is(err, errAsked), strings.Contains(said, "certificate required"):
		return fmt.Errorf("%s asks for a certificate of the visitor's, and the doctor has none: examine an address that "+
			"asks for none", s)
	case strings.Contains(said, "unrecognized name"), strings.Contains(said, "internal error"):
		return fmt.Errorf("%s has no certificate for %s: get one for this name (with ACME see the gate's log), or examine "+
			"the site by another", s, s.hostname())
	case strings.Contains(said, "protocol version"):
		return fmt.Errorf("%s speaks no TLS from 1.2 on, as browsers do: switch that on there", s)
	case errors.As(err, &remote), errors.Is(err, errClosed):
		return fmt.Errorf("%s ends the TLS handshake (%w): see that port %s is that of https, and the log of what ends TLS",
			s, cause(err), s.port())
	case errors.Is(err, errTimeout):
		return fmt.Errorf("%s begins no TLS handshake: see that port %s is that of https", s, s.port())
	}
	return fmt.Errorf("%s cannot be spoken to over TLS (%w): see the log of what ends TLS there", s, err)
}
