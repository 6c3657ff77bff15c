package password

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"regexp"
	"slices"
	"unicode/utf16"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 hashes of others are made with it, and never one of ours
)

// digests are the functions that others hash passwords with, by the names they have there.
var digests = map[string]func() hash.Hash{
	"md4": md4.New, "md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New,
	"sha384": sha512.New384, "sha512": sha512.New,
}

var errDigest = errors.New("of the digests, md4, md5, sha1, sha224, sha256, sha384 and sha512 are verified")

// digestFamily is one round of a digest or an HMAC over the password and a salt, as Clerk and Auth0 name them in an
// import. There is no spelling that says what a bare digest is, so that this one is ours:
//
//	$digest$a=sha256,pos=prefix$<salt>$<digest>
//	$hmac$a=sha1,pos=none,enc=utf16le$<key>$<salt>$<digest>
//
// The salt stands before the password (prefix), behind it (suffix), or there is none. With enc, the letters of the
// password are written in UTF-16 or in Latin-1 before. Salt, key and digest are base64 without padding. It costs
// nothing, so that there is nothing to bound, and is always weak.
var digestFamily = family{
	kind:      "digest",
	form:      "$digest$a=sha256,pos=prefix$<salt>$<digest>, $hmac$a=sha256,pos=none$<key>$<salt>$<digest> (ours)",
	bound:     "costs nothing",
	is:        prefixed("$digest$", "$hmac$"),
	parse:     parseDigest,
	spellings: []spelling{asTyped, nfc},
}

var digestText = regexp.MustCompile(`^(\$(?:digest\$|(hmac)\$)a=([a-z0-9]+),pos=(none|prefix|suffix)` +
	`(?:,enc=(latin1|utf16le))?\$)(?:([^$]+)\$)?([^$]*)\$([^$]+)$`)

func parseDigest(text string) (parsed, error) {
	m := digestText.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	sum, known := digests[m[3]]
	if !known {
		return parsed{}, errDigest
	}
	p, err := decodeBoth(m[7], unpadded, m[8], unpadded)
	key, err1 := unpadded.DecodeString(m[6])
	if err != nil || err1 != nil || len(p.salt) > longestSalt || len(key) > longestSalt ||
		(m[2] == "") != (len(key) == 0) || (m[4] == "none") != (len(p.salt) == 0) || len(p.digest) != sum().Size() {
		return parsed{}, errMalformed
	}
	if m[2] != "" {
		p.key = key
		sum = func() hash.Hash { return hmac.New(digests[m[3]], key) }
	}
	return parsed{
		parts: p,
		spell: func(p parts) string {
			with := ""
			if p.key != nil {
				with = unpadded.EncodeToString(p.key) + "$"
			}
			return m[1] + with + unpadded.EncodeToString(p.salt) + "$" + unpadded.EncodeToString(p.digest)
		},
		derive: func(password string) []byte {
			h := sum()
			h.Write(salted(m[4], p.salt, encoded(m[5], password)))
			return h.Sum(nil)
		},
		weak: true,
	}, nil
}

// salted puts a salt before the password, behind it, or nowhere.
func salted(side string, salt, password []byte) []byte {
	switch side {
	case "prefix":
		return slices.Concat(salt, password)
	case "suffix":
		return slices.Concat(password, salt)
	}
	return password
}

// encoded writes a password in another encoding than UTF-8. In Latin-1 only the low byte of each UTF-16 unit is left,
// as Node leaves it.
func encoded(as, password string) (b []byte) {
	if as == "" {
		return []byte(password)
	}
	for _, unit := range utf16.Encode([]rune(password)) {
		b = append(b, byte(unit))
		if as == "utf16le" {
			b = append(b, byte(unit>>8))
		}
	}
	return b
}

// digestSetting writes a digest as parseDigest reads it, or an HMAC if there is a key. The sum is in hex or in base64.
func digestSetting(name, side, encoding string, key, salt []byte, sum, as string) (string, error) {
	digest, err := decoded(sum, as)
	if err != nil {
		return "", err
	}
	kind, with := "$digest", ""
	if key != nil {
		kind, with = "$hmac", unpadded.EncodeToString(key)+"$"
	}
	return recognise(kind+"$a="+name+",pos="+side+optional(",enc=", encoding)+"$"+with+unpadded.EncodeToString(salt)+"$"+
		unpadded.EncodeToString(digest), digestFamily.kind)
}
