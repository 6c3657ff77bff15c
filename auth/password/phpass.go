package password

import (
	"crypto/md5"
	"encoding/hex"
	"regexp"
	"strings"

	crypt "github.com/go-crypt/x/base64"
)

// phpassRounds bounds the rounds of phpass, as a logarithm. WordPress asks for 13, passlib for 19, which takes 0.1 s on
// a server's core, and 0.3 s with the longest password that is tried. The least is 7 (Openwall's phpass).
const (
	phpassLeast  = 7
	phpassRounds = 19
)

// phpassFamily is the portable hash of phpass, which WordPress ($P$) and phpBB ($H$) had. Behind $md5 it is that of the
// password's MD5 in hex, which forums made of still older hashes, and which Clerk calls md5_phpass. Always weak.
var phpassFamily = family{
	kind:      "phpass",
	form:      "$P$…, $H$…; $md5$P$… (ours, for phpass over MD5)",
	bound:     "2^19 rounds, passwords of 256 bytes",
	is:        prefixed("$P$", "$H$", "$md5$P$", "$md5$H$"),
	parse:     parsePhpass,
	spellings: []spelling{asTyped, nfc},
}

var phpassText = regexp.MustCompile(`^((?:\$md5)?\$[PH]\$)(` + crypt64 + `)(` + crypt64 + `{8})(` + crypt64 + `{22})$`)

func parsePhpass(text string) (parsed, error) {
	m := phpassText.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	log := strings.Index(itoa64, m[2])
	switch {
	case log < phpassLeast:
		return parsed{}, errMalformed
	case log > phpassRounds:
		return parsed{}, errCostly
	}
	return parsed{
		parts: parts{salt: []byte(m[3]), digest: []byte(m[4])},
		spell: func(p parts) string { return m[1] + m[2] + string(p.salt) + string(p.digest) },
		derive: repeated(func(password []byte) []byte {
			if strings.HasPrefix(m[1], "$md5") {
				sum := md5.Sum(password)
				password = []byte(hex.EncodeToString(sum[:]))
			}
			return phpass(m[3], password, 1<<log)
		}),
		weak:  true,
		rigid: true,
	}, nil
}

// phpass hashes the sum and the password again and again, as crypt_private of phpass does.
func phpass(salt string, password []byte, rounds int) []byte {
	sum := md5.Sum(append([]byte(salt), password...))
	b := append(sum[:], password...)
	for range rounds {
		sum = md5.Sum(b)
		copy(b, sum[:])
	}
	return crypt.EncodeCrypt(sum[:])
}
