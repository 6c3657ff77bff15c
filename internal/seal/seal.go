// Package seal keeps what has to be readable again, as tokens of providers and secrets of authenticators, in columns
// that nobody can read without a key of the operator's. It uses AES-256-GCM (NIST SP 800-38D), bound to table, column
// and row, so that no ciphertext works in another's place.
//
// It is pure: it stores nothing, and knows no database. What only has to be recognised is hashed instead.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Column is one whose values are sealed.
type Column struct{ Table, Name string }

// ChallengePayload is what a challenge is to be met with.
var ChallengePayload = Column{"challenge", "payload"}

// SessionIDToken is the ID token of a session, for the sign-out at its provider. ProviderAccess and ProviderRefresh are
// tokens with which the app calls a provider.
var (
	SessionIDToken  = Column{"session", "id_token"}
	ProviderAccess  = Column{"provider_token", "access"}
	ProviderRefresh = Column{"provider_token", "refresh"}
)

// Columns are all that are sealed: what a change of keys has to go through.
var Columns = []Column{ChallengePayload, SessionIDToken, ProviderAccess, ProviderRefresh}

// What a method may fail with. Callers match with errors.Is.
var (
	// ErrNoKey: there is no key, so that nothing can be sealed.
	ErrNoKey = errors.New("there is no key: set GATEPOST_ENCRYPTION_KEY")
	// ErrOtherKey: it was sealed with a key that is not here.
	ErrOtherKey = errors.New("it was sealed with a key that GATEPOST_ENCRYPTION_KEY does not have")
	// ErrBroken: it is no ciphertext of ours, was changed, or belongs into another row.
	ErrBroken = errors.New("it is not what was sealed for this row")
)

const (
	keyLength   = 32
	idLength    = 8
	nonceLength = 12
	// format is the first byte of a ciphertext. What follows is the id of its key, a nonce, and what AES-GCM made.
	format = 1
)

// key is one of an operator's. It does not print.
type key struct {
	id   [idLength]byte
	aead cipher.AEAD
}

// Keys are those of an operator. The first seals, and all open. The zero value has none. They may be used at once by
// many.
//
// A key seals 2^32 times at most, as nonces are random (NIST SP 800-38D section 8.3); long before, another is put in
// front.
type Keys struct{ list []key }

// NewKey makes a key, as it is written in a setting. It is a secret.
func NewKey() string {
	b := make([]byte, keyLength)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// Parse reads keys as NewKey writes them, separated by commas; an empty text holds none. Its errors quote nothing.
func Parse(s string) (Keys, error) {
	var ks Keys
	for i, entry := range strings.Split(s, ",") {
		if strings.TrimSpace(s) == "" {
			break
		}
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(entry))
		if err != nil || len(b) != keyLength {
			return Keys{}, fmt.Errorf("key %d is not 32 random bytes in base64: make one with `gatepost key new`", i+1)
		}
		k, err := newKey(b)
		if err != nil {
			return Keys{}, err
		}
		for _, other := range ks.list {
			if other.id == k.id {
				return Keys{}, fmt.Errorf("key %d is there twice", i+1)
			}
		}
		ks.list = append(ks.list, k)
	}
	return ks, nil
}

// From returns the key that a secret of 256 random bits makes, for what only the holder of the secret may read again.
func From(secret string) (Keys, error) {
	b, err := hkdf.Key(sha256.New, []byte(secret), nil, "gatepost seal", keyLength)
	if err != nil {
		return Keys{}, fmt.Errorf("make a key: %w", err)
	}
	k, err := newKey(b)
	return Keys{[]key{k}}, err
}

func newKey(b []byte) (key, error) {
	block, err := aes.NewCipher(b)
	if err != nil {
		return key{}, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return key{}, fmt.Errorf("make a cipher: %w", err)
	}
	k := key{aead: aead}
	sum := sha256.Sum256(append([]byte("gatepost key id\x00"), b...))
	copy(k.id[:], sum[:])
	return k, nil
}

// None says that there is no key.
func (ks Keys) None() bool { return len(ks.list) == 0 }

// String tells how many there are, and no key.
func (ks Keys) String() string { return fmt.Sprintf("keys(%d)", len(ks.list)) }

// Format keeps every verb from printing a key.
func (ks Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(ks.String())) }

// IDs name the keys, the one that seals first. They tell nothing of a key.
func (ks Keys) IDs() (list []string) {
	for _, k := range ks.list {
		list = append(list, hex.EncodeToString(k.id[:]))
	}
	return list
}

// Seal encrypts a value for a row of a column, which row names for ever. It fails with ErrNoKey.
func (ks Keys) Seal(c Column, row string, value []byte) ([]byte, error) {
	if ks.None() {
		return nil, ErrNoKey
	}
	nonce := make([]byte, nonceLength)
	_, _ = rand.Read(nonce) // never fails
	return ks.list[0].seal(nonce, c, row, value), nil
}

func (k key) seal(nonce []byte, c Column, row string, value []byte) []byte {
	head := append([]byte{format}, k.id[:]...)
	sealed := append(head[:len(head):len(head)], nonce...)
	return k.aead.Seal(sealed, nonce, value, bound(head, c, row))
}

// bound is what a ciphertext is bound to. Lengths come first, so that no two are alike.
func bound(head []byte, c Column, row string) []byte {
	return fmt.Appendf(append([]byte{}, head...), "%d:%s%d:%s%d:%s", len(c.Table), c.Table,
		len(c.Name), c.Name, len(row), row)
}

// Open decrypts what was sealed for a row of a column. It fails with ErrNoKey, ErrOtherKey or ErrBroken.
func (ks Keys) Open(c Column, row string, sealed []byte) ([]byte, error) {
	head, rest, ok := split(sealed)
	if !ok {
		return nil, ErrBroken
	}
	if ks.None() {
		return nil, ErrNoKey
	}
	for _, k := range ks.list {
		if string(k.id[:]) != string(head[1:]) {
			continue
		}
		value, err := k.aead.Open(nil, rest[:nonceLength], rest[nonceLength:], bound(head, c, row))
		if err != nil {
			return nil, ErrBroken
		}
		return value, nil
	}
	return nil, ErrOtherKey
}

// split takes a ciphertext apart, as far as it is one.
func split(sealed []byte) (head, rest []byte, ok bool) {
	if len(sealed) < 1+idLength+nonceLength || sealed[0] != format {
		return nil, nil, false
	}
	return sealed[:1+idLength], sealed[1+idLength:], true
}

// KeyOf names the key that sealed something. It fails with ErrBroken.
func KeyOf(sealed []byte) (id string, err error) {
	head, _, ok := split(sealed)
	if !ok {
		return "", ErrBroken
	}
	return hex.EncodeToString(head[1:]), nil
}
