package password

import (
	"crypto/rand"
	"errors"
	"strings"
)

// wrappedFamily is for a weak hash inside one of ours: argon2id over the whole text of the weak hash, whose digest is
// stored nowhere. Behind the PHC string stands the weak hash without its digest, as the setting by which a password's
// is made again. A wrapped hash costs what both cost, in one turn; the bounds are those of the two.
func wrappedFamily() family {
	return family{
		kind:  "wrapped",
		form:  "$wrap$argon2id$…$key$<the weak hash without its digest> (ours)",
		bound: "as of argon2 and of what is wrapped",
		is:    prefixed(wrapPrefix),
		parse: parseWrapped,
	}
}

const wrapPrefix = "$wrap"

var errUnwrappable = errors.New("a hash of this kind cannot be wrapped")

func parseWrapped(text string) (parsed, error) {
	f := strings.SplitN(text, "$", 8)
	if len(f) != 8 || strings.HasPrefix(f[7], wrapPrefix) {
		return parsed{}, errMalformed
	}
	outer, err := parsePHC("$" + strings.Join(f[2:7], "$"))
	if err != nil {
		return parsed{}, err
	}
	inner, err := read(f[7])
	switch {
	case err != nil:
		return parsed{}, err
	case inner.compares || inner.setting() != f[7]:
		return parsed{}, errMalformed
	}
	return parsed{
		parts:  parts{salt: outer.saltBytes, digest: outer.keyBytes, inner: f[7]},
		within: &inner,
		spell: func(p parts) string {
			return wrapPrefix + phc{outer.argonParams, p.salt, p.digest}.String() + "$" + p.inner
		},
		derive: func(password string) []byte {
			weak := inner.crypt(password)
			digest := outer.derive(weak)
			if weak == "" {
				return nil
			}
			return digest
		},
	}, nil
}

// Wrap makes a hash that is as hard to guess at as a new one out of a weak one, without the password: what is stored
// afterwards tells nobody the weak hash. Verify takes the result for the hash that it is, and a right password
// replaces it. It costs one of our hashes. It fails for what cannot be read, for bcrypt, whose hashes can only be
// compared, and for what is wrapped already.
func Wrap(stored string, crypt Crypt) (string, error) {
	h, err := read(stored)
	switch {
	case err != nil:
		return "", h.explain(err)
	case h.compares || h.within != nil:
		return "", errUnwrappable
	}
	outer := phc{argonParams: current, saltBytes: make([]byte, current.salt), keyBytes: make([]byte, current.key)}
	rand.Read(outer.saltBytes)
	wrapped := wrapPrefix + crypt(outer.String(), stored) + "$" + h.setting()
	if _, err := read(wrapped); err != nil {
		return "", err
	}
	return wrapped, nil
}

// Weak reports whether a thief of the hash would try passwords much faster than with one of ours, so that it should
// not be stored as it is (Wrap). All digests are weak, salted or not, and so are LDAP's, HMACs, md5-crypt, phpass and
// Symfony's; PBKDF2 with fewer rounds than OWASP's least (SHA-1 1,300,000, SHA-256 600,000, SHA-512 210,000, anything
// else); SHA-crypt with fewer than about as many (500,000 and 200,000); argon2 with less work than OWASP's least, and
// scrypt with less than Firebase's. bcrypt never is, since it cannot be wrapped; nor is what cannot be read.
func Weak(stored string) bool {
	h, err := read(stored)
	return err == nil && h.weak && !h.compares
}

// Recipe is what a stored hash costs: a setting for Crypt with the kind and cost of the hash, and filler in place of
// its salt, its digest and the secrets of its source. The hashes of one source have one recipe. Whoever derives a
// recipe for any password spends what a verification of the hash does. The recipe of what cannot be read is that of
// one of ours, as its verification costs that (Verify).
func Recipe(stored string) string {
	h, err := read(stored)
	if err != nil {
		return Recipe(Dummy)
	}
	return h.recipe()
}

func (h parsed) recipe() string {
	p := parts{salt: blank(len(h.salt)), digest: blank(len(h.digest)), key: h.key}
	if !h.rigid { // salts of different lengths cost the same; no kind needs more than 8 bytes
		p.salt = p.salt[:min(len(p.salt), 8)]
	}
	if h.key != nil {
		p.key = blank(len(h.key))
	}
	if h.within != nil {
		p.inner = h.within.recipe()
	}
	return h.spell(p)
}
