package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Keys are read again after keysFresh, so that a provider can withdraw one, and used for at most keysMost.
const (
	keysFresh  = time.Hour
	keysMost   = 24 * time.Hour
	keysNumber = 100 // of keys that are looked at
	rsaLeast   = 2048
	rsaMost    = 8192 // a larger one takes long
)

type key = jose.JSONWebKey

// keySet are the keys of a provider. A token that none of them signed has them read again, at most once in restOK: so
// forged tokens buy no calls, and a new key counts that much later at the latest.
type keySet struct{ kept[[]key] }

// errNoKey is the refusal of a signature.
var errNoKey = faultf(Forged, "no key of the provider made the signature")

// verify returns the payload of a token, whose header it returns too. Errors are *Error.
func (s *keySet) verify(ctx context.Context, token string) ([]byte, jose.Header, error) {
	jws, err := jose.ParseSignedCompact(token, safe)
	if err != nil {
		return nil, jose.Header{}, fault(Forged, errors.New("it is no token signed with an allowed algorithm"))
	}
	header := jws.Signatures[0].Header
	keys, err := s.get(ctx)
	if err != nil {
		return nil, header, err
	}
	if payload, ok := open(jws, keys); ok {
		return payload, header, nil
	}
	if keys, err = s.renew(ctx); err != nil {
		return nil, header, err
	}
	if payload, ok := open(jws, keys); ok {
		return payload, header, nil
	}
	return nil, header, errNoKey
}

// open returns the payload of a token that one of the keys signed.
func open(jws *jose.JSONWebSignature, keys []key) ([]byte, bool) {
	header := jws.Signatures[0].Header
	for _, k := range keys {
		if header.KeyID != "" && k.KeyID != header.KeyID || k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// fetchKeys reads the provider's keys. Those that we cannot use are passed over.
func (p *Provider) fetchKeys(ctx context.Context) ([]key, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	var set struct{ Keys []json.RawMessage }
	if err := getJSON(ctx, p.back, m.Keys, "", &set); err != nil {
		p.document.doubt()
		return nil, err
	}
	var keys []key
	for _, text := range set.Keys[:min(len(set.Keys), keysNumber)] {
		var k key
		if json.Unmarshal(text, &k) == nil && usable(k) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fault(Misconfigured, &Flaw{Cure: cureSafe,
			cause: fmt.Errorf("%s: there is no key that we can use", m.Keys)})
	}
	return keys, nil
}

func usable(k key) bool {
	if !k.Valid() || k.Use != "" && k.Use != "sig" {
		return false
	}
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= rsaLeast && public.N.BitLen() <= rsaMost
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}
