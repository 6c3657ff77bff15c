package password

import (
	"encoding/hex"
	"regexp"
)

// betterAuthFamily is what Better Auth stores (better-auth/utils, password.node.ts): 32 hex digits, which are the salt
// as they stand, a colon, and the key. The password is normalised to NFKC. The cost is always the same, so that there
// is nothing to bound: N=16384, r=16, p=1, 32 MiB.
var betterAuthFamily = family{
	kind:      "better-auth",
	form:      "<32 hex>:<128 hex>",
	bound:     "always the same: 32 MiB",
	is:        betterAuthText.MatchString,
	parse:     parseBetterAuth,
	spellings: []spelling{nfkc, nfc},
}

var betterAuthText = regexp.MustCompile(`^[0-9a-f]{32}:[0-9a-f]{128}$`)

func parseBetterAuth(text string) (parsed, error) {
	p, err := decodeBoth(text[:32], verbatim{}, text[33:], hexadecimal{})
	return parsed{
		parts:  p,
		spell:  func(p parts) string { return string(p.salt) + ":" + hex.EncodeToString(p.digest) },
		derive: func(password string) []byte { return scryptCost{1 << 14, 16, 1}.key(password, p.salt, 64) },
		rigid:  true,
	}, err
}
