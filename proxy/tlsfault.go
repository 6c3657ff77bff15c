package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// withCure adds to the error of a request how to mend TLS with the app, if that is what failed.
func (u Upstream) withCure(err error) error {
	if cure := u.tlsFault(greeting{err: err}); cure != nil {
		return fmt.Errorf("%w (%w)", err, cure)
	}
	return err
}

// tlsFault is what is wrong between the gate and the app with certificates or the handshake, and its cure; nil when
// nothing is, or something else.
func (u Upstream) tlsFault(said greeting) error {
	var untrusted *tls.CertificateVerificationError
	alert := alertOf(said.err)
	switch {
	case errors.As(said.err, &untrusted) && len(untrusted.UnverifiedCertificates) > 0:
		return u.certificateFault(untrusted.UnverifiedCertificates, untrusted.Err)
	case alert == alertNoCertificate, u.tls.Certificate == nil && said.wanted && said.refused():
		return errors.New("the app asks for a client certificate: set GATEPOST_UPSTREAM_CERT and GATEPOST_UPSTREAM_KEY")
	case u.tls.Certificate != nil && (slices.Contains(alertsCertificate, alert) || said.wanted && said.refused()):
		return fmt.Errorf("the app does not accept the certificate in GATEPOST_UPSTREAM_CERT%s: it has to be for "+
			"clients, valid, and of an authority that the app knows", inBrackets(alert))
	case slices.Contains(alertsName, alert):
		return fmt.Errorf("the app refuses TLS for the name %q (%s): set GATEPOST_UPSTREAM_SERVER_NAME to the name that "+
			"its certificate is for", u.serverName(), alert)
	case alert == alertVersion:
		return errors.New("the app speaks no TLS of version 1.2 or newer: update it, or what ends TLS for it")
	case alert != "":
		return fmt.Errorf("the app refuses TLS (%s): look at the app's log", alert)
	}
	return nil
}

// refused reports whether an answer may mean that a certificate is lacking or wrong. nginx says so with these statuses,
// and others end the connection.
func (g greeting) refused() bool {
	return g.err != nil && !isTimeout(g.err) || g.status == http.StatusBadRequest || g.status == 495 || g.status == 496
}

// TLS alerts that an app sends (RFC 8446, section 6), as crypto/tls words them.
var (
	alertVersion       = tls.AlertError(70).Error()
	alertNoCertificate = tls.AlertError(116).Error()
	// alertsCertificate are about a certificate of the gate's.
	alertsCertificate = alertTexts(42, 43, 44, 45, 46, 48, 49)
	// alertsName are what servers send that have no certificate for the name asked for.
	alertsName = alertTexts(40, 80, 112)
)

func alertTexts(alerts ...tls.AlertError) (texts []string) {
	for _, a := range alerts {
		texts = append(texts, a.Error())
	}
	return texts
}

// alertOf is the TLS alert that the app sent; empty when it sent none. crypto/tls exports no type for it.
func alertOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return op.Err.Error()
	}
	return ""
}

// certificateFault says all that is wrong with the app's certificate. Verification stops at the first fault.
func (u Upstream) certificateFault(chain []*x509.Certificate, cause error) error {
	leaf, name := chain[0], u.serverName()
	var faults []string
	var invalid x509.CertificateInvalidError
	if errors.As(cause, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil {
		faults = append(faults, outOfDate(leaf, invalid.Cert))
	}
	if leaf.VerifyHostname(name) != nil {
		faults = append(faults, wrongName(leaf, name))
	}
	if u.unknown(chain) {
		faults = append(faults, u.strange(leaf))
	}
	if faults == nil {
		return fmt.Errorf("the app's certificate is not accepted: %w", cause)
	}
	return errors.New("the app's certificate " + strings.Join(faults, "; and it "))
}

func outOfDate(leaf, c *x509.Certificate) string {
	which := ""
	if !leaf.Equal(c) {
		which = fmt.Sprintf("is of an authority whose own certificate, %q, ", c.Subject)
	}
	if time.Now().Before(c.NotBefore) {
		return which + fmt.Sprintf("is good from %s on, and not before: look at the clocks of both machines",
			c.NotBefore.UTC().Format(time.DateTime))
	}
	return which + "expired on " + c.NotAfter.UTC().Format(time.DateOnly) + ": renew it"
}

func wrongName(leaf *x509.Certificate, name string) string {
	var names []string
	for _, n := range leaf.DNSNames {
		names = append(names, fmt.Sprintf("%q", n))
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, fmt.Sprintf("%q", ip.String()))
	}
	if names == nil {
		return "names no host, as a common name does not count: give the app one with a subject alternative name"
	}
	return fmt.Sprintf("is for %s and not for %q: if that is your app, set GATEPOST_UPSTREAM_SERVER_NAME to a name that "+
		"it is for", strings.Join(names, ", "), name)
}

// unknown reports whether no authority that counts has signed the chain, whatever else is wrong with it.
func (u Upstream) unknown(chain []*x509.Certificate) bool {
	o := x509.VerifyOptions{Roots: u.tls.Roots, Intermediates: x509.NewCertPool(),
		CurrentTime: chain[0].NotAfter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

// strange says whose certificate is missing in GATEPOST_UPSTREAM_CA.
func (u Upstream) strange(leaf *x509.Certificate) string {
	if leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
		return "is signed by itself and so of an unknown authority: put it into GATEPOST_UPSTREAM_CA"
	}
	where := "of this system: put that authority's certificate into GATEPOST_UPSTREAM_CA"
	if u.tls.Roots != nil {
		where = "in GATEPOST_UPSTREAM_CA: put that authority's certificate there, or let the app send its whole chain"
	}
	return fmt.Sprintf("is of an unknown authority, %q, which is none %s", leaf.Issuer, where)
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
