package session

import "strings"

// Cookie parsers differ. Some split at commas or blanks as well as at semicolons, look into quotes, ignore case,
// undo percent escapes, or read other bytes as an underscore, as PHP does. A pair in which any of them could find
// one of the gate's cookies is removed as a whole. The gate itself reads no cookie from such a pair.

// decodings is how many times percent escapes in a pair are undone. It is more than any server does, and bounds the
// work.
const decodings = 4

// holds reports whether some parser could find a cookie of the gate's in s, the text between two semicolons.
func (c Cookie) holds(pair string) bool {
	for range decodings {
		if c.begins(pair) {
			return true
		}
		decoded := unescape(pair)
		if decoded == pair {
			return false
		}
		pair = decoded
	}
	return c.begins(pair)
}

// Ours reports whether a name is that of one of the gate's cookies, or may be taken for one.
func (c Cookie) Ours(name string) bool { return c.holds(name) }

// within reports whether the value of another header than Cookie holds one of the gate's cookies.
func (c Cookie) within(value string) bool {
	if strings.Contains(value, c.Name) && c.begins(value) {
		return true
	}
	for _, name := range c.old {
		if strings.Contains(value, name) && (Cookie{Name: name}).begins(value) {
			return true
		}
	}
	return false
}

// begins reports whether one of the gate's names stands where a name may begin: at the start, even without a value,
// or after a byte that is not part of a name, when an equals sign follows.
func (c Cookie) begins(s string) bool {
	for _, name := range c.old {
		if (Cookie{Name: name}).begins(s) {
			return true
		}
	}
	first := true // only bytes so far that some parsers skip: blanks, quotes and =
	// word is the end of the last helper name found, which may contain many places where a name begins.
	word := 0
	for i := range len(s) {
		if i == 0 || !partOfName(s[i-1]) {
			n := c.match(s[i:])
			if n > 0 && first && ends(s[i+n:]) {
				return true
			}
			if n > 0 && i+n >= word {
				word = i + n + helper(s[i+n:])
				if hasValue(s[word:]) {
					return true
				}
			}
		}
		first = first && (s[i] <= ' ' || s[i] == '=' || s[i] == '"')
	}
	return false
}

// match returns the length of the gate's name at the beginning of s, or 0.
func (c Cookie) match(s string) int {
	if len(s) < len(c.Name) || c.Name == "" {
		return 0
	}
	for i := range len(c.Name) {
		if want := lower(c.Name[i]); want != lower(s[i]) && !(want == '_' && underscore(s[i])) {
			return 0
		}
	}
	return len(c.Name)
}

// underscore reports whether PHP reads b as _; + stands for a blank.
func underscore(b byte) bool { return b == '.' || b == ' ' || b == '[' || b == '+' }

// partOfName reports whether b is a byte after which no parser begins a name.
func partOfName(b byte) bool {
	b = lower(b)
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '-' || b == '_' || b == '.'
}

// ends reports whether a name ends before rest, or goes on as the name of a helper cookie does.
func ends(rest string) bool {
	return rest == "" || rest[0] == '_' || rest[0] == '.' || !partOfName(rest[0])
}

// helper returns the length of the suffix of a helper cookie's name at the beginning of rest.
func helper(rest string) int {
	if rest == "" || rest[0] != '_' && (!underscore(rest[0]) || rest[0] == ' ') {
		return 0
	}
	if i := strings.IndexFunc(rest, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`=,"`, r) }); i >= 0 {
		return i
	}
	return len(rest)
}

// hasValue reports whether an equals sign follows a name.
func hasValue(rest string) bool {
	return strings.HasPrefix(strings.TrimLeftFunc(rest, func(r rune) bool { return r <= ' ' || r == '"' || r == '\'' }),
		"=")
}

// unescape undoes percent escapes once.
func unescape(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && nibble(s[i+1]) >= 0 && nibble(s[i+2]) >= 0 {
			out = append(out, byte(nibble(s[i+1])<<4|nibble(s[i+2])))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

func nibble(b byte) int {
	switch b = lower(b); {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b && b <= 'f':
		return int(b-'a') + 10
	}
	return -1
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + ('a' - 'A')
	}
	return b
}
