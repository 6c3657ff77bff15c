package proxy

import (
	"fmt"
	"strings"
)

// A prefix may have a * where nobody can name the segments in advance: /*/*.git. A * is a segment of its own, for any
// one that is not empty, or stands at the start or the end of one. Such a prefix is called a pattern. Like every prefix
// it covers what lies below it.

// The kinds of segments, the one that names most exactly first.
const (
	literal  = iota
	partial  // begins or ends with a *
	anything // is a *
)

// kindsOf are the kinds of a prefix's segments, one byte each; empty for a prefix without a *.
func kindsOf(prefix string) string {
	if !strings.Contains(prefix, "*") {
		return ""
	}
	var kinds []byte
	for prefix != "" {
		var seg string
		seg, prefix = cutSegment(prefix)
		switch {
		case seg == "*":
			kinds = append(kinds, anything)
		case hasStar(seg):
			kinds = append(kinds, partial)
		default:
			kinds = append(kinds, literal)
		}
	}
	return string(kinds)
}

// hasStar reports whether a segment of a rule begins or ends with a *.
func hasStar(seg string) bool { return seg != "" && (seg[0] == '*' || seg[len(seg)-1] == '*') }

// kind is the kind of the rule's segment i.
func (ru *rule) kind(i int) byte {
	if !ru.pattern {
		return literal
	}
	return ru.kinds[i]
}

// exacter compares two rules segment by segment from the left: literal before partial before *. It is negative when a
// comes first, and 0 when neither does.
func exacter(a, b *rule) int {
	for i := range min(a.depth, b.depth) {
		if c := int(a.kind(i)) - int(b.kind(i)); c != 0 {
			return c
		}
	}
	return 0
}

// coversPattern is covers for a pattern. fit compares two segments.
func coversPattern(pattern, path string, fit func(want, got string) bool) bool {
	for pattern != "" {
		var want, got string
		want, pattern = cutSegment(pattern)
		got, path = cutSegment(path)
		if !fit(want, got) {
			return false
		}
	}
	return true
}

// fits reports whether a segment of a rule covers one of a path. It errs on the side of protection.
func fits(want, got string) bool {
	switch {
	case want == "*":
		return got != ""
	case strings.HasPrefix(want, "*"):
		return strings.HasSuffix(got, want[1:])
	case strings.HasSuffix(want, "*"):
		return strings.HasPrefix(got, want[:len(want)-1])
	}
	return want == got
}

// fitsPlainly is fits for rules that set others aside. A * then stands for no dot segment and no part of one with a
// slash in it, however they are encoded. At the start of a segment it stands for one letter or more, so that *.git
// opens no folder .git.
func fitsPlainly(want, got string) bool {
	if !hasStar(want) {
		return want == got
	}
	return fits(want, got) && (want[0] != '*' || len(got) >= len(want)) && isOneSegment(got)
}

// isOneSegment reports whether a segment is a name to every reader: it has no slash or backslash, and more than dots.
// Bytes count as what they are when all percent-encoding is undone.
func isOneSegment(seg string) bool {
	name := false
	for i := 0; i < len(seg); {
		c, n := innermost(seg[i:])
		if c == '/' || c == '\\' {
			return false
		}
		name = name || c != '.'
		i += n
	}
	return name
}

// innermost is the byte that a text begins with, percent-encoded any number of times, and how many bytes encode it.
func innermost(s string) (c byte, n int) {
	if s[0] != '%' {
		return s[0], 1
	}
	for n = 1; strings.HasPrefix(s[n:], "25"); {
		n += 2
	}
	if n+1 >= len(s) || !isHex(s[n]) || !isHex(s[n+1]) {
		return s[0], 1
	}
	return unhex(s[n])<<4 | unhex(s[n+1]), n + 2
}

// stemFits is sameStem for a segment of a rule that may have a *.
func stemFits(want, got string) bool {
	if fits(want, got) {
		return true
	}
	for i := 1; i < len(got); i++ {
		if got[i] == '.' && fits(want, got[:i]) {
			return true
		}
	}
	return false
}

// checkStars refuses a segment with a * where none may be, and what was likely meant otherwise.
func checkStars(seg string) error {
	switch {
	case seg == "*" || !strings.Contains(seg, "*"):
		return nil
	case strings.Trim(seg, "*") == "":
		return fmt.Errorf("%s is no segment: a prefix covers everything below it anyway", seg)
	case strings.Count(seg, "*") > 1, !hasStar(seg):
		return fmt.Errorf("%s is no segment: a * stands for a whole one, or once at the start or the end of one", seg)
	case strings.Trim(seg, ".*") == "":
		return fmt.Errorf("there are no patterns like %s: a * alone stands for any one segment, and a prefix covers "+
			"everything below it", seg)
	}
	return nil
}
