package doctor

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// cookieName is the name of the session cookie. It follows from the public URL, as in the gate.
func (e *examination) cookieName() string {
	if e.gate.publicURL.Scheme == "https" {
		return "__Host-gatepost"
	}
	if port := e.gate.publicURL.Port(); port != "" {
		return "gatepost_" + port
	}
	return "gatepost_80"
}

func (e *examination) withDeadCookie(target string) request {
	return request{target: target, lines: append(slices.Clone(browser), "Cookie: "+e.cookieName()+"="+userAgent)}
}

// setCookie is the line in which an answer sets the session cookie; empty when it does not.
func (e *examination) setCookie(a answer) string {
	for _, line := range a.header.Values("Set-Cookie") {
		if name, _, _ := strings.Cut(line, "="); strings.TrimSpace(name) == e.cookieName() {
			return line
		}
	}
	return ""
}

// checkCookie tests, without a login, whether the session cookie would get to the browser and back.
func (e *examination) checkCookie(ctx context.Context) {
	if !e.needGate("cookie") {
		return
	}
	e.compareAddress()
	r := e.withDeadCookie(e.fresh("c"))
	a := e.ask(ctx, r)
	line := e.setCookie(a)
	if line == "" {
		e.whyNotCleared(ctx, r, a)
		return
	}
	faults := e.cookieFaults(line)
	if len(faults) > 0 {
		e.found("cookie", "cookie.attributes", Failed, r, a, "the session cookie was changed on the way: %s",
			strings.Join(faults, ", ")).
			because("Browsers refuse it, send it where it does not belong, or show it to scripts.",
				"Switch off whatever rewrites Set-Cookie in the proxy in front (cookie path, domain or flags).")
		return
	}
	e.report.ok("cookie", "cookie.travels",
		"the cookie %s reaches the gate, and Set-Cookie comes back as the gate writes it", e.cookieName())
}

// compareAddress reports when the examined address is not the one that the cookie is for.
func (e *examination) compareAddress() {
	public := e.gate.publicURL
	switch {
	case public.Scheme == "https" && e.site.scheme == "http":
		e.notPublic("cookie.scheme", "the login cookie only travels over https://, and this is "+e.site.String(),
			"Redirect http:// to https:// before the gate.")
	case public.Hostname() != e.site.hostname():
		e.notPublic("cookie.host", "the login cookie belongs to "+public.Hostname()+", and this is "+e.site.hostname(),
			"Redirect other names to the public one.")
	case public.Scheme != e.site.scheme, portOf(public) != e.site.port():
		e.notPublic("cookie.port", "the gate believes to be at "+public.String()+", and this is "+e.site.String(),
			"Let people open one address only.")
	default:
		e.report.ok("cookie", "cookie.address", "%s is the public URL, to which the cookie belongs", e.site)
	}
}

func (e *examination) notPublic(id, said, cure string) {
	e.report.add(Finding{Check: "cookie", ID: id, Level: Failed, Said: said,
		Why: "A login at this address does not stick: the form is refused, or the next page asks for the login again.",
		Cure: fmt.Sprintf("Open %s instead, or set GATEPOST_PUBLIC_URL=%s if that is what people type. %s",
			e.gate.publicURL, e.site, cure)})
}

// whyNotCleared finds the reason why a cookie is lost. A logout sets the cookie for every visitor.
func (e *examination) whyNotCleared(ctx context.Context, r request, a answer) {
	out := e.ask(ctx, e.form("logout", "", "x=1"))
	if e.setCookie(out) == "" {
		e.found("cookie", "cookie.set-cookie", Failed, r, a, "Set-Cookie does not come through").
			because("The browser never gets the login cookie: after each login the next page asks for it again.",
				"See what in front of the gate removes or renames Set-Cookie (often a cache rule), and let it pass.")
		return
	}
	e.found("cookie", "cookie.cookie", Failed, r, a,
		"the Cookie header does not arrive at the gate, or the page came out of a cache").
		because("The gate never sees the login cookie: after each login the next page asks for it again.",
			"Let the CDN or proxy forward the Cookie header (all of it) and keep no page of the gate's.")
}

// form is a form of the gate's as a browser sends it from the gate's own page.
func (e *examination) form(name, cookie, body string) request {
	public := e.gate.publicURL
	lines := []string{"Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document",
		"Sec-Fetch-Site: same-origin", "Origin: " + public.Scheme + "://" + public.Host}
	if cookie != "" {
		lines = append(lines, "Cookie: "+cookie)
	}
	return request{method: "POST", target: path.Join(path.Dir(e.gate.login), name), lines: lines, body: body}
}

// cookieFaults compares a Set-Cookie line with the gate's. The value is never shown.
func (e *examination) cookieFaults(line string) []string {
	has := map[string]string{}
	for i, attribute := range strings.Split(line, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(attribute), "=")
		if i > 0 {
			has[strings.ToLower(name)] = strings.ToLower(value)
		}
	}
	var faults []string
	want := func(ok bool, say string) {
		if !ok {
			faults = append(faults, say)
		}
	}
	_, httpOnly := has["httponly"]
	_, secure := has["secure"]
	want(has["path"] == "/", "Path is not /")
	want(httpOnly, "HttpOnly is missing")
	want(has["samesite"] == "lax", "SameSite is not Lax")
	want(has["domain"] == "", "Domain was added")
	want(secure || e.gate.publicURL.Scheme != "https", "Secure is missing")
	want(!secure || e.gate.publicURL.Scheme == "https", "Secure was added, and the site is http://")
	return faults
}
