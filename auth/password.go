package auth

import (
	_ "embed"
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

// checkNewPassword judges a password somebody chooses.
func (s *Store) checkNewPassword(p secret.Password, email string) error {
	var faults InputError
	n := utf8.RuneCountInString(normal(p))
	folded := strings.ToLower(normal(p))
	_, common := commonSet()[folded]
	switch {
	case p == "":
		faults.add("password", Missing, 0)
	case n > MaxPasswordLength || len(p) > maxPasswordBytes:
		faults.add("password", TooLong, MaxPasswordLength)
	case !hashable(p):
		faults.add("password", Malformed, 0)
	case n < s.o.PasswordMin:
		faults.add("password", TooShort, s.o.PasswordMin)
	case common:
		faults.add("password", TooCommon, 0)
	case guessable(folded):
		faults.add("password", TooSimple, 0)
	case email != "" && folded == email, s.o.SiteName != "" && folded == strings.ToLower(s.o.SiteName):
		faults.add("password", TooPersonal, 0)
	}
	return faults.orNil()
}
