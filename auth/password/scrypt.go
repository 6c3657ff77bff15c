package password

import (
	"cmp"
	"math/bits"
	"regexp"

	"golang.org/x/crypto/scrypt"
)

// Bounds on scrypt. A hash needs 128·N·r bytes: 64 MiB are what passlib (ln=16, r=8) and Spring ask for; OWASP's
// 128 MiB are no library's default. N·r·p is the time: 2^20 are 0.8 s on a server's core. Django asks for 0.6 of that
// (N=2^14, r=8, p=5), Werkzeug and Better Auth for a quarter.
const (
	scryptMemory = 64 << 20 / 128 // of N·r
	scryptWork   = 1 << 20        // of N·r·p
	scryptBlock  = 64             // of r, and of p: more is nobody's default
)

// scryptWeak is the N·r·p below which a hash is weak: the least in scrypt's paper (2^14·8), Firebase's default.
const scryptWeak = 1 << 17

var scryptFamily = family{
	kind: "scrypt",
	form: "scrypt:N:r:p$salt$hex (Werkzeug), scrypt$N$salt$r$p$base64 (Django), " +
		"$scrypt$ln=…,r=…,p=…$salt$key (passlib)",
	bound:     "64 MiB, N·r·p at most 2^20",
	is:        prefixed("scrypt:", "scrypt$", "$scrypt$"),
	parse:     parseScrypt,
	spellings: []spelling{asTyped, nfc},
}

var (
	werkzeugScrypt = regexp.MustCompile(`^scrypt:(\d+):(\d+):(\d+)\$([!-#%-~]+)\$([^$]+)$`)
	djangoScrypt   = regexp.MustCompile(`^scrypt\$(\d+)\$([!-#%-~]+)\$(\d+)\$(\d+)\$([^$]+)$`)
	passlibScrypt  = regexp.MustCompile(`^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]*)\$([^$]+)$`)
)

// parseScrypt reads the three forms. Werkzeug's and Django's salts are text.
func parseScrypt(text string) (parsed, error) {
	if m := werkzeugScrypt.FindStringSubmatch(text); m != nil {
		p, err := decodeBoth(m[4], verbatim{}, m[5], hexadecimal{})
		return newScrypt(plainN, m[1], m[2], m[3], p, err, func(p parts) string {
			return "scrypt:" + m[1] + ":" + m[2] + ":" + m[3] + "$" + string(p.salt) + "$" +
				hexadecimal{}.EncodeToString(p.digest)
		})
	}
	if m := djangoScrypt.FindStringSubmatch(text); m != nil {
		p, err := decodeBoth(m[2], verbatim{}, m[5], padded)
		return newScrypt(plainN, m[1], m[3], m[4], p, err, func(p parts) string {
			return "scrypt$" + m[1] + "$" + string(p.salt) + "$" + m[3] + "$" + m[4] + "$" + padded.EncodeToString(p.digest)
		})
	}
	m := passlibScrypt.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	p, err := decodeBoth(m[4], unpadded, m[5], unpadded)
	return newScrypt(logN, m[1], m[2], m[3], p, err, func(p parts) string {
		return "$scrypt$ln=" + m[1] + ",r=" + m[2] + ",p=" + m[3] + "$" + unpadded.EncodeToString(p.salt) + "$" +
			unpadded.EncodeToString(p.digest)
	})
}

// plainN and logN read an N that is written out, and one that is written as its logarithm.
func plainN(s string) (int, error) { return counted(s, scryptMemory) }

func logN(s string) (int, error) {
	log, err := counted(s, bits.Len(scryptMemory)-1)
	return 1 << log, err
}

// newScrypt is a hash of scrypt, within the bounds.
func newScrypt(readN func(string) (int, error), n, r, p string, all parts, err error,
	spell func(parts) string) (parsed, error) {
	if err != nil {
		return parsed{}, err
	}
	c, err := readScrypt(readN, n, r, p)
	if err == nil && (len(all.salt) > longestSalt || len(all.digest) < shortestKey || len(all.digest) > longestKey) {
		err = errMalformed
	}
	return parsed{
		parts:  all,
		spell:  spell,
		derive: func(password string) []byte { return c.key(password, all.salt, len(all.digest)) },
		weak:   c.weak(),
	}, err
}

// scryptCost is what scrypt costs.
type scryptCost struct{ n, r, p int }

// readScrypt reads a cost within the bounds.
func readScrypt(readN func(string) (int, error), n, r, p string) (c scryptCost, err error) {
	var errs [3]error
	c.n, errs[0] = readN(n)
	c.r, errs[1] = counted(r, scryptBlock)
	c.p, errs[2] = counted(p, scryptBlock)
	switch {
	case errs != [3]error{}:
		return scryptCost{}, cmp.Or(errs[:]...)
	case c.n < 2 || bits.OnesCount(uint(c.n)) != 1:
		return scryptCost{}, errMalformed
	case c.n*c.r > scryptMemory || c.n*c.r*c.p > scryptWork:
		return scryptCost{}, errCostly
	}
	return c, nil
}

func (c scryptCost) weak() bool { return c.n*c.r*c.p < scryptWeak }

// key makes the key of a password, or none, which a cost within the bounds does not come to.
func (c scryptCost) key(password string, salt []byte, size int) []byte {
	key, err := scrypt.Key([]byte(password), salt, c.n, c.r, c.p, size)
	if err != nil {
		return nil
	}
	return key
}
