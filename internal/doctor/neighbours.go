package doctor

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxNamed is how many of the named paths are tested.
const maxNamed = 32

// neighbours are paths beside a path that some server reads as the same page in another format. The path itself is
// none of them, nor are style sheets, scripts and pictures, which may be open as well.
func neighbours(of string) (list []string) {
	of = "/" + strings.Trim(of, "/") // a rule may end in a slash
	stem := withoutSuffix(of)
	folder, name := path.Split(stem)
	for _, s := range []string{
		"", ".html", ".htm", ".json", ".xml", ".php", ".txt", ".md", ".pdf", ".rsc", "/", "/index.html",
	} {
		list = append(list, stem+s)
	}
	for _, other := range []string{strings.ToUpper(name), capital(name)} {
		list = append(list, folder+other+".html", folder+other+".json")
	}
	list = append(list, of+".html", of+"/../"+name+".html", of+"/../"+name+".json", of+"%2f..%2f"+name+".html")
	return slices.DeleteFunc(list, func(p string) bool { return p == of })
}

// capital is a name with its first letter in upper case.
func capital(name string) string {
	_, n := utf8.DecodeRuneInString(name)
	return strings.ToUpper(name[:n]) + name[n:]
}

// withoutSuffix is a path without the suffix of its last segment.
func withoutSuffix(p string) string {
	i := strings.LastIndexByte(p, '/') + 1
	if stem, _, ok := strings.Cut(p[i:], "."); ok && stem != "" {
		return p[:i] + stem
	}
	return p
}

// checkNeighbours tests whether protected pages beside each open path of a rule are protected in every format.
func (e *examination) checkNeighbours(ctx context.Context) {
	if e.gate.open {
		e.report.note("neighbours", "neighbours.skipped", "not tested: %s itself is open", e.c.Protected)
		return
	}
	refused, looked := 0, 0
	for _, p := range e.named() {
		if a := e.ask(ctx, request{target: p}); e.closed(a) || !e.closedBeside(ctx, p) {
			continue
		}
		looked++
		refused += e.askBeside(ctx, p)
	}
	switch {
	case looked == 0:
		e.report.note("neighbours", "neighbours.skipped",
			"not tested: the doctor knows no open path beside a protected one (name one with --public)")
	case refused > 0:
		e.report.ok("neighbours", "neighbours.refused", "%s of open ones were refused", plural(refused, "neighbour"))
	}
}

// named are the paths of rules, without the root and duplicates.
func (e *examination) named() (list []string) {
	for _, p := range append([]string{e.c.Public}, e.c.Named...) {
		if p = "/" + strings.Trim(p, "/"); p != "/" && !slices.Contains(list, p) && len(list) < maxNamed {
			list = append(list, p)
		}
	}
	return list
}

// isNamed reports whether a path is plainly one that a rule names, or is below one, so that it may be open.
func (e *examination) isNamed(target string) bool {
	p := strings.TrimSuffix(target, "/")
	if path.Clean(p) != p || strings.ContainsAny(p, "%;\\?#") {
		return false
	}
	return slices.ContainsFunc(e.named(), func(n string) bool {
		return n != e.c.Protected && (p == n || strings.HasPrefix(p, n+"/"))
	})
}

// closed reports whether an answer is a refusal: the gate's own, or that of a proxy in front of it.
func (e *examination) closed(a answer) bool {
	if e.gate.publicURL != nil {
		_, refused := e.refusal(a)
		return refused
	}
	return a.err == nil && a.status == e.gate.status && !a.is2xx()
}

// closedBeside reports whether something beside a path is protected: the path without its suffix, or a random name.
func (e *examination) closedBeside(ctx context.Context, p string) bool {
	if stem := withoutSuffix(p); stem != p && e.closed(e.ask(ctx, request{target: stem})) {
		return true
	}
	folder, _ := path.Split(p)
	return e.closed(e.ask(ctx, request{target: folder + e.marker}))
}

// askBeside requests the neighbours of an open path, and reports those that are not refused. It returns how many
// are.
func (e *examination) askBeside(ctx context.Context, p string) (refused int) {
	list, answers := e.askNeighbours(ctx, p, "")
	byVerdict := map[verdict][]int{}
	for i, a := range answers {
		v := e.judge(a)
		byVerdict[v] = append(byVerdict[v], i)
	}
	if open := byVerdict[through]; len(open) > 0 {
		e.found("neighbours", "neighbours.open", Failed, list[open[0]], answers[open[0]],
			"%s of the open path %s got through%s", plural(len(open), "neighbour"), p, firstOf(open)).
			because("It is protected, and whoever is signed out reads it under the name of another format.",
				namesTooMuch)
	}
	if astray := slices.Concat(byVerdict[elsewhere], byVerdict[astray], byVerdict[broken]); len(astray) > 0 {
		e.found("neighbours", "neighbours.not-found", Warning, list[astray[0]], answers[astray[0]],
			"%s of the open path %s had an answer that is not the gate's%s", plural(len(astray), "neighbour"), p,
			firstOf(astray)).
			because("The gate refuses each of them, so something before it looked for the page, or the app did.",
				namesTooMuch)
	}
	return len(byVerdict[shut]) + len(byVerdict[cutOff])
}

const namesTooMuch = "Where a rule of its own opens it, all is well. Else update the gate, as a rule may open only " +
	"what it names; " +
	"and see what in front of it answers by path, and what `gatepost explain` says of this one."

// askNeighbours requests the neighbours of a path that no rule names, with the cookie unless it is empty.
func (e *examination) askNeighbours(ctx context.Context, p, cookie string) ([]request, []answer) {
	var list []request
	for _, target := range neighbours(p) {
		r := request{target: target}
		if cookie != "" {
			r.lines = []string{"Cookie: " + cookie}
		}
		if !e.isNamed(target) {
			list = append(list, r)
		}
	}
	return list, e.askAll(ctx, list)
}

// checkRole tests the neighbours of a page that needs a role that the test account does not have.
func (e *examination) checkRole(ctx context.Context, cookie string) {
	list, answers := e.askNeighbours(ctx, e.c.Protected, cookie)
	for i, a := range answers {
		if a.is2xx() || a.status == http.StatusNotModified {
			e.found("login", "login.role", Failed, list[i], a, "%s needs a role, and this opens without",
				e.c.Protected).
				because("Anybody with an account reads the page under the name of another format.", namesTooMuch)
			return
		}
	}
}
