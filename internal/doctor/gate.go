package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// browser are headers by which a gate recognises that a browser loads a page.
var browser = []string{"Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none",
	"Sec-Fetch-Dest: document"}

// checkGate tests answers that are the same for every Gatepost, and learns the public URL.
func (e *examination) checkGate(ctx context.Context) {
	e.checkHealth(ctx)
	r := request{target: e.c.Protected}
	a := e.ask(ctx, r)
	u, spoke := e.refusal(a)
	switch {
	case spoke:
		e.gate = learnt{status: a.status, publicURL: &url.URL{Scheme: u.Scheme, Host: u.Host}, login: u.Path}
		e.report.ok("gate", "gate.refusal", "%s is refused to whoever is signed out, and the login is at %s",
			e.c.Protected, u)
		e.checkNavigation(ctx)
	case a.err == nil && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status/100 == 3):
		e.gate = learnt{status: a.status}
		e.found("gate", "gate.refusal", Warning, r, a, "%s is refused, but not in Gatepost's words", e.c.Protected).
			because("Something in front of the gate answers, so the tests that need the gate's own pages are left out.",
				"Examine the address under which visitors reach the gate itself, or ignore this where another login "+
					"is meant to come first.")
	default:
		e.notRefused(r, a)
	}
	e.takeBaseline(ctx)
}

func (e *examination) notRefused(r request, a answer) {
	e.gate.open = true
	f := e.found("gate", "gate.refusal", Failed, r, a, "%s is not refused to whoever is signed out", e.c.Protected)
	switch {
	case a.err == nil && a.status == http.StatusServiceUnavailable && strings.Contains(a.body, `"code":"MAINTENANCE"`):
		f.because("The site is closed for maintenance (GATEPOST_MAINTENANCE), so the app cannot be looked at.",
			"Open it again, then ask again.")
	case a.err == nil && a.status == http.StatusServiceUnavailable:
		f.because("The gate cannot tell who is there: PostgreSQL does not answer it.",
			"Look at the gate's log and at `gatepost check`, then ask again.")
	case a.err != nil || a.status >= 500:
		f.because("Without an answer nothing can be said about it.",
			"See that the gate and the app are up, then ask again.")
	case a.status == http.StatusNotFound || a.status == http.StatusGone:
		f.because("Either no rule covers this path, or it does not exist here.",
			"Name a page that needs a login with --protected, or add the path to GATEPOST_PROTECT.")
	default:
		f.because("Anybody can read it.",
			"Add it to GATEPOST_PROTECT, see that visitors reach the gate and not the app, or name a page that "+
				"needs a login with --protected.")
	}
}

func (e *examination) checkHealth(ctx context.Context) {
	r := request{target: "/.gatepost/healthz"}
	if a := e.ask(ctx, r); a.status != http.StatusOK || a.body != "ok" {
		e.found("gate", "gate.health", Failed, r, a, "there is no sign of a Gatepost, which answers ok").
			because("What lies below /.gatepost/ does not reach the gate, so its pages have no styles, or this is "+
				"no Gatepost.",
				"Let the proxy in front forward every path to the gate, /.gatepost/ too.")
		return
	}
	e.report.ok("gate", "gate.health", "/.gatepost/healthz answers ok")
}

// refusal recognises the gate's answer to a signed-out program, and returns the login page in it.
func (e *examination) refusal(a answer) (login *url.URL, ok bool) {
	var body struct{ Code, LoginURL string }
	if a.err != nil || a.status != http.StatusUnauthorized || json.Unmarshal([]byte(a.body), &body) != nil ||
		body.Code != "UNAUTHORIZED" {
		return nil, false
	}
	u, err := url.Parse(body.LoginURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || !strings.HasPrefix(u.Path, "/") {
		return nil, false
	}
	return u, true
}

// checkNavigation tests whether a browser is redirected to the login, at the public URL of the gate.
func (e *examination) checkNavigation(ctx context.Context) {
	r := request{target: e.c.Protected, lines: browser}
	a := e.ask(ctx, r)
	to, err := e.location(a)
	switch {
	case err == nil && a.status == http.StatusSeeOther && to.Path == e.gate.login:
		e.report.ok("gate", "gate.navigation", "a browser is sent to the login page")
		return
	case err == nil && e.toPublicName(to):
		e.moveTo(to)
		return
	}
	e.found("gate", "gate.navigation", Warning, r, a, "a browser is not sent to the login page at %s", e.gate.login).
		because("Visitors see an error, or a login that is not the gate's.",
			"Let the proxy in front pass status 303 and Location as they are.")
}

// toPublicName reports whether the gate redirects from one name of this machine to another, as it does before any
// login.
func (e *examination) toPublicName(to *url.URL) bool {
	return e.loopback() && to.Host == e.gate.publicURL.Host && to.Path == e.c.Protected
}

// moveTo continues at the name that the gate redirects browsers to.
func (e *examination) moveTo(to *url.URL) {
	from := e.site
	if s, err := newSite(to, e.c.RootCAs, e.c.Timeout); err == nil {
		e.site = s
		e.report.note("gate", "gate.name", "%s leads a browser to %s, which is what was examined", from, s)
	}
}

// location is the URL that an answer redirects a browser to.
func (e *examination) location(a answer) (*url.URL, error) {
	if a.err != nil || a.status/100 != 3 || a.header.Get("Location") == "" {
		return nil, fmt.Errorf("%s leads nowhere", a)
	}
	base := &url.URL{Scheme: e.site.scheme, Host: e.site.host, Path: "/"}
	return base.Parse(a.header.Get("Location"))
}

// found adds a finding about one request. because adds the reason and the cure.
func (e *examination) found(check, id string, level Level, r request, a answer, format string, args ...any) *Finding {
	e.report.add(Finding{Check: check, ID: id, Level: level, Said: fmt.Sprintf(format, args...),
		Sent: r.String(), Got: a.String()})
	return &e.report[len(e.report)-1]
}

// because sets why a finding matters and how to solve it.
func (f *Finding) because(why, cure string) { f.Why, f.Cure = why, cure }

// needGate notes that a check is skipped when the site does not answer like a Gatepost.
func (e *examination) needGate(check string) bool {
	if e.gate.publicURL != nil {
		return true
	}
	e.report.note(check, check+".skipped", "not tested: it takes the gate's own answer to %s", e.c.Protected)
	return false
}
