package session

import "strings"

// Parsers of cookies do not agree. Some split at commas or blanks as well as at semicolons, look into quotes, ignore
// case, undo percent escapes, or read other bytes as an underscore, as PHP does. What any of them could find one of our
// cookies in goes as a whole; we ourselves read none there.

// decodings is how often a pair is read with its percent escapes undone: more than any server does, and a bound on the
// work.
const decodings = 4

// holds says whether some parser could find a cookie of ours in a pair, or whatever else stands between two semicolons.
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

// Ours says whether a name is one of our cookies', or may be taken for one.
func (c Cookie) Ours(name string) bool { return c.holds(name) }

// begins says whether one of our names stands where a name may begin: first, even without a value, or after what is no
// part of a name and before an equals sign.
func (c Cookie) begins(s string) bool {
	first := true // nothing so far but what some skip: blanks, quotes and =
	// where the word ends in which the name of a helper was looked for last: it may begin there many times
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

// match is how many bytes at the beginning are our name, 0 when they are not.
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

// underscore are the bytes that PHP turns into _, and + for a blank.
func underscore(b byte) bool { return b == '.' || b == ' ' || b == '[' || b == '+' }

// partOfName are bytes after which nobody begins a name.
func partOfName(b byte) bool {
	b = lower(b)
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '-' || b == '_' || b == '.'
}

// ends says that a name ends here, or goes on as one of our helpers' does.
func ends(rest string) bool {
	return rest == "" || rest[0] == '_' || rest[0] == '.' || !partOfName(rest[0])
}

// helper is how much longer than ours the name of a helper is that goes on so.
func helper(rest string) int {
	if rest == "" || rest[0] != '_' && (!underscore(rest[0]) || rest[0] == ' ') {
		return 0
	}
	if i := strings.IndexFunc(rest, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`=,"`, r) }); i >= 0 {
		return i
	}
	return len(rest)
}

// hasValue says that what follows a name is an equals sign.
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
