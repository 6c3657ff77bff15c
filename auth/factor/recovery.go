package factor

import "crypto/rand"

// Recovery codes let people in who have lost their app. Each of 15 characters is one of 32: 75 bits, where NIST SP
// 800-63B-4, section 4.2.1.1, asks for 64. The letters are Crockford's, without those that look like others.
const (
	RecoveryCodes    = 10 // in a set
	recoveryAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	recoveryLength   = 15
	recoveryGroup    = 5
)

// Codes that people bring from another system are kept as they are, in large and small letters. Better Auth's have 10
// characters, others 8 to 32. None is nearly as long as ours: one of ours with a character too few or too many is no
// code, rather than a wrong one.
const (
	broughtLeast    = 8
	broughtMost     = 32
	broughtAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

func broughtLength(n int) bool {
	return broughtLeast <= n && n <= broughtMost && (n < recoveryLength-1 || n > recoveryLength+1)
}

// BroughtCode reads a recovery code of another system as Read reads it when somebody types it. ok is false for one that
// nobody could type here.
func BroughtCode(s string) (c RecoveryCode, ok bool) {
	c = RecoveryCode(Read(s).Recovery)
	return c, c != ""
}

// RecoveryCode is a code as it is checked, without hyphens. It is a secret.
type RecoveryCode string

// NewRecoveryCodes returns a set of new codes.
func NewRecoveryCodes() []RecoveryCode {
	list := make([]RecoveryCode, RecoveryCodes)
	for i := range list {
		b := make([]byte, recoveryLength)
		_, _ = rand.Read(b) // never fails
		for j := range b {
			b[j] = recoveryAlphabet[b[j]%byte(len(recoveryAlphabet))] // 32 divides 256
		}
		list[i] = RecoveryCode(b)
	}
	return list
}

// Groups returns a code as people read it: 4xk2p-9w0tm-c7hqe.
func (c RecoveryCode) Groups() string { return group(string(c), recoveryGroup, "-") }

// String keeps a code out of logs.
func (c RecoveryCode) String() string { return "recovery code" }

// GoString does so for %#v.
func (c RecoveryCode) GoString() string { return c.String() }
