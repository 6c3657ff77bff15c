package password

import (
	"github.com/gatepost/gatepost/auth/secret"
)

// family is a kind of stored hashes. It reports whether a hash is of its kind, and whether it is the hash of a
// password. A comparison takes constant time. Parameters of a stored hash are bounded, as limits bounds those of
// argon2id: a hash that was imported or planted must not buy a gigabyte or a minute. What takes long is left to derive,
// which the processes that hash do (processes.go).
type family func(p secret.Password, stored string, derive Deriver) (known, right bool)

// families are the kinds of hashes that are verified. New passwords are hashed with argon2id (Hash), and a right
// password whose hash is of another kind is hashed anew at that sign-in (Outdated).
var families = []family{verifyArgon2id}

// Verify reports whether a stored hash is that of a password. A hash that no family knows matches nothing, at the cost
// of one that argon2id knows.
func Verify(p secret.Password, stored string, derive Deriver) bool {
	for _, verify := range families {
		if known, right := verify(p, stored, derive); known {
			return right
		}
	}
	_, _ = verifyArgon2id(p, Dummy, derive)
	return false
}

// Same says that two passwords are one, however the letters were typed.
func Same(a, b secret.Password) bool { return normal(a) == normal(b) }

// Outdated reports whether a stored hash is not made as a new one is. A password that was right for it is hashed anew.
func Outdated(stored string) bool {
	h, err := parsePHC(stored)
	return err != nil || h.argonParams != current
}
