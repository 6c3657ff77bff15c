// Package password judges what people choose as passwords, hashes them, and says whose turn that is: in a queue by
// network, and in processes of their own that give way to the traffic. It knows no user and asks no database.
package password

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gatepost/gatepost/auth/secret"
)

// Lengths of a password in characters (code points, NIST SP 800-63B-4 section 3.1.1.2): no limit below 64 is allowed,
// and the upper one only keeps a request from buying a long hash.
const (
	// MinLength is the least that an operator may ask for.
	MinLength = 8
	// MaxLength is the longest a password may be.
	MaxLength = 256
	maxBytes  = 4 * MaxLength
)

// commonPasswords are those of @zxcvbn-ts/language-common (MIT) with 8 characters or more, lower-case, one a line.
//
//go:embed common_passwords.txt
var commonPasswords string

var commonSet = sync.OnceValue(func() map[string]struct{} {
	set := make(map[string]struct{}, strings.Count(commonPasswords, "\n"))
	for line := range strings.Lines(commonPasswords) {
		set[strings.TrimSuffix(line, "\n")] = struct{}{}
	}
	return set
})

// normal is the form of a password that is hashed: NFC, so that the same letters typed on two systems are the same
// password (NIST SP 800-63B-4 section 3.1.1.2), and nothing else changed.
func normal(p secret.Password) string { return norm.NFC.String(string(p)) }

// hashable says whether the password may be hashed at all; anything else cannot be anybody's password.
func hashable(p secret.Password) bool {
	return p != "" && len(p) <= maxBytes && utf8.ValidString(string(p)) && !strings.ContainsRune(string(p), 0)
}

// Fault is what is wrong with a password that somebody chooses.
type Fault string

// The faults a password can have.
const (
	Missing     Fault = "missing"
	Malformed   Fault = "malformed"    // characters that cannot be used
	TooShort    Fault = "too_short"    // Policy.Min says how many characters are needed
	TooLong     Fault = "too_long"     // there are more than MaxLength
	TooCommon   Fault = "too_common"   // on the list of common passwords
	TooSimple   Fault = "too_simple"   // a sequence, a repeat or a walk over the keyboard
	TooPersonal Fault = "too_personal" // the user's own address, or the name of the site
)

// Policy is what a chosen password is judged by.
type Policy struct {
	Min int // characters
	// Personal are words that it must not be, like the user's address and the name of the site.
	Personal []string
}

// Judge says what is wrong with a password somebody chooses, and which number of characters that is about; nothing: it
// is taken.
func (o Policy) Judge(p secret.Password) (f Fault, limit int) {
	n := utf8.RuneCountInString(normal(p))
	folded := strings.ToLower(normal(p))
	_, common := commonSet()[folded]
	switch {
	case p == "":
		return Missing, 0
	case n > MaxLength || len(p) > maxBytes:
		return TooLong, MaxLength
	case !hashable(p):
		return Malformed, 0
	case n < o.Min:
		return TooShort, o.Min
	case common:
		return TooCommon, 0
	case guessable(folded):
		return TooSimple, 0
	case slices.ContainsFunc(o.Personal, func(word string) bool {
		return word != "" &&
			folded == strings.ToLower(word)
	}):
		return TooPersonal, 0
	}
	return "", 0
}

// Typed says what keeps something typed from being anybody's password, before any work is done for it; nothing: it may
// be one.
func Typed(p secret.Password) (f Fault, limit int) {
	switch {
	case p == "":
		return Missing, 0
	case len(p) > maxBytes:
		return TooLong, MaxLength
	case !hashable(p):
		return Malformed, 0
	}
	return "", 0
}
