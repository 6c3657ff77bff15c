package password

import (
	"crypto/rand"
	"strings"

	"github.com/gatepost/gatepost/auth/secret"
)

// Crypt makes the hash that a password has, as crypt(3) does. The setting is the text of a stored hash, of any kind
// that is verified: its kind, cost and salt count, its digest does not. The answer is the whole text of the hash that
// the password has under that setting, so that a right password gives the stored text again. It is empty when the
// setting is none, or its cost beyond the bounds, and on a wrong password where the kind can only be compared (bcrypt).
type Crypt func(setting, password string) string

// current is what new passwords are hashed with (OWASP Password Storage: at least 19 MiB, t=2, p=1).
var current = argonParams{kind: "argon2id", memory: 19 * 1024, time: 2, threads: 1, salt: 16, key: 32}

// OwnPrefix begins every hash that is made as a new one is.
var OwnPrefix = Dummy[:strings.LastIndex(Dummy[:strings.LastIndex(Dummy, "$")], "$")+1]

// Dummy is verified when there is no user, so that an unknown address costs what a known one does. No password
// gives an all-zero key.
var Dummy = phc{argonParams: current, saltBytes: make([]byte, current.salt),
	keyBytes: make([]byte, current.key)}.String()

// Derive is the Crypt that works in this process.
func Derive(setting, password string) string {
	h, err := read(setting)
	if err != nil {
		return ""
	}
	return h.crypt(password)
}

// HashSet makes the hashes of codes that are random, with one salt, so that one that is typed is hashed once to be
// found among them (Under). Passwords that people choose have a salt each.
func HashSet(set []secret.Password, crypt Crypt) []string {
	h := phc{argonParams: current, saltBytes: make([]byte, current.salt), keyBytes: make([]byte, current.key)}
	rand.Read(h.saltBytes)
	list := make([]string, len(set))
	for i, p := range set {
		list[i] = Under(h.String(), p, crypt)
	}
	return list
}

// Under returns the hash that a code has with the cost and the salt of a stored one.
func Under(stored string, p secret.Password, crypt Crypt) string { return crypt(stored, normal(p)) }

// Hash makes the text of a new password's hash, which is always one of ours.
func Hash(p secret.Password, crypt Crypt) string {
	h := phc{argonParams: current, saltBytes: make([]byte, current.salt), keyBytes: make([]byte, current.key)}
	rand.Read(h.saltBytes)
	return crypt(h.String(), normal(p))
}
