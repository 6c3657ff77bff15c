package auth

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
	minPasswordLength = 8
	// MaxPasswordLength is the longest a password may be.
	MaxPasswordLength = 256
	maxPasswordBytes  = 4 * MaxPasswordLength
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
	return p != "" && len(p) <= maxPasswordBytes && utf8.ValidString(string(p)) && !strings.ContainsRune(string(p), 0)
}

// Fault is what is wrong with a password that somebody chooses.
type Fault string

// The faults a password can have.
const (
	pwMissing     Fault = "missing"
	pwMalformed   Fault = "malformed"    // characters that cannot be used
	pwTooShort    Fault = "too_short"    // Policy.Min says how many characters are needed
	pwTooLong     Fault = "too_long"     // there are more than MaxPasswordLength
	pwTooCommon   Fault = "too_common"   // on the list of common passwords
	pwTooSimple   Fault = "too_simple"   // a sequence, a repeat or a walk over the keyboard
	pwTooPersonal Fault = "too_personal" // the user's own address, or the name of the site
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
		return pwMissing, 0
	case n > MaxPasswordLength || len(p) > maxPasswordBytes:
		return pwTooLong, MaxPasswordLength
	case !hashable(p):
		return pwMalformed, 0
	case n < o.Min:
		return pwTooShort, o.Min
	case common:
		return pwTooCommon, 0
	case guessable(folded):
		return pwTooSimple, 0
	case slices.ContainsFunc(o.Personal, func(word string) bool { return word != "" && folded == strings.ToLower(word) }):
		return pwTooPersonal, 0
	}
	return "", 0
}

// Typed says what keeps something typed from being anybody's password, before any work is done for it; nothing: it may
// be one.
func Typed(p secret.Password) (f Fault, limit int) {
	switch {
	case p == "":
		return pwMissing, 0
	case len(p) > maxPasswordBytes:
		return pwTooLong, MaxPasswordLength
	case !hashable(p):
		return pwMalformed, 0
	}
	return "", 0
}
