package proxy

import "slices"

// Finding is one reading of a path and what decided it, for `gatepost explain`.
type Finding struct {
	Path string // the path as read
	How  string // how it was read so; empty for the path as sent
	// Rules are the deciding ones, as written: every protecting one that counts, or else the public one that sets the
	// others aside. Empty: no rule matches, so it is public.
	Rules []string
	// Protected says that the reading needs a user, and Needs what of them.
	Protected bool
	Needs     Needs
	// Uncounted are the rules that match and decide nothing here.
	Uncounted []Uncounted
}

// Uncounted is a rule, as written, and in half a sentence why it does not count.
type Uncounted struct{ Rule, Why string }

// Explain lists the readings of a path that differ in path or rules, the one as sent first. complete is false when
// there are more than the gate follows; such a path needs a user with a role of each rule that names roles.
func (r Rules) Explain(method, rawPath string) (findings []Finding, complete bool) {
	q := newRequest(method, rawPath)
	complete = visitReadings(rawPath, func(rd reading) {
		f := r.explain(q, rd)
		i := slices.IndexFunc(findings, func(g Finding) bool { return g.Path == f.Path && slices.Equal(g.Rules, f.Rules) })
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
			f.Uncounted = append(f.Uncounted, Uncounted{s.text, s.whyNot(q)})
		case s.public:
		case setAside(s, matching):
			const why = "a longer rule, or one for the method, that this request names decides"
			f.Uncounted = append(f.Uncounted, Uncounted{s.text, why})
		default:
			f.Rules, f.Protected = append(f.Rules, s.text), true
			f.Needs = append(f.Needs, s.needs...)
		}
	}
	if f.Protected {
		f.Uncounted = append(f.Uncounted, beaten(matching)...)
		return f
	}
	if s, ok := longest(matching); ok {
		f.Rules = []string{s.text}
	}
	return f
}

// beaten are the public rules that would count if a protecting one did not come first.
func beaten(matching []standing) (list []Uncounted) {
	for _, s := range matching {
		if s.public && s.loosens {
			list = append(list, Uncounted{s.text, "a protecting rule that is as long counts first"})
		}
	}
	return list
}

// longest is the first of the public rules that decide, when no protecting one does.
func longest(matching []standing) (best standing, ok bool) {
	for _, s := range matching {
		if s.public && s.loosens && (!ok || s.before(best)) {
			best, ok = s, true
		}
	}
	return best, ok
}

// whyNot says why a public rule does not count for a reading that it matches.
func (s standing) whyNot(q request) string {
	if !s.names(q) {
		return "the path that was sent is not spelt like it"
	}
	return "only without regard to case or suffixes is this below it"
}
