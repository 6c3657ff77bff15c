package config

import (
	"reflect"
	"strings"
	"unicode"
)

// tidy takes off a value what files and platforms leave around it and nobody meant: blanks, line ends, a byte order
// mark, and quotation marks that `docker run --env-file` and some secret stores take for a part of it. Quotation marks
// with another of their kind between them may be meant, and stay.
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

// around is what carries no meaning at the ends of a value: blanks, line ends, and U+FEFF and U+200B, which nobody
// sees.
func around(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' || r == '\u200B' }

// asList reads lines as entries, as a block of YAML has them, with or without a dash before each.
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

// lists are the settings that hold several entries, by their tag.
func lists() map[string]bool {
	found := map[string]bool{}
	t := reflect.TypeFor[Settings]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("env"), ",")
		found[name] = t.Field(i).Tag.Get("list") == "true"
	}
	return found
}

// switchWord is what a word of YAML and of shells means where a setting has two or more fixed words. YAML turns off
// into false before anybody of ours sees it.
func switchWord(s string) string {
	switch s = strings.ToLower(s); s {
	case "yes", "on", "1":
		return "true"
	case "no", "off", "0":
		return "false"
	}
	return s
}

// orOff is a value of a setting that can be switched off.
func orOff(s string) string {
	if switchWord(s) == "false" && s != "0" { // 0 may be a length of time
		return "off"
	}
	return s
}
