package config

import (
	"strings"
	"unicode"
)

// tidy removes from a value what files and platforms leave around it by mistake: blanks, line ends, a byte order
// mark, and the quotation marks that `docker run --env-file` and some secret stores take for a part of it.
// Quotation marks stay when there is another of the same kind between them.
func tidy(s string) string {
	s = strings.TrimFunc(s, around)
	for _, mark := range []string{`"`, `'`} {
		inner, ok := strings.CutPrefix(s, mark)
		if inner, ok = cutSuffixIf(ok, inner, mark); ok && !strings.Contains(inner, mark) {
			return strings.TrimFunc(inner, around)
		}
	}
	return s
}

func cutSuffixIf(ok bool, s, suffix string) (string, bool) {
	if !ok {
		return s, false
	}
	return strings.CutSuffix(s, suffix)
}

// around reports whether a rune has no meaning at the ends of a value: blanks, line ends, and the invisible U+FEFF
// and U+200B.
func around(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' || r == '\u200B' }

// asList joins lines to a list with commas, as YAML blocks have them, with or without a dash before each.
func asList(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	var entries []string
	for line := range strings.Lines(s) {
		line = strings.TrimFunc(line, around)
		if entry, ok := strings.CutPrefix(line, "- "); ok {
			line = tidy(entry)
		}
		if line = strings.TrimRight(line, ", "); line != "" {
			entries = append(entries, line)
		}
	}
	return strings.Join(entries, ", ")
}

// switchWord maps the words for true and false in YAML and in shells to "true" and "false". YAML parsers turn off
// into false before Gatepost sees it.
func switchWord(s string) string {
	switch s = strings.ToLower(s); s {
	case "yes", "on", "1":
		return "true"
	case "no", "off", "0":
		return "false"
	}
	return s
}

// orOff maps the words for false to "off", for a setting that can be switched off.
func orOff(s string) string {
	if switchWord(s) == "false" && s != "0" { // 0 may be a duration
		return "off"
	}
	return s
}
