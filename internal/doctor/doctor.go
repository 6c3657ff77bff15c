// Package doctor examines a running site from outside, through its real CDN, proxies and app. It sends what
// attackers send, byte for byte, and reports what got through, whether the app can be reached without the gate, and
// why a login cookie would not be kept. It owns the corpus of hostile requests and the judgement of the answers.
//
// It does no harm to the site: few requests at a time, each with a time limit and a connection of its own, none
// that could become part of another client's request, and no guessing of passwords. It prints nothing and reads no
// settings.
package doctor

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Config is what to examine. URL, Protected and Public are required.
type Config struct {
	// URL is the site as visitors open it. Only scheme, host and port count.
	URL *url.URL
	// Protected is a path that needs a login, and Public a page that is open to everybody.
	Protected, Public string
	// Named are the known paths of rules. Each may be open, and no protected page beside it.
	Named []string
	// Direct are addresses where the app itself should not answer: host:port or http://host:port.
	Direct []string
	// Upstream is the address at which the gate reaches the app (host:port), if known. Its port is tried from
	// outside.
	Upstream string
	// Addresses are addresses of this machine that others can reach. The port of a loopback upstream is tried on
	// each.
	Addresses []string
	// Ports are tried on the host of URL. When empty, they are the usual ports of apps.
	Ports []string
	// OpsPort is the port of health and metrics. When empty, it is 9180.
	OpsPort string
	// Email and Password are a test account to sign in with; empty for no sign-in.
	Email, Password string
	// AppCookies are the cookies that the gate deletes at each logout, each with a name that the setting covers;
	// empty when they are not known.
	AppCookies []AppCookie
	// AppPages asks the app itself, without the gate, which of its pages have the path of a gate's page. It is nil
	// when the app cannot be asked.
	AppPages func(context.Context) ([]string, error)
	// AppAPI asks in the same way for endpoints below /api/auth that the gate hides. It may be nil.
	AppAPI func(context.Context) ([]string, error)
	// OpenedBy is what to add to GATEPOST_PUBLIC so that a path opens to everybody; nil for a rule of its own.
	OpenedBy func(path string) string
	// Timeout limits each request. Zero is 10 s.
	Timeout time.Duration
	// RootCAs are trusted for https; nil for those of the system. With them the doctor says where a certificate needs
	// them.
	RootCAs *x509.CertPool
	// Trace is called for each request with its answer. It gets no password and no cookie. It may be nil.
	Trace func(sent, got string)
}

// userAgent identifies these requests in the site's log.
const userAgent = "gatepost-doctor"

// examination is one run: what to examine, what is known so far, and the findings.
type examination struct {
	c      Config
	site   site
	marker string // random, so that it occurs in an answer only if it was sent
	gate   learnt
	page   baseline // the public page as it is normally
	report Report
}

// learnt is what the first check finds out for the others.
type learnt struct {
	open      bool     // the protected path is not refused to signed-out visitors
	status    int      // the status of the refusal
	publicURL *url.URL // from loginUrl; nil when the site does not answer like a Gatepost
	login     string   // the path of the login page
}

// Examine runs all checks, one after the other. It fails when there is nothing to examine.
func Examine(ctx context.Context, c Config) (Report, error) {
	e, err := begin(c)
	if err != nil {
		return nil, err
	}
	if err := e.reach(ctx); err != nil {
		return nil, err
	}
	for _, check := range []func(context.Context){
		e.checkGate, e.checkSpellings, e.checkNeighbours, e.checkRenaming, e.checkIdentity, e.checkSockets,
		e.checkForms, e.checkCaching,
		e.checkCookie, e.checkCookieless, e.checkAppCookies, e.checkOwnPages, e.checkLogin, e.checkBeside,
	} {
		check(ctx)
		if err := ctx.Err(); err != nil {
			return e.report, fmt.Errorf("stopped before everything was tried: %w", err)
		}
	}
	return e.report, nil
}

func begin(c Config) (*examination, error) {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.OpsPort == "" {
		c.OpsPort = "9180"
	}
	if len(c.Ports) == 0 {
		c.Ports = usualPorts
	}
	s, err := newSite(c.URL, c.RootCAs, c.Timeout)
	if err != nil {
		return nil, err
	}
	return &examination{c: c, site: s, marker: "gatepost-doctor-" + strings.ToLower(rand.Text()[:12])}, nil
}

// ask sends one request to the site.
func (e *examination) ask(ctx context.Context, r request) answer {
	return e.askAt(ctx, e.site, r)
}

func (e *examination) askAt(ctx context.Context, s site, r request) answer {
	a := s.send(ctx, r)
	e.trace(s, r, a)
	return a
}

func (e *examination) trace(s site, r request, a answer) {
	if e.c.Trace == nil {
		return
	}
	sent := r.String()
	if s.address != e.site.address {
		sent += " at " + s.scheme + "://" + s.address
	}
	e.c.Trace(sent, a.String())
}

// loopback reports whether the site is on this machine.
func (e *examination) loopback() bool { return isLoopback(e.site.hostname()) }

func isLoopback(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
}
