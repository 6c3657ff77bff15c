package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// Access is what a request needs. The zero value needs a signed-in user.
type Access struct {
	Public bool
	// Roles lists alternatives that must each be met: one of the first list, and one of the second, and so on.
	Roles [][]string
}

// Allows says whether a signed-in user may pass.
func (a Access) Allows(u auth.User) bool {
	for _, alternatives := range a.Roles {
		if !u.HasAny(alternatives) {
			return false
		}
	}
	return true
}

// rule is one entry of GATEPOST_PROTECT or GATEPOST_PUBLIC.
type rule struct {
	text    string   // as written, for explain
	methods []string // nil: every method
	prefix  string   // "/" or without a slash at its end
	public  bool
	roles   []string // nil: any signed-in user

	folded          string   // the prefix under the reading that ignores case
	cut, foldedCuts []string // the prefix under the readings that drop a format suffix
}

// Rules say which paths need what. A path that no rule matches is public; the zero value makes every path public.
type Rules struct {
	list []rule
	// caseMatters is set when a prefix has upper-case letters, so that even a lower-case path has two readings.
	caseMatters bool
}

// ParseRules reads the two comma-separated lists. The error names every fault, quoting the offending entry.
func ParseRules(protect, public string) (Rules, error) {
	a, err1 := parseList("GATEPOST_PROTECT", protect, false)
	b, err2 := parseList("GATEPOST_PUBLIC", public, true)
	r := Rules{list: append(a, b...)}
	for i := range r.list {
		r.list[i].prepare()
		r.caseMatters = r.caseMatters || r.list[i].folded != r.list[i].prefix
	}
	return r, errors.Join(err1, err2)
}

func parseList(setting, s string, public bool) ([]rule, error) {
	var list []rule
	var faults []error
	for entry := range strings.SplitSeq(s, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		ru, err := parseRule(entry, public)
		if err == nil {
			err = conflict(list, ru)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: rule %q: %w", setting, entry, err))
			continue
		}
		list = append(list, ru)
	}
	if strings.TrimSpace(s) != "" && len(list) == 0 && len(faults) == 0 {
		faults = append(faults, fmt.Errorf("%s: %q names no rule; write it like /dashboard", setting, s))
	}
	return list, errors.Join(faults...)
}

func parseRule(entry string, public bool) (rule, error) {
	ru := rule{text: entry, public: public}
	path, roles, hasRoles := strings.Cut(entry, "=")
	if methods, rest, ok := strings.Cut(path, " "); ok {
		path = strings.TrimSpace(rest)
		for m := range strings.SplitSeq(methods, "|") {
			if !isMethod(m) {
				return rule{}, fmt.Errorf("%q is not a method; write it like GET /path or GET|POST /path", m)
			}
			ru.methods = append(ru.methods, m)
		}
	}
	var err error
	if ru.prefix, err = parsePrefix(strings.TrimSpace(path)); err != nil {
		return rule{}, err
	}
	if !hasRoles {
		return ru, nil
	}
	if public {
		return rule{}, errors.New("a public rule takes no roles; put rules with roles into GATEPOST_PROTECT")
	}
	for role := range strings.SplitSeq(roles, "|") {
		if role = strings.TrimSpace(role); !auth.ValidRole(role) {
			return rule{}, fmt.Errorf("%q is not a role; write roles like /admin=admin|owner, with letters, digits and _ . : -", role)
		}
		ru.roles = append(ru.roles, role)
	}
	return ru, nil
}

func isMethod(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// parsePrefix accepts a prefix in its plainest spelling, so that there is no question what it covers.
func parsePrefix(s string) (string, error) {
	switch {
	case !strings.HasPrefix(s, "/"):
		return "", errors.New("a prefix starts with /")
	case strings.Contains(s, "*"):
		return "", errors.New("there are no wildcards: a prefix covers everything below it")
	case strings.ContainsAny(s, "%\\;?#\""):
		return "", errors.New("a prefix is written decoded and without % \\ ; ? # or quotes")
	}
	p := strings.TrimSuffix(s, "/")
	if p == "" {
		return "/", nil
	}
	for _, tr := range transforms {
		if tr.apply(p) != p {
			return "", errors.New("a prefix has no empty, dot or padded segments and no control characters")
		}
	}
	return p, nil
}

// conflict refuses two rules of one list of which neither could win.
func conflict(list []rule, ru rule) error {
	for _, other := range list {
		if other.prefix != ru.prefix || (other.methods == nil) != (ru.methods == nil) {
			continue
		}
		if ru.methods == nil || slices.ContainsFunc(ru.methods, func(m string) bool { return slices.Contains(other.methods, m) }) {
			return fmt.Errorf("decides the same requests as rule %q; merge the two", other.text)
		}
	}
	return nil
}

func (ru *rule) prepare() {
	ru.folded = fold(ru.prefix)
	ru.cut = withoutSuffix(ru.prefix)
	ru.foldedCuts = withoutSuffix(ru.folded)
}

// namesMethod says whether the rule covers the method, and whether by name. Some apps take "post" for "POST": a
// protecting rule covers every spelling, a public one only its own.
func (ru *rule) namesMethod(method string) (covers, named bool) {
	if ru.methods == nil {
		return true, false
	}
	for _, m := range ru.methods {
		if m == method || m == http.MethodGet && method == http.MethodHead {
			return true, true
		}
		upper := strings.ToUpper(method)
		if !ru.public && (m == upper || m == http.MethodGet && upper == http.MethodHead) {
			return true, true
		}
	}
	return false, false
}

// For says what a request needs: the strictest of what each plausible reading of its path needs. It is pure, and its
// work is bounded whatever the path. rawPath is the path as the client sent it, before any decoding.
func (r Rules) For(method, rawPath string) Access {
	var v verdict
	if plain(rawPath) && !r.caseMatters {
		r.judge(method, reading{path: rawPath}, &v)
		return v.access(r)
	}
	v.overflow = !visitReadings(rawPath, func(rd reading) { r.judge(method, rd, &v) })
	return v.access(r)
}

// verdict collects what the readings need.
type verdict struct {
	protected bool
	overflow  bool  // more readings than we follow: everything any rule asks for
	rules     []int // protecting rules with roles that decided a reading
}

func (v *verdict) access(r Rules) Access {
	if v.overflow {
		v.protected = true
		v.rules = nil
		for i, ru := range r.list {
			if ru.roles != nil {
				v.rules = append(v.rules, i)
			}
		}
	}
	a := Access{Public: !v.protected}
	for _, i := range v.rules {
		a.Roles = append(a.Roles, r.list[i].roles)
	}
	return a
}

// judge applies the rules to one reading and adds what it needs.
func (r Rules) judge(method string, rd reading, v *verdict) {
	for _, i := range r.deciding(method, rd) {
		if r.list[i].public {
			continue
		}
		v.protected = true
		if r.list[i].roles != nil && !slices.Contains(v.rules, i) {
			v.rules = append(v.rules, i)
		}
	}
}

// deciding are the rules that decide a reading: of the longest prefix, those that name the method before those that do
// not, and protecting ones before public ones. Two protecting rules can tie when their prefixes differ in case only;
// then both count.
func (r Rules) deciding(method string, rd reading) []int {
	var buf [4]int
	best, found := score{}, buf[:0]
	for i := range r.list {
		ru := &r.list[i]
		covers, named := ru.namesMethod(method)
		if !covers || !ru.matches(rd) {
			continue
		}
		s := score{len(ru.prefix), named, !ru.public}
		switch {
		case s.beats(best) || len(found) == 0:
			best, found = s, append(found[:0], i)
		case s == best:
			found = append(found, i)
		}
	}
	return found
}

type score struct {
	length         int
	named, protect bool
}

func (s score) beats(t score) bool {
	switch {
	case s.length != t.length:
		return s.length > t.length
	case s.named != t.named:
		return s.named
	}
	return s.protect && !t.protect
}

// matches reads the rule as the path was read: under a reading that ignores case the prefix is folded too, and under
// one that drops format suffixes a prefix that was meant to end in one is met without it.
func (ru *rule) matches(rd reading) bool {
	prefix, cuts := ru.prefix, ru.cut
	if rd.folded {
		prefix, cuts = ru.folded, ru.foldedCuts
	}
	return covers(prefix, rd.path) || rd.cut && slices.Contains(cuts, rd.path)
}

// covers matches whole segments: /dashboard covers /dashboard/x and never /dashboards.
func covers(prefix, path string) bool {
	if prefix == "/" {
		return true
	}
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}
