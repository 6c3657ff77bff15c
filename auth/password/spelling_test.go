package password

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// settings are cheap settings of some kinds, to hash passwords in them.
var settings = map[string]string{
	"better": strings.Repeat("0", 32) + ":" + strings.Repeat("0", 128),
	"pbkdf2": "pbkdf2_sha256$1$salt$" + strings.Repeat("A", 43) + "=",
	"argon2": "$argon2id$v=19$m=8,t=1,p=1$MTIzNDU2Nzg$" + zero,
	"ldap":   "{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	"crypt":  "$5$rounds=1000$salt$" + strings.Repeat(".", 43),
	"md5":    "$1$salt$" + strings.Repeat(".", 22),
	"phpass": "$P$5saltsalt" + strings.Repeat(".", 22),
}

// A password is right in the spelling that its source hashed, and in NFC, in which ours are. In no other.
func TestPasswordsAreTriedInTheSpellingOfTheSource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, hashed, typed string
		want                bool
	}{
		{"better", "fish-\u00c5ngstrom", "\ufb01sh-A\u030angstrom", true}, // NFKC: the vector of better-auth 1.7.1
		{"better", "fish-\u00c5ngstrom", "\ufb01sh-\u00c5ngstrom", true},
		{"better", "\ufb01sh-\u00c5ngstrom", "\ufb01sh-\u00c5ngstrom", true}, // another program's, in NFC
		{"better", "\ufb01sh-A\u030angstrom", "\ufb01sh-A\u030angstrom", false},
		{"pbkdf2", "cafe\u0301", "cafe\u0301", true}, // as typed
		{"pbkdf2", "caf\u00e9", "cafe\u0301", true},
		{"pbkdf2", "cafe\u0301", "caf\u00e9", false}, // nobody knows how it was typed then
		{"pbkdf2", "fish", "\ufb01sh", false},
		{"ldap", "caf\u00e9", "cafe\u0301", true},
		{"argon2", "caf\u00e9", "cafe\u0301", true},
		{"argon2", "cafe\u0301", "cafe\u0301", true}, // somebody else's
		{"argon2", "fish", "\ufb01sh", false},
		{"crypt", "caf\u00e9", "cafe\u0301", true},
	} {
		stored := Derive(settings[c.kind], c.hashed)
		if got := Verify(secret.Password(c.typed), stored, Derive); stored == "" || got != c.want {
			t.Errorf("%s of %+q, typed %+q: %t", c.kind, c.hashed, c.typed, got)
		}
	}
	got := Verify("\ufb01sh-A\u030angstrom", "00112233445566778899aabbccddeeff:dc6875fc4e40faf43fad8c52dc27f022"+
		strings.Repeat("0", 96), func(setting, typed string) string {
		made := Derive(setting, typed)
		return made[:65] + strings.Repeat("0", 96)
	})
	if !got {
		t.Error("the first bytes of better-auth's vector for NFKC are others")
	}
}

// Ordinary passwords are hashed once for a try, so that a wrong one costs no more than a right one.
func TestMostPasswordsAreTriedOnce(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		for typed, want := range map[string]int{"correct horse": 1, "caf\u00e9": 1, "cafe\u0301": 2} {
			tries := 0
			Verify(secret.Password(typed), v.stored, func(string, string) string { tries++; return "" })
			if v.kind == "better-auth" {
				want = 1 // NFKC and NFC are one
			}
			if tries != want {
				t.Errorf("%+q is hashed %d times for %s", typed, tries, v.stored)
			}
		}
	}
}

// bcrypt reads 72 bytes, wherever it is from: a longer password is right by its first 72, and by no fewer. Behind
// Django's SHA-256 every byte counts.
func TestBcryptReadsAsManyBytesAsItsSource(t *testing.T) {
	t.Parallel()
	const long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored"
	const of72 = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui" // Openwall crypt_blowfish, wrapper.c
	for typed, want := range map[string]bool{
		long: true, long[:72]: true, long[:72] + "anything": true, long[:71]: false, long[:71] + "x": false,
	} {
		if got := Verify(secret.Password(typed), of72, Derive); got != want {
			t.Errorf("%d bytes: %t", len(typed), got)
		}
	}
	const django = "bcrypt_sha256$$2b$04$IuiuGYCMrZiWbDijqPZbz.d6.oUB.1zl2dNbRf8gPVjdObpDG3le."
	for typed, want := range map[string]bool{long: true, long[:72]: false} {
		if got := Verify(secret.Password(typed), django, Derive); got != want {
			t.Errorf("%d bytes behind SHA-256: %t", len(typed), got)
		}
	}
}

// C ends a string at a NUL, and bcrypt repeats its key with one behind it, so that "a" and "a\0a" have one hash. A
// password with a NUL is nobody's, for any hash, and costs what others do.
func TestAPasswordWithANULIsNobodys(t *testing.T) {
	t.Parallel()
	hashes := []string{"$2b$04$KB5ZvsMtTTvABjgQGO3pYuWd0ovV9I21KFqonP1rb0cfT06FC4oGu"}
	for _, setting := range settings {
		hashes = append(hashes, Derive(setting, "a"), Derive(setting, "a\x00a"))
	}
	for _, stored := range hashes {
		tries := 0
		if Verify("a\x00a", stored, func(setting, p string) string { tries++; return Derive(setting, p) }) || tries != 1 {
			t.Errorf("a password with a NUL is right for %s, or was hashed %d times", stored, tries)
		}
	}
	if bcryptSays := Derive(hashes[0], "a\x00a"); bcryptSays != hashes[0] {
		t.Errorf("bcrypt tells a and a\\0a apart: this test means nothing")
	}
}

// Where each round hashes the password again, a kilobyte would multiply the cost: more than 256 bytes are nobody's.
func TestLongPasswordsDoNotMultiplyTheCost(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{"crypt": false, "md5": false, "phpass": false, "pbkdf2": true, "argon2": true,
		"ldap": true} {
		for typed, want := range map[string]bool{strings.Repeat("x", 256): true, strings.Repeat("x", 257): want} {
			if got := Derive(settings[kind], typed) != ""; got != want {
				t.Errorf("%s of %d bytes: %t", kind, len(typed), got)
			}
		}
	}
}
