package assertion

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// key is a key that signs. It never prints its private part.
type key struct {
	id     string // the thumbprint of the public key (RFC 7638)
	public jose.JSONWebKey
	signer jose.Signer
}

// newKey makes a key, and returns the private part as a row keeps it, sealed.
func newKey() (k *key, private []byte, err error) {
	p, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if private, err = x509.MarshalPKCS8PrivateKey(p); err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if k, err = keyOf(p); err == nil && strings.HasPrefix(k.id, "-") {
		return newKey() // a command would take the id for a flag
	}
	return k, private, err
}

var errOther = errors.New("it is not the key that its id names")

// readKey reads a private part. It fails when the key does not have that id.
func readKey(id string, private []byte) (*key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, errOther // the error could quote the key
	}
	p, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || p.Curve != elliptic.P256() {
		return nil, errOther
	}
	k, err := keyOf(p)
	if err != nil || k.id != id {
		return nil, errOther
	}
	return k, nil
}

// keyOf takes the public part from the private one, so that nobody who can write a row can have another published.
func keyOf(p *ecdsa.PrivateKey) (*key, error) {
	public := jose.JSONWebKey{Key: &p.PublicKey, Algorithm: string(jose.ES256), Use: "sig"}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("name a key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p, KeyID: public.KeyID}},
		(&jose.SignerOptions{}).WithType(Type))
	if err != nil {
		return nil, fmt.Errorf("sign with a key: %w", err)
	}
	return &key{id: public.KeyID, public: public, signer: signer}, nil
}

// String and GoString are the id, whatever the verb.
func (k *key) String() string   { return "key " + k.id }
func (k *key) GoString() string { return k.String() }
