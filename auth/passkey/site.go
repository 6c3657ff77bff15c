// Package passkey has the ceremonies of Web Authentication (level 3): what a browser is asked, and what its answer
// proves. It stores nothing, and decides about no account.
package passkey

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Site is the site that passkeys are for.
type Site struct {
	// Host is the site's host. It is the domain that a first passkey is made for (the RP ID), and passkeys of a domain
	// above it work as well.
	Host   string
	Name   string // how browsers may call the site
	origin string
	lib    *webauthn.WebAuthn
}

// NewSite returns the site of a public URL. It is nil where browsers make no passkeys: a site without a domain, as
// https://192.0.2.1, and one without https that is not this machine's.
func NewSite(public *url.URL, name string) *Site {
	if public == nil {
		return nil
	}
	host := strings.ToLower(strings.TrimSuffix(public.Hostname(), "."))
	_, notDomain := netip.ParseAddr(host)
	if host == "" || notDomain == nil || public.Scheme != "https" && !isLocal(host) {
		return nil
	}
	s := &Site{Host: host, Name: name, origin: public.Scheme + "://" + hostPort(public, host)}
	if s.Name == "" {
		s.Name = host
	}
	lib, err := webauthn.New(&webauthn.Config{RPID: host, RPDisplayName: s.Name, RPOrigins: []string{s.origin},
		// Password managers add outputs that nobody asked for.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore})
	if err != nil { // no domain after all, as with an underscore
		return nil
	}
	s.lib = lib
	return s
}

func isLocal(host string) bool { return host == "localhost" || strings.HasSuffix(host, ".localhost") }

func hostPort(u *url.URL, host string) string {
	port := u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return host
	}
	return net.JoinHostPort(host, port)
}

// Fits reports whether passkeys of a domain work at the site: at the domain itself, and below it.
func (s *Site) Fits(rpID string) bool {
	return s != nil && rpID != "" && (s.Host == rpID || strings.HasSuffix(s.Host, "."+rpID))
}
