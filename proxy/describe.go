package proxy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Description describes a rule for `gatepost check`.
type Description struct {
	Rule    string // Rule is the rule as written, and for one of a preset "<preset>: <rule>".
	Prefix  string
	Path    string // Path is a path that the rule covers: the prefix, with a name for each *.
	Preset  string // Preset is the preset that the rule comes from; empty for a rule of the operator's.
	Public  bool
	Covers  string // Covers is what the rule covers and needs, in words.
	Example string // Example is a request that the rule decides, with the answer; empty when there is none.
}

// Describe describes the rules, protecting ones first.
func (r Rules) Describe() []Description {
	var list []Description
	for i, ru := range r.list {
		d := Description{Rule: ru.text, Prefix: ru.prefix, Path: instance(ru.prefix, fillers[0]), Preset: ru.preset,
			Public: ru.public, Covers: ru.covers(r.below(&ru))}
		if m, p, ok := r.example(i); ok {
			d.Example = fmt.Sprintf("%s %s %s", m, p, r.For(m, p))
		}
		list = append(list, d)
	}
	return list
}

// below is what a rule covers below its path, in words. What follows the name of a script is read without it, too: a
// public rule for /run.php does not open /run.php/page where a rule protects /page.
func (r Rules) below(ru *rule) string {
	method := http.MethodGet
	if ru.methods != nil {
		method = ru.methods[0]
	}
	if ru.file || ru.public && isScript(ru.prefix) && !r.For(method, instance(ru.prefix, fillers[0])+"/example").Public {
		return " and nothing below it"
	}
	return " and everything below it"
}

func (ru *rule) covers(below string) string {
	s := ru.prefix + below
	switch {
	case ru.prefix == "/":
		s = "every path"
	case ru.pattern:
		s = ru.prefix + ", with any name in one segment for each *," + below
	}
	if ru.methods != nil {
		s = ru.methodNames() + " of " + s
	}
	switch {
	case ru.except != nil:
		return s + ", spelt like this only, but " + ru.exceptions()
	case ru.public:
		return s + ", spelt like this only"
	case ru.pattern && namesFile(ru.prefix):
		return s + ", however it is spelt, without the suffix or with another too"
	}
	return s + ", however it is spelt"
}

func (ru *rule) exceptions() string {
	var list []string
	for _, e := range ru.except {
		list = append(list, e.prefix)
	}
	return strings.Join(list, ", ")
}

// methodNames are the methods of the rule, in words. GET includes HEAD.
func (ru *rule) methodNames() string {
	list := ru.methods
	if ru.lists("GET") && !ru.lists("HEAD") {
		list = append(slices.Clip(list), "HEAD")
	}
	return strings.Join(list, " and ")
}

// sample is a request that a rule names.
type sample struct{ method, path string }

// samples are requests for all that a rule names: its prefix and a page below, with each method that any rule
// distinguishes.
func (r Rules) samples(ru rule) (list []sample) {
	for _, p := range r.instances(&ru) {
		for _, m := range r.tellsApart() {
			if ru.methods == nil || ru.namesMethod(m) {
				list = append(list, sample{m, p}, sample{m, strings.TrimSuffix(p, "/") + "/example"})
			}
		}
	}
	return list
}

// tellsApart are the methods that rules name, GET and POST, and one that no rule names. Methods that the gate
// refuses are left out.
func (r Rules) tellsApart() (list []string) {
	for _, m := range registered {
		named := slices.ContainsFunc(r.list, func(ru rule) bool { return ru.lists(m) })
		if (named || m == "GET" || m == "POST") && !refusedMethod(m) {
			list = append(list, m)
		}
	}
	i := slices.IndexFunc(registered, func(m string) bool { return !refusedMethod(m) && !slices.Contains(list, m) })
	if i >= 0 {
		list = append(list, registered[i])
	}
	return list
}

// example is a request that the rule decides: a protecting rule counts for it, and a public rule is the reason why
// it is public.
func (r Rules) example(i int) (method, path string, ok bool) {
	ru := r.list[i]
	for _, s := range r.samples(ru) {
		if ru.public && r.opens(i, s) || !ru.public && r.protects(i, s) {
			return s.method, s.path, true
		}
	}
	return "", "", false
}

// opens reports whether a request is public because of the rule.
func (r Rules) opens(i int, s sample) bool {
	return r.For(s.method, s.path).Public && !r.without(i).For(s.method, s.path).Public
}

func (r Rules) protects(i int, s sample) bool {
	found := false
	q := newRequest(s.method, s.path)
	visitReadings(s.path, func(rd reading) {
		matching := r.matching(q, rd, nil)
		counts := func(st standing) bool { return st.index == i && !setAside(st, matching) }
		found = found || slices.ContainsFunc(matching, counts)
	})
	return found
}

func (r Rules) without(i int) Rules { return newRules(slices.Delete(slices.Clone(r.list), i, i+1)) }
