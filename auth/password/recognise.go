package password

import (
	"errors"
	"fmt"
	"strings"
)

// unverified are kinds of hashes that are met and that no family verifies, by how they begin.
var unverified = []struct{ prefix, what string }{
	{"awscognito#", "Cognito keeps its hashes to itself, so that nothing can be verified without asking it"},
	{"$y$", "yescrypt is not verified"},
	{"$gy$", "gost-yescrypt is not verified"},
	{"$7$", "scrypt as crypt(3) writes it is not verified"},
	{"$sha1$", "sha1-crypt is not verified"},
	{"$bcrypt-sha256$", "passlib's bcrypt-sha256 is not verified"},
	{"{CLEARTEXT}", "it is a password and no hash"},
}

// Recognise reads the text of a hash that says itself of which kind it is, as most that databases and exports hold do.
// It returns the text to store, which is the same but for the names of LDAP's schemes, and what the kind is called
// (family). The error says what is wrong, in words for a report, without a letter of the hash. A bare digest in hex
// does not say what it is; Clerk and Auth0 read those with the names that stand beside them.
func Recognise(text string) (stored, kind string, err error) {
	if scheme, rest, ok := strings.Cut(text, "}"); ok && strings.HasPrefix(scheme, "{") {
		text = strings.ToUpper(scheme) + "}" + rest
	}
	text = strings.TrimPrefix(text, "{CRYPT}")
	for _, u := range unverified {
		if strings.HasPrefix(text, u.prefix) {
			return "", "", errors.New(u.what)
		}
	}
	h, err := read(text)
	if err != nil {
		return "", "", h.explain(err)
	}
	return text, h.kind, nil
}

// explain says of which kind a hash is about which something is wrong, and what its bounds are if it costs too much.
func (f family) explain(err error) error {
	switch {
	case f.kind == "":
		return err
	case errors.Is(err, errCostly):
		return fmt.Errorf("%s: %w (%s)", f.kind, err, f.bound)
	}
	return fmt.Errorf("%s: %w", f.kind, err)
}

// recognise is Recognise for a text that has to be of a kind.
func recognise(text, kind string) (stored string, err error) {
	stored, is, err := Recognise(text)
	if err == nil && is != kind {
		return "", fmt.Errorf("it is a hash of %s, and is said to be one of %s", is, kind)
	}
	return stored, err
}
