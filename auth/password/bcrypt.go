package password

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// bcryptCost bounds the cost of a bcrypt hash. Rails, Laravel and Django ask for 12, Symfony for 13. 14 takes a second
// on a core of a server, and each more twice that.
const bcryptCost = 14

// bcryptFamily is bcrypt, alone or with something before it. The first 72 bytes of what is hashed count, as everywhere.
// A password with a NUL is refused (hashable): bcrypt in C ends there, and the key is repeated with a NUL behind it, so
// that "a" and "a\0a" have one hash.
var bcryptFamily = family{
	kind: "bcrypt",
	form: "$2a$…, $2b$…, $2y$…; bcrypt$$2b$… and bcrypt_sha256$$2b$… (Django); " +
		"$bcrypt-salted$suffix$<pepper>$2a$… (ours, for a pepper behind or before the password)",
	bound:     "cost 14",
	is:        prefixed("$2", "bcrypt$", "bcrypt_sha256$", "$bcrypt-salted$"),
	parse:     parseBcrypt,
	spellings: []spelling{asTyped, nfc},
}

var bcryptText = regexp.MustCompile(`^(?:(bcrypt\$|bcrypt_sha256\$)|(\$bcrypt-salted\$(prefix|suffix)\$)(` + base64in +
	`+))?(\$2[aby]\$)([0-9]{2})(\$)([./0-9A-Za-z]{22})([./0-9A-Za-z]{31})$`)

// errOldBcrypt is about the bcrypt before 2011 that read letters beyond ASCII wrongly, and about the one before it.
var errOldBcrypt = errors.New("$2$ and $2x$ are made by a faulty bcrypt and are not verified")

func parseBcrypt(text string) (parsed, error) {
	if prefixed("$2$", "$2x$")(text) {
		return parsed{}, errOldBcrypt
	}
	m := bcryptText.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	cost, err := counted(strings.TrimPrefix(m[6], "0"), bcryptCost)
	if err != nil || cost < bcrypt.MinCost {
		return parsed{}, cmp.Or(err, errMalformed)
	}
	before, pepper, err := beforeBcrypt(m[1], m[3], m[4])
	core := strings.Join(m[5:], "")
	return parsed{
		parts: parts{salt: []byte(m[8]), digest: []byte(m[9]), key: pepper},
		spell: func(p parts) string {
			around := m[1] + m[2]
			if p.key != nil {
				around += unpadded.EncodeToString(p.key)
			}
			return around + strings.Join(m[5:8], "") + string(p.salt) + string(p.digest)
		},
		derive: func(password string) []byte {
			if bcrypt.CompareHashAndPassword([]byte(core), before(password)) != nil {
				return nil
			}
			return []byte(m[9])
		},
		rigid:    true,
		compares: true,
	}, err
}

// beforeBcrypt returns what happens to a password before it is hashed: Django's bcrypt_sha256 writes its SHA-256 in
// hex, so that more than 72 bytes count; a pepper or a salt of Auth0's stands on one side of it.
func beforeBcrypt(django, side, pepper string) (before func(string) []byte, key []byte, err error) {
	switch {
	case django == "bcrypt_sha256$":
		return func(password string) []byte {
			sum := sha256.Sum256([]byte(password))
			return []byte(hex.EncodeToString(sum[:]))
		}, nil, nil
	case side == "":
		return func(password string) []byte { return []byte(password) }, nil, nil
	}
	if key, err = unpadded.DecodeString(pepper); err != nil {
		return nil, nil, errMalformed
	}
	return func(password string) []byte { return salted(side, key, []byte(password)) }, key, nil
}
