package password

import (
	"crypto/sha256"
	"crypto/sha512"
	"regexp"

	"github.com/go-crypt/x/crypt"
)

// Rounds of SHA-crypt: no fewer than a thousand may be asked for, five thousand are made when none is. passlib asks for
// 656,000 of $6$ and 535,000 of $5$, which is more than any other; 700,000 of $6$ take 0.2 s on a server's core, and
// 0.6 s with the longest password that is tried.
const (
	shaCryptLeast = 1_000
	shaCryptMost  = 700_000
	shaCryptUsual = 5_000
)

// A round is about one of PBKDF2. With fewer than about OWASP's least rounds of that, a hash is weak.
const (
	sha256CryptWeak = 500_000
	sha512CryptWeak = 200_000
)

var shaCryptFamily = family{
	kind:      "sha-crypt",
	form:      "$5$rounds=…$salt$digest and $6$…",
	bound:     "700,000 rounds, passwords of 256 bytes",
	is:        prefixed("$5$", "$6$"),
	parse:     parseSHACrypt,
	spellings: []spelling{asTyped, nfc},
}

var shaCryptText = regexp.MustCompile(
	`^(\$([56])\$(?:rounds=(\d+)\$)?)([!-#%-9;-~]{0,16})\$(` + crypt64 + `{43}|` + crypt64 + `{86})$`)

func parseSHACrypt(text string) (parsed, error) {
	m := shaCryptText.FindStringSubmatch(text)
	if m == nil || (m[2] == "6") != (len(m[5]) == 86) {
		return parsed{}, errMalformed
	}
	rounds, err := shaCryptUsual, error(nil)
	if m[3] != "" {
		if rounds, err = counted(m[3], shaCryptMost); err == nil && rounds < shaCryptLeast {
			err = errMalformed
		}
	}
	sum, weak := sha256.New, sha256CryptWeak
	if m[2] == "6" {
		sum, weak = sha512.New, sha512CryptWeak
	}
	return parsed{
		parts: parts{salt: []byte(m[4]), digest: []byte(m[5])},
		spell: func(p parts) string { return m[1] + string(p.salt) + "$" + string(p.digest) },
		derive: repeated(func(password []byte) []byte {
			return crypt.KeySHACrypt(sum, password, []byte(m[4]), rounds)
		}),
		weak: rounds < weak,
	}, err
}
