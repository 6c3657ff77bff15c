package password

import "bytes"

// parsed is what the text of a stored hash says.
type parsed struct {
	family // which read sets
	parts
	// spell writes the text of a hash of the same kind and cost, with the parts given.
	spell func(parts) string
	// derive makes the digest that a password has. It is nil for a wrong password where the kind can only be
	// compared.
	derive func(password string) []byte
	// within is what is wrapped; nil: this hash wraps none.
	within *parsed
	weak   bool // see Weak
	rigid  bool // the salt has one length
	// compares is set where derive needs the digest, so that there is nothing to wrap.
	compares bool
}

// parts are what differs between the hashes of one kind and cost.
type parts struct {
	salt, digest []byte
	key          []byte // what all hashes of a source share, as a pepper; nil: nothing
	inner        string // the setting below, of a wrapped hash
}

// text is the text of the hash.
func (h parsed) text() string { return h.spell(h.parts) }

// crypt is Crypt with this hash as the setting.
func (h parsed) crypt(password string) string {
	p := h.parts
	if p.digest = h.derive(password); p.digest == nil {
		return ""
	}
	return h.spell(p)
}

// setting is the text without the digest: whoever has it alone cannot try passwords.
func (h parsed) setting() string {
	p := h.parts
	p.digest = blank(len(p.digest))
	return h.spell(p)
}

// blank is filler that is a salt and a digest of every kind.
func blank(n int) []byte { return bytes.Repeat([]byte{'0'}, n) }
