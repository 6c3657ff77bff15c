package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// reach tests whether the site answers, and changes to https when http only redirects there.
func (e *examination) reach(ctx context.Context) error {
	a := e.ask(ctx, request{target: e.c.Public})
	if err := e.unreached(ctx, a); err != nil {
		return err
	}
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status < 300 || a.status > 399 || e.site.scheme != "http" || to.Scheme != "https" ||
		to.Hostname() != e.c.URL.Hostname() {
		e.noteAuthority(ctx)
		return nil
	}
	s, err := newSite(to, e.c.RootCAs, e.c.Timeout)
	if err != nil {
		return err
	}
	e.report.add(Finding{Check: "gate", ID: "gate.https", Level: Note,
		Said: fmt.Sprintf("%s leads to %s, which is what was examined", e.site, s)})
	from := e.site
	e.site = s
	if err := e.unreached(ctx, e.ask(ctx, request{target: e.c.Public})); err != nil {
		return fmt.Errorf("%s leads to https, and there: %w", from, err)
	}
	e.noteAuthority(ctx)
	return nil
}

// unreached is why the site cannot be examined, and what to do about it; nil when it answers.
func (e *examination) unreached(ctx context.Context, a answer) error {
	switch {
	case a.err != nil:
		if why := tlsFault(e.site, e.c.RootCAs != nil, a.err); why != nil {
			return why
		}
		if e.site.scheme == "http" && e.site.speaksTLS(ctx) {
			return errSpeaksTLS(e.site)
		}
		return e.site.unanswered(a.err)
	case e.site.scheme == "http" && a.status == http.StatusBadRequest && e.site.speaksTLS(ctx):
		return errSpeaksTLS(e.site)
	}
	return nil
}

func errSpeaksTLS(s site) error {
	return fmt.Errorf("%s speaks https, and the address says http: examine https://%s", s, s.host)
}

// speaksTLS tries a handshake with whoever answers.
func (s site) speaksTLS(ctx context.Context) bool {
	s.scheme, s.tls = "https", &tls.Config{ServerName: s.hostname(), InsecureSkipVerify: true}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// unanswered is the fault of a network: nobody was reached, or nobody who speaks HTTP.
func (s site) unanswered(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("nothing answers at %s: DNS knows no host %q; correct the address, or add the name to DNS", s,
			s.hostname())
	case errors.As(err, &dns):
		return fmt.Errorf("nothing answers at %s: DNS does not say where %q is (%w); see that this machine can ask its "+
			"name server", s, s.hostname(), errors.New(dns.Err))
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing answers at %s: connection refused, as port %s of %s is closed; start the gate or what "+
			"stands before it, or correct the port", s, s.port(), s.hostname())
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return fmt.Errorf("nothing answers at %s: no way leads there from this machine (%w); see its network, or correct "+
			"the address", s, err)
	case errors.Is(err, errTimeout):
		return fmt.Errorf("nothing answers at %s: it took too long; see whether the host is up, and whether a firewall "+
			"drops what comes to port %s", s, s.port())
	case errors.Is(err, errClosed):
		return fmt.Errorf("nothing answers at %s: the connection was closed without a word; see that port %s is where the "+
			"gate, or what stands before it, speaks %s", s, s.port(), s.scheme)
	}
	return fmt.Errorf("nothing answers at %s: %w; start the gate, or correct the address", s, err)
}

// noteAuthority says where the certificate is good by an authority that only the caller knows.
func (e *examination) noteAuthority(ctx context.Context) {
	if e.c.RootCAs == nil || e.site.scheme != "https" {
		return
	}
	s := e.site
	s.tls = s.tls.Clone()
	s.tls.RootCAs = nil
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err == nil {
		_ = conn.Close()
		return
	}
	if unknown := new(x509.UnknownAuthorityError); errors.As(err, unknown) {
		e.report.note("gate", "gate.certificate", "the certificate is private: visitors whose browsers do not know its "+
			"authority are warned of the site")
	}
}
