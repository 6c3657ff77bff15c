package doctor

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
)

// verdict is the meaning of an answer to a spelling of a protected path.
type verdict int

const (
	shut      verdict = iota // refused, in any form
	cutOff                   // refused by closing the connection
	through                  // the page, or another answer of the app's
	elsewhere                // a 404 that the gate would not have sent
	astray                   // redirected to a page that is neither the login nor the path itself
	broken                   // 5xx
	throttled                // 429: nothing was tested
	silent                   // no answer in time
)

// judge judges the answer to a signed-out visitor for a spelling of the protected path. The gate never lets such a
// request reach the app, so every answer of the app's is a fault.
func (e *examination) judge(a answer) verdict {
	switch {
	case a.err == errTimeout:
		return silent
	case a.err != nil:
		return cutOff
	case a.is2xx(), a.status == http.StatusSwitchingProtocols, a.status == http.StatusNotModified:
		return through
	case a.status/100 == 3:
		return e.judgeRedirect(a)
	case a.status == http.StatusNotFound, a.status == http.StatusGone:
		return elsewhere
	case a.status == http.StatusTooManyRequests:
		return throttled
	case a.status == http.StatusNotImplemented, a.status == http.StatusHTTPVersionNotSupported, a.status < 500:
		return shut
	}
	return broken
}

// judgeRedirect accepts redirects to the login, and to the path's clean spelling, for which the browser asks the
// gate again.
func (e *examination) judgeRedirect(a answer) verdict {
	to, err := e.location(a)
	if err != nil {
		return astray
	}
	clean := func(p string) string { return strings.ToLower(path.Clean("/"+p)) + "/" } // whole segments
	ours := to.Host == e.site.host || to.Hostname() == e.site.hostname() || e.gate.publicURL != nil &&
		to.Host == e.gate.publicURL.Host
	if ours && (to.Path == e.gate.login || strings.HasPrefix(clean(to.Path), clean(e.c.Protected))) {
		return shut
	}
	return astray
}

// checkSpellings requests the protected path in every other spelling.
func (e *examination) checkSpellings(ctx context.Context) {
	if e.gate.open {
		e.report.note("spellings", "spellings.skipped", "not tested: %s itself is open", e.c.Protected)
		return
	}
	list := spellings(e.c.Protected, e.c.Public, e.gate.login, e.site.host)
	list = slices.DeleteFunc(list, func(s spelling) bool { return s.method == "" && e.isNamed(s.target) })
	requests := make([]request, len(list))
	for i := range list {
		requests[i] = list[i].request
	}
	answers := e.askAll(ctx, requests)
	refused, byVerdict := 0, map[verdict][]int{}
	for i, a := range answers {
		v := e.judge(a)
		byVerdict[v] = append(byVerdict[v], i)
		if v == shut || v == cutOff {
			refused++
		}
	}
	if refused > 0 {
		e.report.ok("spellings", "spellings.refused", "%s of %s were refused",
			plural(refused, "spelling"), e.c.Protected)
	}
	e.stillThere(ctx)
	e.reportThrough(list, answers, byVerdict[through])
	e.reportDoubtful(list, answers, byVerdict)
}

// stillThere notices that a firewall in front blocks the examination. Its refusals show nothing about the gate.
func (e *examination) stillThere(ctx context.Context) {
	r := request{target: e.c.Protected}
	if a := e.ask(ctx, r); a.status != e.gate.status {
		e.found("spellings", "spellings.blocked", Warning, r, a,
			"the site no longer answers as it did before these requests").
			because("Something in front of the gate has blocked the examination, so some of it was not tested.",
				"Allow the address you are examining from, or ask again later.")
	}
}

// reportThrough adds a finding for each kind of spelling that got through.
func (e *examination) reportThrough(list []spelling, answers []answer, indices []int) {
	byKind := map[string][]int{}
	var order []string
	for _, i := range indices {
		kind := list[i].kind
		if byKind[kind] == nil {
			order = append(order, kind)
		}
		byKind[kind] = append(byKind[kind], i)
	}
	for _, kind := range order {
		first := byKind[kind][0]
		e.found("spellings", "spellings."+kind, Failed, list[first].request, answers[first],
			"%s of %s got through%s", plural(len(byKind[kind]), "spelling"), e.c.Protected, firstOf(byKind[kind])).
			because("Signed out, anybody can open it so. It is read as the page by "+kinds[kind]+".",
				"Let every request pass the gate, and let nothing in front of it decide by path, answer for the app "+
					"or rewrite paths; `gatepost explain` says how the gate judges a spelling.")
	}
}

func firstOf(indices []int) string {
	if len(indices) == 1 {
		return ""
	}
	return ", the first of them"
}

// doubtful are verdicts that prove nothing and should be looked at.
var doubtful = []struct {
	verdict        verdict
	id, said       string
	whyever, doing string
}{
	{elsewhere, "spellings.not-found", "had an answer that is not the gate's",
		"The gate refuses each of them, so something before it looked for the page, or the app did.",
		"See in the app's log whether these requests arrive there: they should not. A proxy or CDN that answers by " +
			"itself is harmless."},
	{astray, "spellings.redirect", "led to another page",
		"What answered is not the gate, and where it leads may be open.",
		"Look at where it leads; the proxy in front should not redirect for the app."},
	{broken, "spellings.error", "ended in an error of the server",
		"Something behind or before the gate tripped over it, and may have been asked for the page.",
		"Look into the logs of the proxy and the app for these requests."},
	{throttled, "spellings.throttled", "were answered with 429, so they were not tested",
		"A limit in front of the gate stopped the examination.",
		"Allow the address you are examining from, or ask again later."},
	{silent, "spellings.timeout", "had no answer in time", "Nothing can be said about them.",
		"Ask again; if it stays like this, see what in front of the gate waits."},
}

func (e *examination) reportDoubtful(list []spelling, answers []answer, byVerdict map[verdict][]int) {
	for _, d := range doubtful {
		indices := byVerdict[d.verdict]
		if len(indices) == 0 {
			continue
		}
		first := indices[0]
		e.found("spellings", d.id, Warning, list[first].request, answers[first], "%s %s%s",
			plural(len(indices), "spelling"), d.said, firstOf(indices)).
			because(d.whyever, d.doing)
	}
}
