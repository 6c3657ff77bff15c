package doctor

import (
	"context"
	"strings"
)

// renaming are headers with which a request claims another path, method or host in some proxies and frameworks. In
// the values, %p is a path, %h a host that never resolves, and %m a method that does not exist.
var renaming = []struct{ name, value string }{
	{"X-Original-URL", "%p"}, {"X-Original-URI", "%p"}, {"X-Rewrite-URL", "%p"}, {"X-Forwarded-Uri", "%p"},
	{"X-Forwarded-Prefix", "%p"},
	{"X_Original_URL", "%p"}, {"X.Rewrite.URL", "%p"}, {"X-Forwarded-Path", "%p"},
	{"X-HTTP-Method-Override", "%m"}, {"X-HTTP-Method", "%m"}, {"X-Method-Override", "%m"},
	{"X-Forwarded-Method", "%m"},
	{"X-Forwarded-Host", "%h"}, {"X_Forwarded_Host", "%h"}, {"X-Forwarded-Server", "%h"},
	{"Forwarded", "host=%h;proto=http"},
}

// opening are headers that made gates and frameworks skip their check of a protected path.
var opening = []string{
	"X-Middleware-Subrequest: middleware:middleware:middleware:middleware:middleware",
	"X-Middleware-Subrequest: src/middleware:src/middleware:src/middleware:src/middleware:src/middleware",
	"User-Agent: GoogleHC/1.0 " + userAgent, "User-Agent: kube-probe/1.30 " + userAgent,
	"User-Agent: ELB-HealthChecker/2.0 " + userAgent,
	"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Authorization: Bearer " + userAgent,
	"X-Forwarded-Proto: https",
	"If-None-Match: *", "Range: bytes=0-1", "Purpose: prefetch", "Sec-Fetch-Site: same-origin",
}

// checkRenaming claims the protected path in requests for an open one, and the other way round.
func (e *examination) checkRenaming(ctx context.Context) {
	before := e.report.Count(Failed) + e.report.Count(Warning)
	for _, h := range renaming {
		e.rename(ctx, h.name, h.value)
	}
	e.mount(ctx)
	if e.report.Count(Failed)+e.report.Count(Warning) == before {
		e.report.ok("renaming", "renaming.public", "%s on %s changed nothing",
			plural(len(renaming), "header"), e.c.Public)
	}
	if e.gate.open {
		return
	}
	e.tryToOpen(ctx)
}

// mount claims that the app is below a folder, which some servers then cut off the judged path.
func (e *examination) mount(ctx context.Context) {
	folder := strings.TrimSuffix(e.c.Public, "/") + "/" + userAgent
	r := request{target: folder + e.c.Protected}
	without := e.ask(ctx, r)
	for _, name := range []string{"Script-Name", "SCRIPT_NAME"} {
		r.lines = []string{name + ": " + folder}
		if a := e.ask(ctx, r); a.is2xx() && outside(a) != outside(without) {
			e.found("renaming", "renaming."+name, Failed, r, a, "%s moved the path", name).
				because("The app cuts the folder off the path, and serves a protected page under the name of an "+
					"open one.",
					"Let every request pass the gate, which removes the header, and have the app's server believe "+
						"it from nobody.")
			return
		}
	}
}

func (e *examination) rename(ctx context.Context, name, pattern string) {
	r := request{target: e.c.Public,
		lines: []string{name + ": " + fill(pattern, e.c.Protected+"?"+e.marker,
			e.marker+".invalid", "GATEPOST-DOCTOR")}}
	a := e.ask(ctx, r)
	id := "renaming." + fold(name)
	switch {
	case a.holds(e.marker) && !e.page.holds(e.marker):
		e.found("renaming", id, Failed, r, a, "%s came back in the answer", name).
			because("The app believes a header that anybody can send: links, redirects and mails it writes can lead "+
				"to somebody else's site, and a path in it may be served instead of the one that was judged.",
				"Let every request pass the gate, which removes the header, and see what in front of it sets the "+
					"header from the client's.")
	case a.is2xx() && e.page.differs(a):
		e.found("renaming", id, Failed, r, a, "%s changed the page", name).
			because("Something took the request for another one than the gate judged: a protected page can be had "+
				"under the name of an open one.",
				"Let every request pass the gate, which removes the header, and switch it off in the proxy or "+
					"framework that reads it.")
	case e.page.differs(a):
		e.found("renaming", id, Warning, r, a, "%s changed the answer, which otherwise is %s", name, e.page.answer).
			because("Something reads a header that anybody can send, or refuses it, which is harmless.",
				"See which proxy it is, and switch the header off there.")
	}
}

// tryToOpen adds headers that have opened other gates to a request for the protected path.
func (e *examination) tryToOpen(ctx context.Context) {
	var lines []string
	for _, h := range renaming {
		lines = append(lines, h.name+": "+fill(h.value, e.c.Public, otherHost, "OPTIONS"))
	}
	lines = append(lines, opening...)
	closed := 0
	for _, line := range lines {
		r := request{target: e.c.Protected, lines: []string{line}}
		a := e.ask(ctx, r)
		if e.judge(a) != through {
			closed++
			continue
		}
		name, _, _ := cutHeader(line)
		e.found("renaming", "renaming.opens-"+fold(name), Failed, r, a, "%s opened %s", name, e.c.Protected).
			because("Whoever sends this header reads the page signed out.",
				"Find what in front of the gate believes it, and let every request for this path reach the gate.")
	}
	e.report.ok("renaming", "renaming.protected", "%s on %s opened nothing", plural(closed, "header"), e.c.Protected)
}
