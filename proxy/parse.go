package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ParseRules reads the comma-separated lists of both settings. Its error has every fault, with the entry in
// question.
func ParseRules(protect, public string) (Rules, error) {
	a, err1 := parseList("GATEPOST_PROTECT", protect, false)
	public, presets, err2 := cutPresets(public)
	b, err3 := parseList("GATEPOST_PUBLIC", public, true)
	for _, ru := range presets {
		if conflict(b, ru) == nil { // else a rule of the operator's opens it
			b = append(b, ru)
		}
	}
	return newRules(append(a, b...)), errors.Join(err1, err2, err3)
}

func newRules(list []rule) Rules {
	r := Rules{list: list}
	for i := range list {
		ru := &list[i]
		ru.folded, ru.depth = fold(ru.prefix), strings.Count(strings.TrimSuffix(ru.prefix, "/"), "/")
		ru.kinds = kindsOf(ru.prefix)
		ru.pattern = ru.kinds != ""
		r.everyPath = r.everyPath || !ru.public && (ru.folded != ru.prefix || namesFile(ru.prefix))
	}
	return r
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
	var err error
	if err := withoutSemicolons(entry); err != nil {
		return rule{}, err
	}
	path, needs, hasNeeds := strings.Cut(entry, "=")
	if methods, rest, ok := strings.Cut(strings.TrimSpace(path), " "); ok && !strings.HasPrefix(methods, "/") {
		path = rest
		if ru.methods, err = parseMethods(methods, public); err != nil {
			return rule{}, err
		}
	}
	if ru.prefix, err = parsePrefix(strings.TrimSpace(path), public); err != nil {
		return rule{}, err
	}
	if !hasNeeds {
		return ru, nil
	}
	if public {
		return rule{}, errors.New("a public rule takes no roles and no conditions; put rules with them into " +
			"GATEPOST_PROTECT")
	}
	ru.needs, err = parseNeeds(ru.prefix, needs)
	return ru, err
}

// ProtectingBelow are the protecting rules, as written, for a prefix and for paths below it.
func (r Rules) ProtectingBelow(prefix string) (list []string) {
	for _, ru := range r.list {
		if !ru.public && covers(prefix, ru.prefix) {
			list = append(list, ru.text)
		}
	}
	return list
}

// conflict fails for two rules of one list when one of them could never decide.
func conflict(list []rule, ru rule) error {
	for _, other := range list {
		if other.prefix != ru.prefix || (other.methods == nil) != (ru.methods == nil) {
			continue
		}
		overlap := ru.methods == nil || slices.ContainsFunc(ru.methods, other.lists)
		if overlap || ru.addsNothingTo(other) || other.addsNothingTo(ru) {
			return fmt.Errorf("decides the same requests as rule %q; merge the two", other.text)
		}
	}
	return nil
}

func (ru *rule) lists(method string) bool { return slices.Contains(ru.methods, method) }

// addsNothingTo reports whether a protecting rule asks only what another one with its prefix asks for all methods.
func (ru *rule) addsNothingTo(other rule) bool {
	if ru.public || !other.needs.implyAll(ru.needs) {
		return false
	}
	return !slices.ContainsFunc(ru.methods, func(m string) bool { return !other.namesMethod(m) })
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
