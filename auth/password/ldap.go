package password

import (
	"regexp"
	"strings"
)

// ldapFamily are the hashes of directories (RFC 2307 section 5.3): a scheme in braces, and base64 of the digest and,
// where the scheme begins with an S for it, of the salt, which stands behind the password. They cost nothing and are
// always weak.
var ldapFamily = family{
	kind:      "ldap",
	form:      "{SSHA}…, {SHA}…, {SMD5}…, {MD5}…, and {SSHA256}, {SHA256}, also of 384 and 512",
	bound:     "costs nothing",
	is:        prefixed("{MD5}", "{SMD5}", "{SHA", "{SSHA"),
	parse:     parseLDAP,
	spellings: []spelling{asTyped, nfc},
}

var ldapText = regexp.MustCompile(`^\{(S?)(MD5|SHA|SHA256|SHA384|SHA512)\}([^$]+)$`)

func parseLDAP(text string) (parsed, error) {
	m := ldapText.FindStringSubmatch(text)
	if m == nil {
		return parsed{}, errMalformed
	}
	name := strings.ToLower(m[2])
	if name == "sha" {
		name = "sha1"
	}
	sum := digests[name]
	size := sum().Size()
	b, err := padded.DecodeString(m[3])
	if err != nil || len(b) < size || len(b) > size+longestSalt || (len(b) > size) != (m[1] != "") {
		return parsed{}, errMalformed
	}
	p := parts{digest: b[:size:size], salt: b[size:]}
	return parsed{
		parts: p,
		spell: func(p parts) string {
			return "{" + m[1] + m[2] + "}" + padded.EncodeToString(append(p.digest[:size:size], p.salt...))
		},
		derive: func(password string) []byte {
			h := sum()
			h.Write(append([]byte(password), p.salt...))
			return h.Sum(nil)
		},
		weak: true,
	}, nil
}
