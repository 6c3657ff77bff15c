package password

import (
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/secret"
)

// family is a kind of stored hashes: ours, or one that somebody brought along. Whatever is read from a stored hash is
// bounded before any work is done for it: a hash that was imported or planted must not buy a gigabyte or a minute. A
// derivation stays well below the patience for a process that hashes (processes.go), on a machine three times slower
// than a server's core.
type family struct {
	kind  string // what reports and docs call it
	form  string // how its hashes are written
	bound string // the most that a hash may cost
	// is says whether a text means to be of this kind, and parse reads it.
	is    func(text string) bool
	parse func(text string) (parsed, error)
	// spellings are the ways to write a password that are tried, each if it differs from those before. The first is
	// the one of the hash's source.
	spellings []spelling
}

// families are the kinds of hashes that are verified. New passwords are hashed with argon2id (Hash), and a right
// password whose hash is of another kind is hashed anew at that sign-in (Outdated).
func families() []family {
	return []family{
		argon2Family,
		betterAuthFamily,
		bcryptFamily,
		pbkdf2Family,
		scryptFamily,
		firebaseFamily,
		shaCryptFamily,
		md5CryptFamily,
		phpassFamily,
		ldapFamily,
		digestFamily,
		symfonyFamily,
		wrappedFamily(),
	}
}

// longestText is the longest text that is read as a hash. The longest of ours are wrapped Firebase hashes.
const longestText = 1024

var (
	errUnknown   = errors.New("it is not a hash of a kind that is verified")
	errMalformed = errors.New("the hash is not written as its kind is")
	errCostly    = errors.New("the hash costs more than a sign-in may")
)

// read says what a text says, if it is a hash within the bounds. The kind is set in any case, if it has one.
func read(text string) (parsed, error) {
	all := families()
	i := slices.IndexFunc(all, func(f family) bool { return f.is(text) })
	if i < 0 || len(text) > longestText {
		return parsed{}, errUnknown
	}
	h, err := all[i].parse(text)
	if err == nil && h.text() != text { // it would match no password
		err = errMalformed
	}
	h.family = all[i]
	return h, err
}

// prefixed returns a func that says whether a text begins with one of the prefixes.
func prefixed(prefixes ...string) func(string) bool {
	return func(text string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
	}
}

// Verify reports whether a stored hash is that of a password, in one of the spellings that its kind wants tried. The
// comparison takes constant time. A hash that cannot be read matches nothing, and neither does what no password can
// be, at the cost of one of our hashes.
func Verify(p secret.Password, stored string, crypt Crypt) bool {
	h, err := read(stored)
	if err != nil || !hashable(p) {
		_ = crypt(Dummy, normal(p))
		return false
	}
	return slices.ContainsFunc(h.spelled(p), func(typed string) bool {
		return subtle.ConstantTimeCompare([]byte(crypt(stored, typed)), []byte(stored)) == 1
	})
}

// Same says that two passwords are one, however the letters were typed.
func Same(a, b secret.Password) bool { return normal(a) == normal(b) }

// Outdated reports whether a stored hash is not made as a new one is. A password that was right for it is hashed anew.
func Outdated(stored string) bool {
	h, err := parsePHC(stored)
	return err != nil || h.argonParams != current
}
