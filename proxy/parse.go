package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// ParseRules reads the two comma-separated lists. The error names every fault, quoting the offending entry.
func ParseRules(protect, public string) (Rules, error) {
	a, err1 := parseList("GATEPOST_PROTECT", protect, false)
	b, err2 := parseList("GATEPOST_PUBLIC", public, true)
	return newRules(append(a, b...)), errors.Join(err1, err2)
}

func newRules(list []rule) Rules {
	r := Rules{list: list}
	for i := range list {
		ru := &list[i]
		ru.folded, ru.depth = fold(ru.prefix), strings.Count(strings.TrimSuffix(ru.prefix, "/"), "/")
		r.everyPath = r.everyPath || !ru.public && (ru.folded != ru.prefix || hasExtension(ru.prefix))
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
	if ru.prefix, err = parsePrefix(strings.TrimSpace(path), public); err != nil {
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
func parsePrefix(s string, public bool) (string, error) {
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
	plain := p
	if !public {
		plain = strings.ReplaceAll(p, "+", "") // some read a blank for it, and others still the + that is protected
	}
	for _, tr := range transforms {
		if other := tr.apply(plain); other != plain {
			return "", fmt.Errorf("an app could read this prefix as %q; write it in its plainest form", other)
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
