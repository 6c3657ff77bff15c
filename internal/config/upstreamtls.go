package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// withBreaks is a text in PEM whose line breaks may be written as environment files do.
func withBreaks(s string) string { return strings.ReplaceAll(s, `\n`, "\n") }

// certificates reads all certificates in PEM. A block that cannot be read is a fault, which pem.Decode passes over.
func certificates(text string) (all []*x509.Certificate, err error) {
	text = withBreaks(text)
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errUnreadable
		}
		all = append(all, one)
	}
	if len(all) != strings.Count(text, "-----BEGIN CERTIFICATE-----") {
		return nil, errUnreadable
	}
	return all, nil
}

var errUnreadable = errors.New("has a certificate that cannot be read: set it to a whole file in PEM, with its line " +
	"breaks or \\n for them")

// roots are the authorities in PEM; nil when there is no text.
func roots(text string) (*x509.CertPool, error) {
	if text == "" {
		return nil, nil
	}
	all, err := certificates(text)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, errors.New("holds no certificate: set it to one in PEM, from -----BEGIN CERTIFICATE----- on, or " +
			"name its file in GATEPOST_UPSTREAM_CA_FILE")
	case strings.Contains(text, "PRIVATE KEY-----"):
		return nil, errors.New("holds a private key, which is needed nowhere here: leave the certificates only")
	}
	pool := x509.NewCertPool()
	for _, one := range all {
		pool.AddCert(one)
	}
	return pool, nil
}

// ownPair is the gate's certificate for the app; nil when there is none.
func ownPair(cert, key string) (*tls.Certificate, error) {
	const both = "GATEPOST_UPSTREAM_CERT and GATEPOST_UPSTREAM_KEY"
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, errors.New(both + " go together: set both")
	case strings.Contains(key, "ENCRYPTED"):
		return nil, errors.New("GATEPOST_UPSTREAM_KEY is encrypted: decrypt it with `openssl pkey -in key.pem -out " +
			"plain.pem`, and let nobody else read that file")
	}
	pair, err := tls.X509KeyPair([]byte(withBreaks(cert)), []byte(withBreaks(key)))
	switch now := time.Now(); {
	case err != nil && strings.Contains(err.Error(), "does not match"):
		return nil, errors.New("GATEPOST_UPSTREAM_KEY is not the key of the certificate in GATEPOST_UPSTREAM_CERT")
	case err != nil:
		return nil, errors.New(both + " are not a certificate and its key in PEM: set each to a whole file, or name " +
			"the files in GATEPOST_UPSTREAM_CERT_FILE and GATEPOST_UPSTREAM_KEY_FILE")
	case now.After(pair.Leaf.NotAfter):
		return nil, fmt.Errorf("GATEPOST_UPSTREAM_CERT: the certificate expired on %s: renew it",
			pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(pair.Leaf.NotBefore):
		return nil, fmt.Errorf("GATEPOST_UPSTREAM_CERT: the certificate is good from %s on, and not before: look at "+
			"the clock", pair.Leaf.NotBefore.UTC().Format(time.DateTime))
	}
	return &pair, nil
}

// DescribeCertificates says whose certificates a text in PEM holds, and until when they are good; empty when it holds
// none.
func DescribeCertificates(text string) string {
	all, err := certificates(text)
	if err != nil {
		return ""
	}
	var list []string
	for _, one := range all {
		list = append(list, fmt.Sprintf("%q until %s", one.Subject, one.NotAfter.UTC().Format(time.DateOnly)))
	}
	return strings.Join(list, ", ")
}
