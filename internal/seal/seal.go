// Package seal encrypts data that the gate has to read again, such as tokens of providers and secrets of
// authenticators, with the keys of GATEPOST_ENCRYPTION_KEY. The cipher is AES-256-GCM (NIST SP 800-38D). A ciphertext
// is bound to its table, column and row, and opens nowhere else.
//
// The package stores nothing and does not know the database. Secrets that only have to be recognised, such as tokens
// of sessions, are hashed instead (package auth/secret).
package seal

import (
	"bytes"
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

// Column is a column of the schema gatepost whose values are encrypted. Row is the column of the same table with the
// ids that Seal gets as row. It is empty for columns that are sealed with a key of From, which no change of keys
// concerns.
type Column struct{ Table, Name, Row string }

// ChallengePayload is the data with which an answer to a challenge is checked.
var ChallengePayload = Column{"challenge", "payload", "id"}

// SessionIDToken is the ID token of a session, for the sign-out at its provider. ProviderAccess and ProviderRefresh are
// tokens with which the app calls a provider.
var (
	SessionIDToken  = Column{"session", "id_token", "id"}
	ProviderAccess  = Column{"provider_token", "access", "account_id"}
	ProviderRefresh = Column{"provider_token", "refresh", "account_id"}
)

// TOTPSecret is the key of a user's authenticator app, and TOTPPending one that no code has confirmed yet.
var (
	TOTPSecret  = Column{"totp", "secret", "user_id"}
	TOTPPending = Column{"totp_pending", "secret", "user_id"}
)

// AssertionKey is the private part of a key that signs the assertion.
var AssertionKey = Column{"assertion_key", "private", "id"}

// Columns lists the columns that are encrypted with the keys of GATEPOST_ENCRYPTION_KEY. A change of keys encrypts each
// of them again.
var Columns = []Column{ChallengePayload, SessionIDToken, ProviderAccess, ProviderRefresh, TOTPSecret,
	TOTPPending, AssertionKey}

var (
	// ErrNoKey means that Keys has no key, with which nothing can be encrypted or decrypted.
	ErrNoKey = errors.New("there is no key: set GATEPOST_ENCRYPTION_KEY")
	// ErrOtherKey means that a ciphertext was made with a key that Keys does not have.
	ErrOtherKey = errors.New("it was sealed with a key that GATEPOST_ENCRYPTION_KEY does not have")
	// errBroken means that a value is no ciphertext of this package, was changed, or is that of another row.
	errBroken = errors.New("it is not what was sealed for this row")
)

// Lengths are in bytes.
const (
	keyLength   = 32
	idLength    = 8
	nonceLength = 12
	// format is the first byte of a ciphertext. The id of the key, the nonce and the output of AES-GCM follow.
	format = 1
)

// key is one of the keys in Keys, which never prints it.
type key struct {
	id   [idLength]byte
	aead cipher.AEAD
}

// Keys are the keys of an operator. Seal encrypts with the first key, and Open decrypts with each. The zero value has
// no key. Keys is safe for concurrent use.
//
// A key may encrypt at most 2^32 values, as nonces are random (NIST SP 800-38D, section 8.3). Operators put a new key
// in front long before that.
type Keys struct{ list []key }

// NewKey returns a new random key in base64, as GATEPOST_ENCRYPTION_KEY takes it. It is a secret.
func NewKey() string {
	b := make([]byte, keyLength)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// Parse reads keys as NewKey writes them, separated by commas or line ends. A separator may follow the last key. An
// empty text has no key. No error quotes a part of the text.
func Parse(s string) (Keys, error) {
	var ks Keys
	for line := range strings.Lines(s) {
		if line = strings.TrimSuffix(strings.TrimSpace(line), ","); line == "" {
			continue
		}
		for entry := range strings.SplitSeq(line, ",") {
			k, err := ks.parse(strings.TrimSpace(entry))
			if err != nil {
				return Keys{}, err
			}
			ks.list = append(ks.list, k)
		}
	}
	return ks, nil
}

// parse reads one key, which comes after those that ks has. It fails for a key that ks has already, and for one that is
// not random: 32 equal bytes are what an operator types to try.
func (ks Keys) parse(s string) (key, error) {
	number := len(ks.list) + 1
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != keyLength {
		return key{}, fmt.Errorf("key %d is not 32 random bytes in base64: make one with `gatepost key new`", number)
	}
	if bytes.Count(b, b[:1]) == len(b) {
		return key{}, fmt.Errorf("key %d is the same byte 32 times, which anybody can guess: make one with "+
			"`gatepost key new`", number)
	}
	k, err := newKey(b)
	if err != nil {
		return key{}, err
	}
	for i, other := range ks.list {
		if other.id == k.id {
			return key{}, fmt.Errorf("key %d and key %d are the same: leave the second one out", i+1, number)
		}
	}
	return k, nil
}

// From returns Keys with one key, derived from a secret of 256 random bits. What it encrypts can be decrypted only with
// that secret.
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

// None reports whether there is no key.
func (ks Keys) None() bool { return len(ks.list) == 0 }

// String returns the number of keys, and nothing of a key.
func (ks Keys) String() string { return fmt.Sprintf("keys(%d)", len(ks.list)) }

// Format keeps every verb from printing a key.
func (ks Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(ks.String())) }

// IDs returns the ids of the keys in hex, in the order of the keys. An id is a hash, which does not reveal its key.
func (ks Keys) IDs() (list []string) {
	for _, k := range ks.list {
		list = append(list, hex.EncodeToString(k.id[:]))
	}
	return list
}

// Head returns the bytes with which every value begins that the key of an id has encrypted. The id is one of IDs, of
// these keys or of others. Head fails for what is no id.
func Head(id string) ([]byte, error) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != idLength {
		return nil, fmt.Errorf("%q is not the id of a key", id)
	}
	return append([]byte{format}, b...), nil
}

// Seal encrypts a value for a row of a column. row is an id of the row that never changes. Seal fails with ErrNoKey.
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

// bound returns the additional data of AES-GCM, to which a ciphertext is bound. The length stands before each part, so
// that different parts never give the same data.
func bound(head []byte, c Column, row string) []byte {
	return fmt.Appendf(append([]byte{}, head...), "%d:%s%d:%s%d:%s", len(c.Table), c.Table,
		len(c.Name), c.Name, len(row), row)
}

// Open decrypts a value that Seal encrypted for the same row of the same column. It fails with ErrNoKey or ErrOtherKey,
// and with another error when the value was changed or is that of another row.
func (ks Keys) Open(c Column, row string, sealed []byte) ([]byte, error) {
	head, rest, ok := split(sealed)
	if !ok {
		return nil, errBroken
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
			return nil, errBroken
		}
		return value, nil
	}
	return nil, ErrOtherKey
}

// split separates a ciphertext into its head (the format and the id of the key) and the rest. It reports false for a
// value that is too short or of another format.
func split(sealed []byte) (head, rest []byte, ok bool) {
	if len(sealed) < 1+idLength+nonceLength || sealed[0] != format {
		return nil, nil, false
	}
	return sealed[:1+idLength], sealed[1+idLength:], true
}
