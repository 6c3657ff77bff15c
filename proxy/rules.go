package proxy

import (
	"net/http"
	"slices"
	"strings"
)

// rule is one entry of GATEPOST_PROTECT or GATEPOST_PUBLIC.
type rule struct {
	text    string   // as written, for explain
	methods []string // nil: every method
	prefix  string   // "/" or without a slash at its end
	public  bool
	needs   Needs // none: any signed-in user

	folded string // the prefix under the reading that ignores case
	depth  int    // how many segments the prefix has
}

// Rules say which paths need what. A path that no rule matches is public; the zero value makes every path public.
type Rules struct {
	list []rule
	// everyPath is set when even a plain path has several readings: the prefix of a protecting rule has upper-case
	// letters, or names a file with an extension, which apps serve without it too.
	everyPath bool
}

// request is what the rules are asked about.
type request struct {
	method string
	// spellings are its own ones of the path: as the client sent it, letters beyond ASCII decoded, and of a data route
	// the page.
	spellings [3]string
}

func newRequest(method, rawPath string) request {
	sent := lettersDecoded(rawPath)
	return request{method, [3]string{sent, nextPage(sent), gatsbyPage(sent)}}
}

// namesMethod says whether the rule has a list of methods with this one in it, as written. GET includes HEAD.
func (ru *rule) namesMethod(method string) bool {
	for _, m := range ru.methods {
		if m == method || m == http.MethodGet && method == http.MethodHead {
			return true
		}
	}
	return false
}

// names says whether the rule names a request in its own spelling.
func (ru *rule) names(q request) bool {
	if ru.methods != nil && !ru.namesMethod(q.method) {
		return false
	}
	return covers(ru.prefix, q.spellings[0]) || covers(ru.prefix, q.spellings[1]) || covers(ru.prefix, q.spellings[2])
}

// appliesTo says whether the rule has a say about a method. Some apps take "post" for "POST": a protecting rule counts
// for every spelling, a public one for its own.
func (ru *rule) appliesTo(method string) bool {
	return ru.methods == nil || ru.namesMethod(method) || !ru.public && ru.namesMethod(strings.ToUpper(method))
}

// For says what a request needs: the strictest of what each plausible reading of its path needs. It is pure, and its
// work is bounded whatever the path. rawPath is the path as the client sent it, before any decoding.
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
	overflow  bool  // more readings than we follow: everything any rule asks for
	rules     []int // protecting rules with needs that decided a reading
}

func (v *verdict) access(r Rules) Access {
	if v.overflow {
		v.protected = true
		v.rules = nil
		for i, ru := range r.list {
			if ru.needs != nil {
				v.rules = append(v.rules, i)
			}
		}
	}
	a := Access{Public: !v.protected}
	for _, i := range v.rules {
		a.Needs = append(a.Needs, r.list[i].needs...)
	}
	return a
}

// judge applies the rules to one reading and adds what it needs.
func (r Rules) judge(q request, rd reading, v *verdict) {
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

// standing is a rule beside a reading that it matches.
type standing struct {
	*rule
	index   int
	named   bool // it names the method, however that is written
	loosens bool // it may set others aside: what is asked for is what its author meant
}

// matching are the rules that match a reading, appended to found. A rule loosens a request that it names in its own
// spelling, and there only the readings that lie below it with case and suffixes counted. Otherwise a rule for one file
// would open the file beside it.
func (r Rules) matching(q request, rd reading, found []standing) []standing {
	for i := range r.list {
		ru := &r.list[i]
		if !ru.appliesTo(q.method) || !ru.matches(rd) {
			continue
		}
		found = append(found, standing{ru, i, ru.methods != nil, covers(ru.prefix, rd.counted) && ru.names(q)})
	}
	return found
}

// setAside says whether a rule counts for nothing, because another one comes before it and may loosen.
func setAside(s standing, matching []standing) bool {
	return slices.ContainsFunc(matching, func(o standing) bool { return o.loosens && o.before(s) })
}

// before says whether a rule comes before one that protects: the longer prefix, and of two that are equally long the
// one that names the method. One in deeper folders is not the shorter one because of its letters, so both are compared,
// and letters as they count when case and accents do not.
func (s standing) before(o standing) bool {
	switch {
	case s.depth < o.depth || len(s.folded) < len(o.folded):
		return false
	case s.depth > o.depth || len(s.folded) > len(o.folded):
		return true
	}
	return s.named && !o.named
}
