package proxy

import (
	"fmt"
	"slices"
	"strings"
)

// Description describes a rule for `gatepost check`.
type Description struct {
	Rule    string // Rule is the rule as written.
	Prefix  string
	Public  bool
	Covers  string // Covers is what the rule covers and needs, in words.
	Example string // Example is a request that the rule decides, with the answer; empty when there is none.
}

// Describe describes the rules, protecting ones first.
func (r Rules) Describe() []Description {
	var list []Description
	for i, ru := range r.list {
		d := Description{Rule: ru.text, Prefix: ru.prefix, Public: ru.public, Covers: ru.covers()}
		if m, p, ok := r.example(i); ok {
			d.Example = fmt.Sprintf("%s %s %s", m, p, r.For(m, p))
		}
		list = append(list, d)
	}
	return list
}

func (ru *rule) covers() string {
	s := ru.prefix + " and everything below it"
	if ru.prefix == "/" {
		s = "every path"
	}
	if ru.methods != nil {
		s = ru.methodNames() + " of " + s
	}
	if ru.public {
		return s + ", spelt like this only"
	}
	return s + ", however it is spelt"
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
	for _, m := range r.tellsApart() {
		if ru.methods == nil || ru.namesMethod(m) {
			list = append(list, sample{m, ru.prefix}, sample{m, strings.TrimSuffix(ru.prefix, "/") + "/example"})
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
