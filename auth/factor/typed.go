package factor

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// typedMost is how many bytes somebody may type as a code. A recovery code in full-width letters, with blanks between
// all of them, is shorter.
const typedMost = 200

// Typed is a code as somebody typed it, in the one spelling that is checked. At most one field is set; none is when it
// can be no code.
type Typed struct {
	App      string // a code of an authenticator app
	Recovery string // a recovery code, without its hyphens: one of ours in small letters, or one of another system
}

// Read reads a code: an app shows blanks in it, keyboards have digits of other scripts and full-width letters, and
// people mistake letters for digits. It takes the same time for right and wrong codes.
func Read(typed string) Typed {
	if len(typed) > typedMost || !utf8.ValidString(typed) {
		return Typed{}
	}
	s := compact(norm.NFKC.String(typed))
	if len(s) == Digits && strings.Trim(s, "0123456789") == "" {
		return Typed{App: s}
	}
	ours := unmistaken.Replace(strings.ToLower(s))
	if len(ours) == recoveryLength && strings.Trim(ours, recoveryAlphabet) == "" {
		return Typed{Recovery: ours}
	}
	if broughtLength(len(s)) && strings.Trim(s, broughtAlphabet) == "" {
		return Typed{Recovery: s}
	}
	return Typed{}
}

// unmistaken are the digits that letters are mistaken for (Crockford's base32).
var unmistaken = strings.NewReplacer("o", "0", "i", "1", "l", "1")

// compact returns a text without what separates groups in it, and with the digits of ASCII in place of others.
func compact(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), r == '.', r == '_', r == '\u2212':
			return -1
		case r > unicode.MaxASCII && unicode.Is(unicode.Nd, r):
			return '0' + digit(r)
		}
		return r
	}, s)
}

// digit is the value of a decimal digit of any script: each range of unicode.Nd has whole sets of ten, in order.
func digit(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}
