package password

import (
	"crypto/pbkdf2"
	"fmt"
	"regexp"
)

// Bounds on the rounds of PBKDF2, over all blocks of a key. Django asks for 1,200,000 of SHA-256 and for half a million
// more with each release, OWASP for 1,300,000 of SHA-1; two millions take 0.4 s on a server's core and 1.2 s on one
// without instructions for SHA. A round of SHA-512 costs twice that; OWASP asks for 210,000.
const (
	pbkdf2Rounds     = 2_000_000
	pbkdf2RoundsLong = 1_000_000 // of SHA-384 and SHA-512
)

// pbkdf2Weak are OWASP's least rounds: a hash with fewer is weak. Of other digests every hash is.
var pbkdf2Weak = map[string]int{"sha1": 1_300_000, "sha256": 600_000, "sha512": 210_000}

// Lengths in bytes. The shortest keys of any source are 16 (MD5's), the longest 64. The salts of Django are 22 long.
const (
	longestSalt = 128
	longestKey  = 64
	shortestKey = 16
)

var pbkdf2Family = family{
	kind: "pbkdf2",
	form: "pbkdf2_sha256$rounds$salt$base64 (Django), pbkdf2:sha256:rounds$salt$hex (Werkzeug), " +
		"$pbkdf2-sha256$rounds$salt$key (passlib); with sha1 and sha512 too",
	bound:     "2,000,000 rounds over all blocks, of SHA-384 and SHA-512 1,000,000",
	is:        prefixed("pbkdf2_", "pbkdf2:", "$pbkdf2"),
	parse:     parsePBKDF2,
	spellings: []spelling{asTyped, nfc},
}

// pbkdf2Forms are the ways to write a hash: what it looks like, where the digest, the rounds, the salt and the key are,
// and their encodings.
var pbkdf2Forms = []struct {
	text         *regexp.Regexp
	write        string
	salt, digest encoding
}{
	{regexp.MustCompile(`^pbkdf2_(sha1|sha256|sha512)\$(\d+)\$([!-#%-~]+)\$([^$]+)$`), "pbkdf2_%s$%d$%s$%s",
		verbatim{}, padded},
	{regexp.MustCompile(`^pbkdf2:(sha1|sha256|sha512):(\d+)\$([!-#%-~]+)\$([^$]+)$`), "pbkdf2:%s:%d$%s$%s",
		verbatim{}, hexadecimal{}},
	{regexp.MustCompile(`^\$pbkdf2-([a-z0-9]+)\$(\d+)\$([^$]*)\$([^$]+)$`), "$pbkdf2-%s$%d$%s$%s", ab64, ab64},
	{regexp.MustCompile(`^\$pbkdf2()\$(\d+)\$([^$]*)\$([^$]+)$`), "$pbkdf2%s$%d$%s$%s", ab64, ab64}, // SHA-1
}

func parsePBKDF2(text string) (parsed, error) {
	for _, f := range pbkdf2Forms {
		m := f.text.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		p, err := decodeBoth(m[3], f.salt, m[4], f.digest)
		if err != nil {
			return parsed{}, err
		}
		spell := func(rounds int) func(parts) string {
			return func(p parts) string {
				return fmt.Sprintf(f.write, m[1], rounds, f.salt.EncodeToString(p.salt), f.digest.EncodeToString(p.digest))
			}
		}
		if m[1] == "" {
			return newPBKDF2("sha1", m[2], p, spell)
		}
		return newPBKDF2(m[1], m[2], p, spell)
	}
	return parsed{}, errMalformed
}

// newPBKDF2 is a hash of PBKDF2, within the bounds.
func newPBKDF2(digest, rounds string, p parts, spell func(rounds int) func(parts) string) (parsed, error) {
	sum, known := digests[digest]
	switch {
	case !known:
		return parsed{}, errDigest
	case len(p.salt) > longestSalt || len(p.digest) < shortestKey || len(p.digest) > longestKey:
		return parsed{}, errMalformed
	}
	size := sum().Size()
	most := pbkdf2Rounds
	if size > 32 {
		most = pbkdf2RoundsLong
	}
	n, err := counted(rounds, most/((len(p.digest)+size-1)/size))
	return parsed{
		parts: p,
		spell: spell(n),
		derive: func(password string) []byte {
			key, err := pbkdf2.Key(sum, password, p.salt, n, len(p.digest))
			if err != nil {
				return nil
			}
			return key
		},
		weak: pbkdf2Weak[digest] == 0 || n < pbkdf2Weak[digest],
	}, err
}

// pbkdf2Setting writes a hash of PBKDF2 as passlib does, whose form has room for a salt of any bytes.
func pbkdf2Setting(digest, rounds string, salt, key []byte) string {
	return "$pbkdf2-" + digest + "$" + rounds + "$" + ab64.EncodeToString(salt) + "$" + ab64.EncodeToString(key)
}
