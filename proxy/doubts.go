package proxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Doubts are messages about rules that were probably not meant as written: public ones that open nothing, or
// everything, and protecting ones that may have a role in their path, or protect less than they seem to. The gate runs
// with them, as each may be meant.
func (r Rules) Doubts() (list []string) {
	r.withheld = nil // they are about what the rules say themselves
	for i, ru := range r.list {
		switch {
		case ru.preset != "": // as a whole
		case ru.public:
			list = append(list, r.publicDoubts(i)...)
		default:
			list = append(list, r.protectDoubts(i)...)
		}
	}
	return append(list, r.presetDoubts()...)
}

func (r Rules) publicDoubts(i int) []string {
	ru := r.list[i]
	if why := r.opensNothing(i); why != "" {
		return []string{fmt.Sprintf("GATEPOST_PUBLIC: rule %q opens nothing: %s", ru.text, why)}
	}
	if r.opensEverything(i) {
		const said = "GATEPOST_PUBLIC: rule %q opens everything that is protected%s"
		return []string{fmt.Sprintf(said, ru.text, ru.toWhom())}
	}
	if ru.pattern && strings.Trim(ru.kinds, string(rune(anything))) == "" {
		const said = "GATEPOST_PUBLIC: rule %q opens every path of as many segments or more%s, but those that " +
			"another rule names more exactly"
		return []string{fmt.Sprintf(said, ru.text, ru.toWhom())}
	}
	return nil
}

// presetDoubts are about presets of which no rule opens anything.
func (r Rules) presetDoubts() (list []string) {
	opens := map[string]bool{}
	for i, ru := range r.list {
		if ru.preset != "" && !opens[ru.preset] {
			_, _, opens[ru.preset] = r.example(i)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(opens)) {
		if !opens[name] {
			list = append(list, fmt.Sprintf("GATEPOST_PUBLIC: %s opens nothing: what it names is public without it, "+
				"or stays protected by rules that come first", name))
		}
	}
	return list
}

func (r Rules) protectDoubts(i int) (list []string) {
	ru := &r.list[i]
	if path, role, ok := strings.Cut(ru.prefix, ":"); ok && ru.needs == nil {
		list = append(list, fmt.Sprintf("GATEPOST_PROTECT: rule %q protects only paths that have the colon, "+
			"and not %s; a role is written %s=%s",
			ru.text, path, path, role))
	}
	if folder, ok := strings.CutSuffix(ru.prefix, "/*"); ok {
		list = append(list, r.folderDoubt(ru, rooted(folder))...)
	}
	return append(append(list, r.conditionDoubts(i)...), r.overriddenDoubts(i)...)
}

func (ru *rule) toWhom() string {
	if ru.methods == nil {
		return ""
	}
	return " to " + ru.methodNames()
}

// opensNothing is why a public rule opens nothing; empty when it opens something.
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
			return fmt.Sprintf("%s %s stays protected by rule %q, which comes first", s.method,
				s.path, protecting(findings))
		}
	}
	return "without it nothing it names is protected"
}

// protecting is the first rule that protects a reading.
func protecting(findings []Finding) string {
	i := slices.IndexFunc(findings, func(f Finding) bool { return f.Protected })
	return findings[i].Rules[0]
}

// opensEverything reports whether a public rule leaves nothing protected for its methods.
func (r Rules) opensEverything(i int) bool {
	ru := r.list[i]
	rest, closed := r.without(i), 0
	for _, protecting := range r.list {
		for _, s := range r.samples(protecting) {
			if protecting.public || ru.methods != nil && !ru.namesMethod(s.method) ||
				rest.For(s.method, s.path).Public {
				continue
			}
			if closed++; !r.For(s.method, s.path).Public {
				return false
			}
		}
	}
	return closed > 0
}
