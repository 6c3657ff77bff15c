package proxy

import (
	"crypto/tls"
	"crypto/x509"
)

// UpstreamTLS says how an app at https:// proves who it is, and how the gate proves who it is to the app. The zero
// value asks for a certificate of an authority that the system trusts, for the host in the address, and shows none.
type UpstreamTLS struct {
	// Roots are the only authorities that the app's certificate may come from, or certificates of the app itself. nil:
	// those of the system.
	Roots *x509.CertPool
	// ServerName is the name that the app's certificate has to be for, and that is asked for (SNI). Empty: the host in
	// the address.
	ServerName string
	// Certificate is the gate's own, for apps that ask for one. nil: none.
	Certificate *tls.Certificate
}

// WithTLS is the app at the same address with TLS of the operator's. It has a meaning for https:// only.
func (u Upstream) WithTLS(t UpstreamTLS) Upstream {
	u.tls = t
	return u
}

// TLS reports whether the app is spoken to over TLS.
func (u Upstream) TLS() bool { return u.scheme == "https" }

// config returns a new tls.Config, as each http.Transport changes its own.
func (t UpstreamTLS) config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: t.Roots, ServerName: t.ServerName}
	if t.Certificate != nil {
		// Also to an app that does not name the certificate's authority among those it knows, as lists are often
		// incomplete: it then says what is wrong. With Certificates none would be sent.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.Certificate, nil }
	}
	return c
}

// serverName is the name that the app's certificate has to be for.
func (u Upstream) serverName() string {
	if u.tls.ServerName != "" {
		return u.tls.ServerName
	}
	host, _ := u.hostPort()
	return host
}
