// Package doctor examines a running site from outside, through its real CDN, proxies and app: it sends what attackers
// send, byte for byte, and says in plain words what got through, whether the app can be reached beside the gate, and
// why a login cookie would not stick. It owns the corpus of hostile requests and the judgement of the answers.
//
// It never harms the site it looks at: few requests at a time, each with a time limit and a connection of its own,
// nothing that could run into somebody else's request, and no guessing of passwords. It prints nothing and reads no
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

// Config says what to examine. URL, Protected and Public are required.
type Config struct {
	// URL is the site as people open it; only scheme, host and port count.
	URL *url.URL
	// Protected is a path that needs a login, and Public a page that anybody may open.
	Protected, Public string
	// Named are paths that rules name, as far as they are known. Each may be open, and nothing protected beside it.
	Named []string
	// Direct are addresses under which the app itself may answer, where it should not: host:port or http://host:port.
	Direct []string
	// Upstream is where the gate reaches the app (host:port), if that is known. Its port is tried from outside.
	Upstream string
	// Addresses are those of this machine that others can reach. A loopback upstream is tried on each.
	Addresses []string
	// Ports are tried on the host of URL. Empty: those apps usually have.
	Ports []string
	// OpsPort is where health and metrics are served. Empty: 9180.
	OpsPort string
	// Email and Password sign in with a test account. Empty: nobody signs in.
	Email, Password string
	// AppCookies are those that the gate ends with each logout, each with a name that the setting means. Empty: they
	// are not known.
	AppCookies []AppCookie
	// AppPages asks the app itself, beside the gate, which pages it has where the gate has its own. Nil: it cannot be
	// asked.
	AppPages func(context.Context) ([]string, error)
	// Timeout bounds each request. Zero: 10 s.
	Timeout time.Duration
	// RootCAs are believed for https. Nil: those of the system.
	RootCAs *x509.CertPool
	// Trace is told of each request and what came back. It sees no password and no cookie. Nil: nobody is.
	Trace func(sent, got string)
}

// userAgent is how the site's log knows these requests.
const userAgent = "gatepost-doctor"

// examination is one run: what to look at, what was learnt on the way, and what was found.
type examination struct {
	c      Config
	site   site
	marker string // random, so that finding it in an answer means something
	gate   learnt
	page   baseline // the public page, as it is without tricks
	report Report
}

// learnt is what the first check finds out and the others build on.
type learnt struct {
	open      bool     // the protected path is not refused to whoever is signed out
	status    int      // or with this status
	publicURL *url.URL // from loginUrl; nil when this does not talk like a Gatepost
	login     string   // the path of the login page
}

// Examine runs every check, one after the other. The error says in one sentence that there is nothing to examine.
func Examine(ctx context.Context, c Config) (Report, error) {
	e, err := begin(c)
	if err != nil {
		return nil, err
	}
	if err := e.reach(ctx); err != nil {
		return nil, err
	}
	for _, check := range []func(context.Context){
		e.checkGate, e.checkSpellings, e.checkNeighbours, e.checkRenaming, e.checkIdentity, e.checkSockets, e.checkForms, e.checkCaching,
		e.checkCookie, e.checkAppCookies, e.checkOwnPages, e.checkLogin, e.checkBeside,
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

// reach sees whether anything answers at all, and goes over to https when http only leads there.
func (e *examination) reach(ctx context.Context) error {
	a := e.ask(ctx, request{target: e.c.Public})
	if a.err != nil {
		return fmt.Errorf("nothing answers at %s: %w; start the gate, or correct the address", e.site, a.err)
	}
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status < 300 || a.status > 399 || e.site.scheme != "http" || to.Scheme != "https" || to.Hostname() != e.c.URL.Hostname() {
		return nil
	}
	s, err := newSite(to, e.c.RootCAs, e.c.Timeout)
	if err != nil {
		return err
	}
	e.report.add(Finding{Check: "gate", ID: "gate.https", Level: Note,
		Said: fmt.Sprintf("%s leads to %s, which is what was examined", e.site, s)})
	e.site = s
	if a := e.ask(ctx, request{target: e.c.Public}); a.err != nil {
		return fmt.Errorf("nothing answers at %s, where http:// leads: %w", e.site, a.err)
	}
	return nil
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

// loopback says that the site is on this very machine.
func (e *examination) loopback() bool { return isLoopback(e.site.hostname()) }

func isLoopback(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
}
