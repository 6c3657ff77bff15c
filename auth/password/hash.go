package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/gatepost/gatepost/auth/secret"
)

// argonParams are the cost of a hash. Memory is in KiB.
type argonParams struct {
	memory, time uint32
	threads      uint8
	salt, key    int // bytes
}

// current is what new passwords are hashed with (OWASP Password Storage: at least 19 MiB, t=2, p=1).
var current = argonParams{memory: 19 * 1024, time: 2, threads: 1, salt: 16, key: 32}

// limits bound the parameters of a stored hash: one imported or planted must not buy a gigabyte or a minute.
var limits = argonParams{memory: 64 * 1024, time: 16, threads: 8, salt: 64, key: 64}

// Dummy is verified when there is no user, so that an unknown address costs what a known one does. No password
// gives an all-zero key.
var Dummy = PHC{argonParams: current, saltBytes: make([]byte, current.salt),
	keyBytes: make([]byte, current.key)}.String()

// PHC is a parsed hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>.
type PHC struct {
	argonParams
	saltBytes, keyBytes []byte
}

var errPHC = errors.New("not an argon2id PHC string within our limits")

func (h PHC) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.saltBytes), b64.EncodeToString(h.keyBytes))
}

// parsePHC accepts exactly what String writes, within limits.
func parsePHC(s string) (PHC, error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" {
		return PHC{}, errPHC
	}
	var h PHC
	var version int
	if _, err := fmt.Sscanf(f[2], "v=%d", &version); err != nil || version != argon2.Version {
		return PHC{}, errPHC
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return PHC{}, errPHC
	}
	var err1, err2 error
	h.saltBytes, err1 = base64.RawStdEncoding.Strict().DecodeString(f[4])
	h.keyBytes, err2 = base64.RawStdEncoding.Strict().DecodeString(f[5])
	h.salt, h.key = len(h.saltBytes), len(h.keyBytes)
	if err1 != nil || err2 != nil || !h.within() || h.String() != s {
		return PHC{}, errPHC
	}
	return h, nil
}

func (p argonParams) within() bool {
	return p.memory >= 8*uint32(p.threads) && p.memory <= limits.memory && p.time >= 1 && p.time <= limits.time &&
		p.threads >= 1 && p.threads <= limits.threads && p.salt >= 8 && p.salt <= limits.salt &&
		p.key >= 16 && p.key <= limits.key
}

// Derive is the Deriver that works in this process.
func Derive(h PHC, password string) []byte {
	return argon2.IDKey([]byte(password), h.saltBytes, h.time, h.memory, h.threads, uint32(len(h.keyBytes)))
}

// Deriver makes the key that a password has with the parameters and the salt of a hash.
type Deriver func(h PHC, password string) []byte

// Hash makes the PHC string of a new password.
func Hash(p secret.Password, derive Deriver) string {
	h := PHC{argonParams: current, saltBytes: make([]byte, current.salt)}
	rand.Read(h.saltBytes)
	h.keyBytes = make([]byte, current.key)
	h.keyBytes = derive(h, normal(p))
	return h.String()
}

// verifyArgon2id reports whether a stored hash is argon2id's, and whether it is that of a password.
func verifyArgon2id(p secret.Password, stored string, derive Deriver) (known, right bool) {
	h, err := parsePHC(stored)
	if err != nil {
		return false, false
	}
	return true, subtle.ConstantTimeCompare(derive(h, normal(p)), h.keyBytes) == 1
}
