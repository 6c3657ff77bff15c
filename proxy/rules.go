package proxy

import (
	"net/http"
	"slices"
	"strings"
)

// rule is one entry of GATEPOST_PROTECT or GATEPOST_PUBLIC.
type rule struct {
	text    string   // as written, for explain
	methods []string // nil for every method
	prefix  string   // "/", or without a slash at its end
	public  bool
	pattern bool  // the prefix has a *
	needs   Needs // empty for any signed-in user

	folded string // the prefix for readings that ignore case
	depth  int    // number of segments of the prefix
	kinds  string // kinds of the segments of a pattern, one byte each

	preset string // the preset that it comes from
	except []rule // prefixes that a rule of a preset leaves alone
	file   bool   // the rule names one file, so that an app's pages below that name stay as they are
}

// Rules say what paths need. A path that no rule matches is public. The zero value makes every path public.
type Rules struct {
	list     []rule
	withheld []rule // see Withhold
	// everyPath is set when even a plain path has several readings: a protecting rule has upper-case letters, or
	// names files with an extension, which apps may serve without the extension too.
	everyPath bool
	always    Needs // of every protected path
}

// request is the method and the path that rules are matched with.
type request struct {
	method string
	// spellings are the client's own spellings of the path: as sent, with letters beyond ASCII decoded, and the
	// page of a data route.
	spellings [3]string
}

func newRequest(method, rawPath string) request {
	sent := lettersDecoded(rawPath)
	return request{method, [3]string{sent, nextPage(sent), gatsbyPage(sent)}}
}

// namesMethod reports whether the rule lists the method, as written. GET includes HEAD.
func (ru *rule) namesMethod(method string) bool {
	for _, m := range ru.methods {
		if m == method || m == http.MethodGet && method == http.MethodHead {
			return true
		}
	}
	return false
}

// names reports whether the rule names a request in the client's own spelling.
func (ru *rule) names(q *request) bool {
	if ru.methods != nil && !ru.namesMethod(q.method) {
		return false
	}
	return ru.namesPath(q.spellings[0]) || ru.namesPath(q.spellings[1]) || ru.namesPath(q.spellings[2])
}

// namesPath reports whether the rule names a path as it is spelt.
func (ru *rule) namesPath(path string) bool {
	return (!ru.file || strings.Count(path, "/") == ru.depth) && ru.coversPlainly(path)
}

// appliesTo reports whether the rule applies to a method. Some apps read "post" as "POST", so a protecting rule
// applies to every spelling of its methods. A public rule applies to its own.
func (ru *rule) appliesTo(method string) bool {
	return ru.methods == nil || ru.namesMethod(method) || !ru.public && ru.namesMethod(strings.ToUpper(method))
}

// For is what a request needs: the strictest of what the plausible readings of its path need. It has no side
// effects, and its work is bounded for every path. rawPath is the path as the client sent it, before any decoding.
func (r Rules) For(method, rawPath string) Access {
	var v verdict
	if plain(rawPath) && !r.everyPath {
		r.judge(request{method, [3]string{rawPath, rawPath, rawPath}}, reading{path: rawPath, counted: rawPath}, &v)
		return v.access(r)
	}
	q := newRequest(method, rawPath)
	v.overflow = !visitReadings(rawPath, func(rd reading) { r.judge(q, rd, &v) })
	return v.access(r)
}

// verdict collects what the readings need.
type verdict struct {
	protected bool
	withheld  bool
	overflow  bool  // more readings than the gate follows, so all needs of all rules count
	rules     []int // protecting rules with needs that decided a reading
}

func (v *verdict) access(r Rules) Access {
	if v.overflow {
		v.protected, v.withheld = true, v.withheld || len(r.withheld) > 0
		v.rules = nil
		for i, ru := range r.list {
			if ru.needs != nil {
				v.rules = append(v.rules, i)
			}
		}
	}
	a := Access{Public: !v.protected && !v.withheld, Withheld: v.withheld}
	for _, i := range v.rules {
		a.Needs = append(a.Needs, r.list[i].needs...)
	}
	switch {
	case !v.protected || r.always == nil:
	case a.Needs == nil:
		a.Needs = r.always // which nobody appends to
	default:
		a.Needs = append(a.Needs, r.always...)
	}
	return a
}

// judge applies the rules to one reading and adds what it needs.
func (r Rules) judge(q request, rd reading, v *verdict) {
	v.withheld = v.withheld || len(r.withheld) > 0 && r.withholds(&rd)
	var buf [8]standing
	matching := r.matching(q, rd, buf[:0])
	for _, s := range matching {
		if s.public || setAside(s, matching) {
			continue
		}
		v.protected = true
		if s.needs != nil && !slices.Contains(v.rules, s.index) {
			v.rules = append(v.rules, s.index)
		}
	}
}
