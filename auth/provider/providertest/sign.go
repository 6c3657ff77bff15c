package providertest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// sign signs claims as the behaviour has it. The caller holds the lock.
func (s *Server) sign(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	header := map[string]any{"alg": "RS256", "kid": s.key.KeyID, "typ": "JWT"}
	overlay(header, s.bad.header)
	switch header["alg"] {
	case "none":
		return encode(header) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	case "HS256":
		return mac(header, payload, publicPEM(s.key))
	}
	key := s.key.Key
	if s.bad.otherKey {
		key = otherKey()
	}
	return signWith(header, payload, key)
}

func encode(v any) string {
	b, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b)
}

func signWith(header map[string]any, payload []byte, key any) string {
	return serialize(header, payload, jose.SigningKey{Algorithm: jose.RS256, Key: key})
}

// mac signs with the public key as a secret that both sides have.
func mac(header map[string]any, payload, secret []byte) string {
	return serialize(header, payload, jose.SigningKey{Algorithm: jose.HS256, Key: secret})
}

func serialize(header map[string]any, payload []byte, key jose.SigningKey) string {
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	for name, value := range header {
		if name != "alg" {
			options.ExtraHeaders[jose.HeaderKey(name)] = value
		}
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

func publicPEM(k jose.JSONWebKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(k.Public().Key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// otherKey is nobody's key.
func otherKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func halfHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// SignLogout makes a back-channel logout token for a person's session. changes are laid over its claims; nil takes
// one away. What Misbehave says of headers and keys counts for it too.
func (s *Server) SignLogout(subject, sid string, changes map[string]any) string {
	now := time.Now()
	c := map[string]any{
		"iss": s.URL(), "aud": s.ClientID, "sub": subject, "sid": sid, "jti": rand.Text(), "iat": now.Unix(),
		"exp":    now.Add(2 * time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	overlay(c, changes)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.bad.header
	s.bad.header = map[string]any{"typ": "logout+jwt"}
	maps.Copy(s.bad.header, before)
	defer func() { s.bad.header = before }()
	return s.sign(c)
}

// Sign makes a token with claims as they are, signed as the behaviour has it.
func (s *Server) Sign(claims map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sign(claims)
}
