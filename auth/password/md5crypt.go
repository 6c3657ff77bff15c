package password

import (
	"bytes"
	"crypto/md5"
	"regexp"

	crypt "github.com/go-crypt/x/base64"
)

// md5CryptFamily is the MD5 of old Unix passwords ($1$) and of Apache's files ($apr1$), which differ in the name that
// is hashed too. It always has a thousand rounds, and is always weak.
var md5CryptFamily = family{
	kind:      "md5-crypt",
	form:      "$1$salt$digest, $apr1$salt$digest",
	bound:     "always 1,000 rounds; passwords of 256 bytes",
	is:        prefixed("$1$", "$apr1$"),
	parse:     parseMD5Crypt,
	spellings: []spelling{asTyped, nfc},
}

var md5CryptText = regexp.MustCompile(`^(\$(?:1|apr1)\$)([!-#%-9;-~]{0,8})\$(` + crypt64 + `{22})$`)

func parseMD5Crypt(text string) (parsed, error) {
	m := md5CryptText.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	return parsed{
		parts: parts{salt: []byte(m[2]), digest: []byte(m[3])},
		spell: func(p parts) string { return m[1] + string(p.salt) + "$" + string(p.digest) },
		derive: repeated(func(password []byte) []byte {
			return md5Crypt([]byte(m[1]), []byte(m[2]), password)
		}),
		weak: true,
	}, nil
}

// md5Crypt follows crypt_md5 of FreeBSD (Poul-Henning Kamp). The library that has SHA-crypt knows $1$ alone.
func md5Crypt(magic, salt, password []byte) []byte {
	sum := md5.Sum(bytes.Join([][]byte{password, salt, password}, nil))
	first := bytes.Join([][]byte{password, magic, salt,
		bytes.Repeat(sum[:], len(password)/md5.Size+1)[:len(password)]}, nil)
	for i := len(password); i > 0; i >>= 1 {
		if i&1 == 1 {
			first = append(first, 0)
		} else {
			first = append(first, password[0])
		}
	}
	sum = md5.Sum(first)
	for i := range 1000 {
		sum = md5Round(i, sum, salt, password)
	}
	var ordered []byte
	for i := range 5 {
		ordered = append(ordered, sum[12+i-i/4*11], sum[6+i], sum[i])
	}
	return crypt.EncodeCrypt(append(ordered, sum[11]))
}

// md5Round hashes the sum and the password, in either order, and between them in most rounds both salt and password.
func md5Round(i int, sum [md5.Size]byte, salt, password []byte) [md5.Size]byte {
	one, other := sum[:], password
	if i&1 == 1 {
		one, other = other, one
	}
	b := append(make([]byte, 0, 3*longestRepeated), one...)
	if i%3 != 0 {
		b = append(b, salt...)
	}
	if i%7 != 0 {
		b = append(b, password...)
	}
	return md5.Sum(append(b, other...))
}
