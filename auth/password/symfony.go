package password

import (
	"crypto/sha512"
	"regexp"
)

// symfonyRounds bounds the rounds of Symfony's old encoder, whose default is 5,000: 100,000 take 0.1 s on a server's
// core, with the longest password that is tried.
const symfonyRounds = 100_000

// symfonyFamily is Symfony's MessageDigestPasswordHasher with SHA-512, as Clerk writes it: the digest of the last round
// and of the password with its salt in braces, again and again. Always weak.
var symfonyFamily = family{
	kind:      "symfony",
	form:      "sha512_symfony$rounds$salt$base64",
	bound:     "100,000 rounds, passwords of 256 bytes",
	is:        prefixed("sha512_symfony$"),
	parse:     parseSymfony,
	spellings: []spelling{asTyped, nfc},
}

var symfonyText = regexp.MustCompile(`^(sha512_symfony\$(\d+)\$)([!-#%-z|~]{0,128})\$([^$]+)$`)

func parseSymfony(text string) (parsed, error) {
	m := symfonyText.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	rounds, err := counted(m[2], symfonyRounds)
	if err != nil {
		return parsed{}, err
	}
	p, err := decodeBoth(m[3], verbatim{}, m[4], padded)
	if err == nil && len(p.digest) != sha512.Size {
		err = errMalformed
	}
	return parsed{
		parts: p,
		spell: func(p parts) string { return m[1] + string(p.salt) + "$" + padded.EncodeToString(p.digest) },
		derive: repeated(func(password []byte) []byte {
			if m[3] != "" {
				password = append(password, "{"+m[3]+"}"...)
			}
			return symfony(password, rounds)
		}),
		weak: true,
	}, err
}

func symfony(salted []byte, rounds int) []byte {
	sum := sha512.Sum512(salted)
	b := append(sum[:], salted...)
	for range rounds - 1 {
		sum = sha512.Sum512(b)
		copy(b, sum[:])
	}
	return sum[:]
}
