package doctor

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// AppCookie is a session cookie of the app's that the gate is to delete at each logout.
type AppCookie struct {
	// Name is a name that the setting covers, and Path the path that the app sets it for.
	Name, Path string
	// Unseen means that the gate deletes only names that it receives, and that browsers send this cookie to none of
	// the gate's pages.
	Unseen bool
}

// line is how the gate deletes a cookie, for one domain or for the host alone.
func (c AppCookie) line(domain string, secure bool) string {
	line := c.Name + "=; Path=" + c.Path
	if secure {
		line += "; Secure"
	}
	if domain != "" {
		line += "; Domain=" + domain
	}
	return line
}

// mostEnded is the highest number of such lines in an answer of the gate's (docs/app-details.md).
const mostEnded = 60

// checkAppCookies signs out with made-up cookies of the app's, and tests whether the answer deletes each. They sign
// nobody in.
func (e *examination) checkAppCookies(ctx context.Context) {
	if len(e.c.AppCookies) == 0 {
		e.report.note("app-cookies", "app-cookies.skipped",
			"not tested: GATEPOST_APP_COOKIES is not set, or the settings here have a fault (see `gatepost check`)")
		return
	}
	if !e.needGate("app-cookies") {
		return
	}
	var pairs []string
	for _, c := range e.c.AppCookies {
		pairs = append(pairs, c.Name+"="+userAgent)
	}
	r := e.form("logout", strings.Join(pairs, "; "), "x=1")
	a := e.ask(ctx, r)
	e.judgeEnded(r, a)
	e.warnOfUnended()
}

// judgeEnded compares the answer with the lines that the gate writes.
func (e *examination) judgeEnded(r request, a answer) {
	names, missing := e.notEnded(a)
	switch {
	case a.status != http.StatusSeeOther:
		e.found("app-cookies", "app-cookies.logout", Failed, r, a, "logging out did not work").
			because("Nobody's session ends, neither the gate's nor the app's.",
				"Look into the gate's log for this request.")
	case len(missing) == 0:
		e.report.ok("app-cookies", "app-cookies.ended", "logging out ends %s, at its path and for each domain",
			strings.Join(e.appCookieNames(), ", "))
	case e.setCookie(a) == "":
		e.notEndedFor(r, a, names, "None of the answer's Set-Cookie comes through.",
			"See what in front of the gate removes Set-Cookie (often a cache rule), and let it pass.")
	case len(missing) == min(len(e.endings()), mostEnded):
		e.notEndedFor(r, a, names, "The gate's own cookie is ended, and none of these is.",
			"See that the running gate has the same GATEPOST_APP_COOKIES, and that the CDN or proxy forwards the "+
				"whole Cookie header and every Set-Cookie.")
	default:
		e.notEndedFor(r, a, names, "The answer lacks "+short(strings.Join(missing, " and "))+".",
			"Let every line of Set-Cookie pass as it is (names, path, domain and flags), forward the whole Cookie "+
				"header, and give the running gate the same GATEPOST_APP_COOKIES.")
	}
}

func (e *examination) notEndedFor(r request, a answer, names []string, why, cure string) {
	e.found("app-cookies", "app-cookies.ended", Failed, r, a, "logging out does not end the app's own %s",
		strings.Join(names, ", ")).
		because(why+" The next person in a browser is the last one to the app.", cure)
}

func (e *examination) appCookieNames() (names []string) {
	for _, c := range e.c.AppCookies {
		names = append(names, c.Name)
	}
	return names
}

// ending is one line that the answer has to have.
type ending struct{ name, line string }

// endings are all such lines, those for the host alone first.
func (e *examination) endings() (list []ending) {
	secure := e.gate.publicURL.Scheme == "https"
	for _, c := range e.c.AppCookies {
		list = append(list, ending{c.Name, c.line("", secure)})
	}
	for _, c := range e.c.AppCookies {
		for _, domain := range domainsOf(e.gate.publicURL.Hostname()) {
			if len(c.Name) < 7 || !strings.EqualFold(c.Name[:7], "__Host-") {
				list = append(list, ending{c.Name, c.line(domain, secure)})
			}
		}
	}
	return list
}

// notEnded are the lines that the answer lacks, and the names of their cookies.
func (e *examination) notEnded(a answer) (names, missing []string) {
	ended := map[string]bool{}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.MaxAge < 0 && c.Value == "" {
			ended[AppCookie{Name: c.Name, Path: c.Path}.line(strings.ToLower(strings.TrimPrefix(c.Domain, ".")),
				c.Secure)] = true
		}
	}
	seen := map[string]bool{}
	all := e.endings()
	for _, want := range all[:min(len(all), mostEnded)] {
		if ended[want.line] {
			continue
		}
		if missing = append(missing, want.line); !seen[want.name] {
			names, seen[want.name] = append(names, want.name), true
		}
	}
	return names, missing
}

// warnOfUnended warns of cookies that the gate does not delete: those that browsers do not send to it, and those
// beyond its limit.
func (e *examination) warnOfUnended() {
	if n := len(e.endings()); n > mostEnded {
		e.report.add(Finding{Check: "app-cookies", ID: "app-cookies.many", Level: Warning,
			Said: plural(n, "line") + " of Set-Cookie would end all cookies for all domains, and the gate writes 60",
			Why:  "Where a browser has them all at once, some stay.",
			Cure: "Name fewer cookies in GATEPOST_APP_COOKIES."})
	}
	for _, c := range e.c.AppCookies {
		if c.Unseen {
			e.report.add(Finding{Check: "app-cookies", ID: "app-cookies.unseen", Level: Warning,
				Said: "browsers do not send " + c.Name + ", which is for " + c.Path + ", to the gate's logout",
				Why:  "Of a name with * only what arrives is ended, so that it stays.",
				Cure: "Name the cookie in full in GATEPOST_APP_COOKIES, if its name is always the same, or move the " +
					"gate's pages below that path with GATEPOST_PAGES."})
		}
	}
}

// domainsOf are the domains that a cookie for a host may have; none for an IP address or a single name.
func domainsOf(host string) (list []string) {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	labels := strings.Split(host, ".")
	for i := 0; i+1 < len(labels); i++ {
		list = append(list, strings.Join(labels[i:], "."))
	}
	return list
}
