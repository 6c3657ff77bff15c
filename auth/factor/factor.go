// Package factor makes and checks what people prove themselves with besides a password: the codes of authenticator
// apps (TOTP, RFC 6238) and recovery codes. It knows how a code looks and whether it is right for a key and a time.
//
// It stores nothing, counts nothing and does not know whose a key is: package auth sees to it that a code is accepted
// once, and that nobody guesses.
package factor

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Authenticator apps know one kind of code. Most of them ignore other values in the URI that they read.
const (
	// Period is how long a code is shown.
	Period = 30 * time.Second
	// Digits is how many digits a code has, and codes is how many codes there are.
	Digits = 6
	codes  = 1_000_000
	// Window is how many codes before and after the current one are right, as clocks differ and people type slowly (RFC
	// 6238, section 5.2).
	Window = 1
)

// The length of a key in bytes. RFC 4226, requirement R6, recommends 160 bits and asks for 128. Keys of 80 bits are
// those of old systems, from which people come with their app.
const (
	keyLength = 20
	keyLeast  = 10
	keyMost   = 128
)

// ErrKey means that a text is no key of an authenticator app.
var ErrKey = errors.New("this is no key of an authenticator app: base32 of 10 to 128 bytes")

// Key is what an authenticator app and the gate have in common. It is a secret, which does not print.
type Key []byte

// NewKey returns a new random key.
func NewKey() Key {
	k := make(Key, keyLength)
	_, _ = rand.Read(k) // never fails
	return k
}

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

// ParseKey reads a key as Base32 writes it, also in small letters, in groups or with padding. It fails with ErrKey.
func ParseKey(text string) (Key, error) {
	if len(text) > 2*keyMost+keyMost {
		return nil, ErrKey
	}
	text = strings.TrimRight(strings.ToUpper(compact(text)), "=")
	b, err := base32NoPad.DecodeString(text)
	if err != nil {
		return nil, ErrKey
	}
	return KeyOf(b)
}

// KeyOf checks the length of a key. It fails with ErrKey.
func KeyOf(b []byte) (Key, error) {
	if len(b) < keyLeast || len(b) > keyMost {
		return nil, ErrKey
	}
	return Key(b), nil
}

// Base32 returns the key as people type it into an app that has no camera.
func (k Key) Base32() string { return base32NoPad.EncodeToString(k) }

// Groups returns Base32 in groups of four, for reading it off.
func (k Key) Groups() string { return group(k.Base32(), 4, " ") }

// String keeps a key out of logs.
func (k Key) String() string { return "key" }

// Format keeps every verb from printing a key.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// Step returns the number of the period that a time lies in. Times before 1970 have none, and count as the first.
func Step(t time.Time) int64 { return max(0, t.Unix()/int64(Period/time.Second)) }

// Code returns the code of a step.
func (k Key) Code(step int64) string {
	return fmt.Sprintf("%0*d", Digits, k.truncated(step)%codes)
}

// truncated is the number of RFC 4226, section 5.3, of which a code is the last digits. HMAC-SHA-1 is what the apps
// know; that collisions of SHA-1 can be made helps nobody there.
func (k Key) truncated(step int64) uint32 {
	mac := hmac.New(sha1.New, k)
	_ = binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
}

// Match reports whether a code is right at a step, and of which step it is. It takes the same time for each code.
func (k Key) Match(code string, now int64) (step int64, ok bool) {
	for s := now + Window; s >= now-Window; s-- { // the earliest counts, so that the later ones can still be used
		if s >= 0 && subtle.ConstantTimeCompare([]byte(k.Code(s)), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// group separates a text into groups of n characters.
func group(s string, n int, separator string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i%n == 0 {
			b.WriteString(separator)
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
