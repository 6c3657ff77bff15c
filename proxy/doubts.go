package proxy

import (
	"fmt"
	"slices"
	"strings"
)

// Doubts are the rules that are likely not what their author meant: public ones that open nothing, or everything, and
// protecting ones that may have a role in their path. Each may be meant, so that the gate runs with them.
func (r Rules) Doubts() (list []string) {
	for i, ru := range r.list {
		if !ru.public {
			if path, role, ok := strings.Cut(ru.prefix, ":"); ok && ru.needs == nil {
				list = append(list, fmt.Sprintf("GATEPOST_PROTECT: rule %q protects only paths that have the colon, and not %s; a role is written %s=%s",
					ru.text, path, path, role))
			}
			continue
		}
		if why := r.opensNothing(i); why != "" {
			list = append(list, fmt.Sprintf("GATEPOST_PUBLIC: rule %q opens nothing: %s", ru.text, why))
		} else if r.opensEverything(i) {
			const said = "GATEPOST_PUBLIC: rule %q opens everything that is protected%s"
			list = append(list, fmt.Sprintf(said, ru.text, ru.toWhom()))
		}
	}
	return list
}

func (ru *rule) toWhom() string {
	if ru.methods == nil {
		return ""
	}
	return " to " + ru.methodNames()
}

// opensNothing says why, or nothing when the rule does open something.
func (r Rules) opensNothing(i int) string {
	ru := r.list[i]
	if _, _, ok := r.example(i); ok {
		return ""
	}
	if onlyRefused(ru.methods) {
		return fmt.Sprintf("the gate answers %s with 405 whoever asks", strings.Join(ru.methods, " and "))
	}
	for _, s := range r.samples(ru) {
		if findings, _ := r.Explain(s.method, s.path); !r.For(s.method, s.path).Public {
			return fmt.Sprintf("%s %s stays protected by rule %q, which comes first", s.method, s.path, protecting(findings))
		}
	}
	return "without it nothing it names is protected"
}

// protecting is the first rule that protects a reading.
func protecting(findings []Finding) string {
	i := slices.IndexFunc(findings, func(f Finding) bool { return f.Protected })
	return findings[i].Rules[0]
}

// opensEverything says whether of all that is protected nothing is left for the methods of a public rule.
func (r Rules) opensEverything(i int) bool {
	ru := r.list[i]
	rest, closed := r.without(i), 0
	for _, protecting := range r.list {
		for _, s := range r.samples(protecting) {
			if protecting.public || ru.methods != nil && !ru.namesMethod(s.method) || rest.For(s.method, s.path).Public {
				continue
			}
			if closed++; !r.For(s.method, s.path).Public {
				return false
			}
		}
	}
	return closed > 0
}
