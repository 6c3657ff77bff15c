package proxy

import "slices"

// Finding is one reading of a path and the rules that decided it, for `gatepost explain`.
type Finding struct {
	Path string // Path is the path as read.
	How  string // How is how it was read; empty for the path as sent.
	// Rules are the deciding rules, as written: all protecting rules that count, or the public rule that overrides
	// the others. It is empty when no rule matches, and the reading is public.
	Rules []string
	// Protected is whether the reading needs a signed-in user, and Needs what else of them.
	Protected bool
	Needs     Needs
	// Uncounted are the rules that match and decide nothing here.
	Uncounted []Uncounted
}

// Uncounted is a Rule, as written, and the reason Why it does not count, in words.
type Uncounted struct{ Rule, Why string }

// Explain returns the readings of a path that differ in path or rules, the path as sent first. complete is false
// when there are more readings than the gate follows. Such a path needs a user with a role of each rule that names
// roles.
func (r Rules) Explain(method, rawPath string) (findings []Finding, complete bool) {
	q := newRequest(method, rawPath)
	complete = visitReadings(rawPath, func(rd reading) {
		f := r.explain(q, rd)
		i := slices.IndexFunc(findings, func(g Finding) bool {
			return g.Path == f.Path &&
				slices.Equal(g.Rules, f.Rules)
		})
		if i < 0 {
			findings = append(findings, f)
			return
		}
		findings[i].Uncounted = append(findings[i].Uncounted, f.Uncounted...)
	})
	return findings, complete
}

func (r Rules) explain(q request, rd reading) Finding {
	f := Finding{Path: rd.path, How: rd.how}
	matching := r.matching(q, rd, nil)
	for _, s := range matching {
		switch {
		case s.public && !s.loosens:
			f.Uncounted = append(f.Uncounted, Uncounted{s.text, s.whyNot(q, rd)})
		case s.public:
		case setAside(s, matching):
			f.Uncounted = append(f.Uncounted, Uncounted{s.text, s.whyAside()})
		default:
			f.Rules, f.Protected = append(f.Rules, s.text), true
			f.Needs = append(f.Needs, s.needs...)
		}
	}
	if f.Protected {
		f.Needs = append(f.Needs, r.always...)
		f.Uncounted = append(f.Uncounted, beaten(matching)...)
		return f
	}
	if s, ok := longest(matching); ok {
		f.Rules = []string{s.text}
	}
	return f
}

// beaten are the public rules that would count without a protecting rule that comes first.
func beaten(matching []standing) (list []Uncounted) {
	for _, s := range matching {
		if s.public && s.loosens {
			list = append(list, Uncounted{s.text, s.whyBeaten()})
		}
	}
	return list
}

// longest is the first of the public rules, which decides when no protecting rule does.
func longest(matching []standing) (best standing, ok bool) {
	for _, s := range matching {
		if s.public && s.loosens && (!ok || s.before(&best)) {
			best, ok = s, true
		}
	}
	return best, ok
}

// whyAside is the reason why a protecting rule does not count.
func (s standing) whyAside() string {
	if s.pattern {
		return "a rule that names the path more exactly, a longer one, or one for the method decides"
	}
	return "a longer rule, or one for the method, that this request names decides"
}

// whyBeaten is the reason why a public rule does not count although the request names it.
func (s standing) whyBeaten() string {
	if s.pattern {
		return "a protecting rule that names the path as exactly, or more so, counts first"
	}
	return "a protecting rule that is as long counts first"
}

// whyNot is the reason why a public rule does not count for a reading that it matches.
func (s standing) whyNot(q request, rd reading) string {
	switch {
	case s.excepts(&rd):
		return s.preset + " leaves this alone"
	case s.file && s.coversPlainly(q.spellings[0]) && !s.names(&q):
		return s.preset + " opens this file alone"
	case s.pattern && coversPattern(s.prefix, q.spellings[0], fits) && !s.names(&q):
		return "in a public rule a * is one plain name: no dots alone, no encoded slash, and not nothing at its start"
	case !s.names(&q):
		return "the path that was sent is not spelt like it"
	}
	return "only without regard to case or suffixes is this below it"
}
