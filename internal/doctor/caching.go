package doctor

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// cacheLines are the headers in which caches say that an answer is from the cache, and the words they use.
var cacheLines = []struct {
	name  string
	words []string
}{
	{"X-Cache", []string{"hit"}},
	{"X-Cache-Status", []string{"hit", "stale", "updating", "revalidated"}},
	{"X-Proxy-Cache", []string{"hit"}},
	{"Cf-Cache-Status", []string{"hit", "stale", "updating", "revalidated"}},
	{"Cache-Status", []string{"; hit", ";hit"}},
	{"X-Vercel-Cache", []string{"hit", "stale", "prerender"}},
}

// fromCache is the header line that reveals a cache; empty when there is none.
func fromCache(h http.Header) string {
	if age := h.Get("Age"); strings.Trim(age, "0 ") != "" {
		return strconv.Quote("Age: " + short(age))
	}
	for _, line := range cacheLines {
		value := h.Get(line.name)
		for _, word := range line.words {
			if strings.Contains(strings.ToLower(value), word) {
				return strconv.Quote(line.name + ": " + short(value))
			}
		}
	}
	return ""
}

// fresh is the login page at an address that no cache has seen.
func (e *examination) fresh(nonce string) string {
	return e.gate.login + "?" + userAgent + "=" + e.marker + nonce
}

// checkCaching requests answers that must not be cached twice, and examines the second.
func (e *examination) checkCaching(ctx context.Context) {
	if !e.needGate("caching") {
		return
	}
	before := e.report.Count(Failed) + e.report.Count(Warning)
	r := request{target: e.fresh("page"), lines: browser}
	e.ask(ctx, r)
	page := e.ask(ctx, r)
	if page.status != http.StatusOK {
		e.found("caching", "caching.login-page", Warning, r, page, "the login page does not open").
			because("Nobody can log in.", "Let the proxy in front forward "+e.gate.login+" to the gate.")
		return
	}
	e.checkKept(r, page, "the login page", "caching.login-page")
	e.checkPageHeaders(r, page)
	r = request{target: e.c.Protected}
	e.ask(ctx, r)
	e.checkKept(r, e.ask(ctx, r), "the refusal of "+e.c.Protected, "caching.refusal")
	e.checkQuietCache(ctx)
	if e.report.Count(Failed)+e.report.Count(Warning) == before {
		e.report.ok("caching", "caching.none",
			"the login page and the refusal of %s come from the gate each time, with their headers", e.c.Protected)
	}
}

const obeyNoStore = "Tell the CDN or proxy to honour Cache-Control: no-store, or to bypass its cache for the gate's " +
	"pages and for everything protected."

// checkKept looks for traces of a cache in an answer of the gate's own.
func (e *examination) checkKept(r request, a answer, what, id string) {
	if line := fromCache(a.header); line != "" {
		e.found("caching", id, Failed, r, a, "%s came out of a cache (%s)", what, line).
			because("A page made for one visitor can be shown to another, and a login may seem to have no effect.",
				obeyNoStore)
		return
	}
	if !strings.Contains(strings.ToLower(a.header.Get("Cache-Control")), "no-store") {
		e.found("caching", id+"-no-store", Failed, r, a,
			"%s came without Cache-Control: no-store, as the gate sends it", what).
			because("Caches and browsers on the way may keep it.",
				"See what in front of the gate rewrites Cache-Control, and let it pass.")
	}
}

// checkPageHeaders tests that the headers that protect the login page arrive.
func (e *examination) checkPageHeaders(r request, a answer) {
	var missing []string
	if !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors") {
		missing = append(missing, "Content-Security-Policy with frame-ancestors")
	}
	if !strings.EqualFold(a.header.Get("X-Content-Type-Options"), "nosniff") {
		missing = append(missing, "X-Content-Type-Options: nosniff")
	}
	if len(missing) > 0 {
		e.found("caching", "caching.page-headers", Failed, r, a, "the login page came without %s",
			strings.Join(missing, " and ")).
			because("Another site can frame the page and have visitors type into it, or a browser can misread it.",
				"See what in front of the gate removes or replaces these headers, and let them pass.")
	}
}

// checkQuietCache finds a cache that does not reveal itself. The gate answers an invalid cookie by deleting it. The
// page is requested without such a cookie and with it, in both orders. An answer that deletes no cookie when one
// was sent, or deletes one when none was sent, was made for another request.
func (e *examination) checkQuietCache(ctx context.Context) {
	without, with := request{target: e.fresh("a"), lines: browser}, e.withDeadCookie(e.fresh("a"))
	e.ask(ctx, without)
	kept := e.ask(ctx, with)
	other := e.withDeadCookie(e.fresh("b"))
	if made := e.ask(ctx, other); e.setCookie(made) == "" {
		return // checkCookie reports the reason
	}
	if e.setCookie(kept) == "" {
		e.found("caching", "caching.quiet", Failed, with, kept,
			"the login page came out of a cache that does not say so").
			because("A page made for one visitor is shown to another, and a login seems to have no effect.",
				obeyNoStore)
	}
	without.target = other.target
	if a := e.ask(ctx, without); e.setCookie(a) != "" {
		e.found("caching", "caching.set-cookie", Failed, without, a,
			"a cache handed on the Set-Cookie of another visitor").
			because("Visitors can be given each other's session.", obeyNoStore)
	}
}
