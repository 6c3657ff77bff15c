package proxy

import (
	"slices"
	"strings"
)

// filler are texts for a * of a rule: one that is a segment or stands at its start, and one for its end.
type filler struct{ name, end string }

// fillers are tried one after the other, so that a rule for names with one of these beginnings is told from a rule for
// all names.
var fillers = []filler{{"example", "1"}, {"42", "-x"}}

// instance is a path that a prefix covers, with a name for each *.
func instance(prefix string, f filler) string {
	if !strings.Contains(prefix, "*") {
		return prefix
	}
	return eachSegment(prefix, func(seg string) string { return nameFor(seg, f) })
}

// nameFor is a segment that a rule's segment covers.
func nameFor(seg string, f filler) string {
	switch {
	case !hasStar(seg):
		return seg
	case seg[0] == '*':
		return f.name + seg[1:]
	}
	return strings.TrimSuffix(seg, "*") + f.end
}

// instances are paths that the rule covers: its prefix, with several names for each *, and paths that another rule
// covers as well, if there are any.
func (r Rules) instances(ru *rule) []string {
	if !ru.pattern {
		return []string{ru.prefix}
	}
	var list []string
	for _, f := range fillers {
		list = append(list, instance(ru.prefix, f))
	}
	for i := range r.list {
		if p, ok := meeting(ru, &r.list[i]); ok && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// meeting is a path that both rules cover. It reports false when none is found.
func meeting(a, b *rule) (string, bool) {
	var path strings.Builder
	restA, restB := strings.TrimSuffix(a.prefix, "/"), strings.TrimSuffix(b.prefix, "/")
	for restA != "" || restB != "" {
		segA, segB := "*", "*" // everything below a prefix
		if restA != "" {
			segA, restA = cutSegment(restA)
		}
		if restB != "" {
			segB, restB = cutSegment(restB)
		}
		name, ok := nameForBoth(segA, segB)
		if !ok {
			return "", false
		}
		path.WriteString("/" + name)
	}
	return path.String(), path.Len() > 0
}

// nameForBoth is a segment that two segments of rules cover.
func nameForBoth(a, b string) (string, bool) {
	bare := func(seg string) string { return strings.ReplaceAll(seg, "*", "") }
	for _, name := range []string{
		nameFor(a, fillers[0]), nameFor(b, fillers[0]), bare(a) + bare(b), bare(b) + bare(a),
	} {
		if covered := func(seg string) bool { return fitsPlainly(seg, name) }; covered(a) && covered(b) {
			return name, true
		}
	}
	return "", false
}
