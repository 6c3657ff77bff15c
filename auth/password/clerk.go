package password

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// clerkHashers are the values of password_hasher, and how the digest of each becomes what is stored. The forms are
// those of Clerk's documentation of createUser.
var clerkHashers = map[string]func(digest string) (stored string, err error){
	"argon2i":              func(d string) (string, error) { return argon2Of("argon2i", d) },
	"argon2id":             func(d string) (string, error) { return argon2Of("argon2id", d) },
	"bcrypt":               func(d string) (string, error) { return recognise(d, bcryptFamily.kind) },
	"bcrypt_sha256_django": func(d string) (string, error) { return recognise(d, bcryptFamily.kind) },
	"bcrypt_peppered":      clerkPeppered,
	"ldap_ssha":            func(d string) (string, error) { return recognise(d, ldapFamily.kind) },
	"md5":                  func(d string) (string, error) { return clerkDigest("md5", d, false) },
	"md5_salted":           func(d string) (string, error) { return clerkDigest("md5", d, true) },
	"md5_phpass":           func(d string) (string, error) { return recognise("$md5"+d, phpassFamily.kind) },
	"pbkdf2_sha1":          clerkPBKDF2SHA1,
	"pbkdf2_sha256": func(d string) (string, error) {
		return clerkPBKDF2("pbkdf2_sha256", d, readBase64, readBase64)
	},
	"pbkdf2_sha256_django": func(d string) (string, error) { return recognise(d, pbkdf2Family.kind) },
	"pbkdf2_sha512": func(d string) (string, error) {
		return clerkPBKDF2("pbkdf2_sha512", d, readText, hex.DecodeString)
	},
	"pbkdf2_sha512_hex": func(d string) (string, error) {
		return clerkPBKDF2("pbkdf2_sha512_hex", d, hex.DecodeString, hex.DecodeString)
	},
	"phpass":          func(d string) (string, error) { return recognise(d, phpassFamily.kind) },
	"scrypt_firebase": clerkFirebase,
	"scrypt_werkzeug": func(d string) (string, error) { return recognise(strings.TrimPrefix(d, "$"), scryptFamily.kind) },
	"sha256":          func(d string) (string, error) { return clerkDigest("sha256", d, false) },
	"sha256_salted":   func(d string) (string, error) { return clerkDigest("sha256", d, true) },
	"sha512_symfony":  func(d string) (string, error) { return recognise(d, symfonyFamily.kind) },
	"awscognito": func(string) (string, error) {
		return "", errors.New("awscognito: Cognito keeps its hashes to itself")
	},
}

var errShape = errors.New("the digest does not have the form of its hasher")

// Clerk returns what to store of a user of Clerk, given the columns password_hasher and password_digest of its export.
// The error says what is wrong, in words for a report, without a letter of the digest. For md5_salted and sha256_salted
// Clerk's documentation leaves open on which side of the password the salt stands; it is taken to stand before it.
func Clerk(hasher, digest string) (stored string, err error) {
	read, known := clerkHashers[hasher]
	if !known {
		return "", errors.New("the password_hasher is not known") // who mixed up the columns has the digest in it
	}
	return read(digest)
}

// argon2Of takes a PHC string of one kind of argon2.
func argon2Of(kind, digest string) (string, error) {
	if !strings.HasPrefix(digest, "$"+kind+"$") {
		return "", errShape
	}
	return recognise(digest, argon2Family.kind)
}

// clerkPeppered takes a bcrypt hash with the pepper behind it, which Devise appends to the password.
func clerkPeppered(digest string) (string, error) {
	if len(digest) < 62 || digest[60] != '$' {
		return "", errShape
	}
	return recognise("$bcrypt-salted$suffix$"+unpadded.EncodeToString([]byte(digest[61:]))+digest[:60], bcryptFamily.kind)
}

// clerkDigest takes a digest in hex, behind its salt if it has one.
func clerkDigest(name, digest string, salted bool) (string, error) {
	salt, sum, cut := strings.Cut(digest, "$")
	if salted != cut {
		return "", errShape
	}
	if !salted {
		return digestSetting(name, "none", "", nil, nil, digest, "hex")
	}
	return digestSetting(name, "prefix", "", nil, []byte(salt), sum, "hex")
}

// clerkPBKDF2 takes name$rounds$salt$key.
func clerkPBKDF2(name, digest string, salt, key func(string) ([]byte, error)) (string, error) {
	f := strings.Split(digest, "$")
	if len(f) != 4 || f[0] != name {
		return "", errShape
	}
	s, err1 := salt(f[2])
	k, err2 := key(f[3])
	if err1 != nil || err2 != nil {
		return "", errShape
	}
	_, sum, _ := strings.Cut(strings.TrimSuffix(name, "_hex"), "_")
	return recognise(pbkdf2Setting(sum, f[1], s, k), pbkdf2Family.kind)
}

var clerkSHA1 = regexp.MustCompile(`^(pbkdf2_sha1\$\d+\$[^$]+\$([0-9a-fA-F]+))(?:\$(\d+))?$`)

// clerkPBKDF2SHA1 takes a salt in hex, or as text where it is no hex, and perhaps the length of the key behind it.
func clerkPBKDF2SHA1(digest string) (string, error) {
	m := clerkSHA1.FindStringSubmatch(digest)
	if m == nil || m[3] != "" && m[3] != strconv.Itoa(len(m[2])/2) {
		return "", errShape
	}
	return clerkPBKDF2("pbkdf2_sha1", m[1], func(s string) ([]byte, error) {
		if b, err := hex.DecodeString(s); err == nil {
			return b, nil
		}
		return []byte(s), nil
	}, hex.DecodeString)
}

// clerkFirebase takes hash$salt$signer key$separator$rounds$memory cost.
func clerkFirebase(digest string) (string, error) {
	f := strings.Split(digest, "$")
	if len(f) != 6 {
		return "", errShape
	}
	for i := range f[:4] {
		b, err := readBase64(f[i])
		if err != nil {
			return "", errShape
		}
		f[i] = padded.EncodeToString(b)
	}
	return recognise("$fbscrypt$v=1,n="+f[5]+",r="+f[4]+",p=1"+optional(",ss=", f[3])+",sk="+f[2]+"$"+f[1]+"$"+f[0],
		firebaseFamily.kind)
}

// readBase64 reads base64 in either alphabet, padded or not, as exports have it.
func readBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}

func readText(s string) ([]byte, error) { return []byte(s), nil }
