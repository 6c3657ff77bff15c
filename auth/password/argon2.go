package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	argon2d "github.com/go-crypt/x/argon2"
	"golang.org/x/crypto/argon2"
)

// argonParams are the cost of a hash. Memory is in KiB.
type argonParams struct {
	kind         string // argon2id, argon2i or argon2d
	memory, time uint32
	threads      uint8
	salt, key    int // bytes
}

// limits bound the parameters of a stored hash: one imported or planted must not buy a gigabyte or a minute. Django
// asks for 100 MiB (m=102400,t=2,p=8), which is the most that any hash may; libsodium's "moderate" 256 MiB are refused.
// Twenty passes are what Supabase allows. Libraries that take one thread for each core write down large machines.
var limits = argonParams{memory: 100 * 1024, time: 20, threads: 64, salt: 64, key: 64}

// argonWork bounds memory times passes, in KiB: 384 MiB take some 0.4 s on one core of a server, 1.2 s on a slow one.
// RFC 9106 asks for 192 MiB (64 MiB, t=3), Django for 200 and PHP for 256 (64 MiB, t=4).
const argonWork = 384 * 1024

// argonWeak is the work, in KiB, below which a hash is weak: OWASP's least, 7 MiB in five passes.
const argonWeak = 5 * 7 * 1024

var argon2Family = family{
	kind:      "argon2",
	form:      "$argon2id$v=19$m=…,t=…,p=…$salt$key, $argon2i$…, $argon2d$…, argon2$argon2id$… (Django)",
	bound:     "100 MiB, 20 passes, 384 MiB of memory times passes",
	is:        prefixed("$argon2", "argon2$argon2"),
	parse:     parseArgon2,
	spellings: []spelling{nfc, asTyped}, // ours are hashed as NFC, those of others as typed
}

// phc is a parsed hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>.
type phc struct {
	argonParams
	saltBytes, keyBytes []byte
}

func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", h.kind, argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.saltBytes), b64.EncodeToString(h.keyBytes))
}

// parsePHC accepts exactly what String writes, within limits.
func parsePHC(s string) (phc, error) {
	f := strings.Split(s, "$")
	if len(f) < 3 || f[0] != "" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errors.New("of argon2, version 19 is verified")
	}
	h := phc{argonParams: argonParams{kind: f[1]}}
	if len(f) != 6 {
		return phc{}, errMalformed
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return phc{}, errMalformed
	}
	var err1, err2 error
	h.saltBytes, err1 = base64.RawStdEncoding.Strict().DecodeString(f[4])
	h.keyBytes, err2 = base64.RawStdEncoding.Strict().DecodeString(f[5])
	h.salt, h.key = len(h.saltBytes), len(h.keyBytes)
	if err1 != nil || err2 != nil || h.String() != s {
		return phc{}, errMalformed
	}
	return h, h.within()
}

func (p argonParams) within() error {
	switch {
	case argon2Kinds[p.kind] == nil:
		return errMalformed
	case p.memory > limits.memory || p.time > limits.time || p.threads > limits.threads ||
		uint64(p.memory)*uint64(p.time) > argonWork:
		return errCostly
	case p.time < 1 || p.threads < 1 || p.memory < 8*uint32(p.threads) || p.salt < 8 || p.salt > limits.salt ||
		p.key < 16 || p.key > limits.key:
		return errMalformed
	}
	return nil
}

// argon2Kinds are the three kinds of argon2. golang.org/x/crypto lacks argon2d, which is that of whoever fears large
// attackers more than neighbours on the machine.
var argon2Kinds = map[string]func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte{
	"argon2id": argon2.IDKey,
	"argon2i":  argon2.Key,
	"argon2d": func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte {
		return argon2d.DKey(password, salt, time, memory, uint32(threads), size)
	},
}

// derive makes the key of a password.
func (h phc) derive(password string) []byte {
	return argon2Kinds[h.kind]([]byte(password), h.saltBytes, h.time, h.memory, h.threads, uint32(h.key))
}

// parseArgon2 reads a PHC string, or Django's, which has a name in place of the first dollar.
func parseArgon2(text string) (parsed, error) {
	from, rest := "", text
	if cut, ok := strings.CutPrefix(text, "argon2$"); ok {
		from, rest = "argon2", "$"+cut
	}
	h, err := parsePHC(rest)
	return parsed{
		parts:  parts{salt: h.saltBytes, digest: h.keyBytes},
		spell:  func(p parts) string { return from + phc{h.argonParams, p.salt, p.digest}.String() },
		derive: h.derive,
		weak:   h.memory*h.time < argonWeak,
	}, err
}
