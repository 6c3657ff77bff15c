package password

import (
	"crypto/aes"
	"crypto/cipher"
	"regexp"
	"slices"
)

// firebaseFamily is Firebase's scrypt in the form that Supabase writes it (supabase/auth, internal/crypto): the signer
// key of the project (sk) is encrypted with what scrypt makes of the password. The separator (ss) stands behind the
// salt. Its bounds are those of scrypt.
var firebaseFamily = family{
	kind:      "firebase-scrypt",
	form:      "$fbscrypt$v=1,n=14,r=8,p=1,ss=<base64>,sk=<base64>$<salt>$<hash>",
	bound:     "as of scrypt; n is the logarithm of N",
	is:        prefixed("$fbscrypt$"),
	parse:     parseFirebase,
	spellings: []spelling{asTyped, nfc},
}

var firebaseText = regexp.MustCompile(
	`^(\$fbscrypt\$v=1,n=(\d+),r=(\d+),p=(\d+))(?:,ss=([^,$]+))?,sk=([^,$]+)\$([^,$]+)\$([^,$]+)$`)

func parseFirebase(text string) (parsed, error) {
	m := firebaseText.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	c, err := readScrypt(logN, m[2], m[3], m[4])
	if err != nil {
		return parsed{}, err
	}
	p, err := decodeBoth(m[7], padded, m[8], padded)
	separator, err1 := padded.DecodeString(m[5])
	key, err2 := padded.DecodeString(m[6])
	if err != nil || err1 != nil || err2 != nil || len(p.salt) > longestSalt || len(separator) > longestSalt ||
		len(key) < shortestKey || len(key) > longestKey || len(p.digest) != len(key) {
		return parsed{}, errMalformed
	}
	p.key = key
	return parsed{
		parts: p,
		spell: func(p parts) string {
			return m[1] + optional(",ss=", padded.EncodeToString(separator)) + ",sk=" + padded.EncodeToString(p.key) + "$" +
				padded.EncodeToString(p.salt) + "$" + padded.EncodeToString(p.digest)
		},
		derive: func(password string) []byte { return firebaseKey(password, slices.Concat(p.salt, separator), key, c) },
		weak:   c.weak(),
	}, nil
}

// firebaseKey encrypts the signer key with AES-256 in counter mode, from zero, under the key of the password.
func firebaseKey(password string, salt, signer []byte, c scryptCost) []byte {
	block, err := aes.NewCipher(c.key(password, salt, 32))
	if err != nil {
		return nil
	}
	out := make([]byte, len(signer))
	cipher.NewCTR(block, make([]byte, block.BlockSize())).XORKeyStream(out, signer)
	return out
}

// optional writes a text with its name, if there is one.
func optional(name, text string) string {
	if text == "" {
		return ""
	}
	return name + text
}
