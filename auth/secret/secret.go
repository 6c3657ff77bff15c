// Package secret has types that all packages about accounts share: tokens, passwords and other secrets, which never
// print what they hold, ids of rows, and the client of a request. It decides nothing and stores nothing.
package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// redacted stands for a secret wherever one is printed, logged or marshalled by mistake.
const redacted = "REDACTED"

// Token is a secret of 256 random bits in base64url, as cookies of the gate and mailed links have. Whoever has the
// token of a session is signed in as its user.
type Token string

// tokenLength is the length of 32 bytes in unpadded base64url.
const tokenLength = 43

// NewToken returns a new random token.
func NewToken() Token {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return Token(base64.RawURLEncoding.EncodeToString(b[:]))
}

// ParseToken parses a token. It rejects text that the gate cannot have issued, so that junk costs no query.
func ParseToken(s string) (Token, bool) {
	if len(s) != tokenLength {
		return "", false
	}
	for i := range len(s) {
		if !isBase64URL(s[i]) {
			return "", false
		}
	}
	return Token(s), true
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// Hash returns the hash of the token that PostgreSQL stores, in hex. A fast hash is enough, as a token has 256 random
// bits.
func (t Token) Hash() string { return t.Sum().String() }

// Derive returns another token, a different one for each purpose, from which nobody can find this one.
func (t Token) Derive(purpose string) Token {
	mac := hmac.New(sha256.New, []byte(t))
	mac.Write([]byte(purpose))
	return Token(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}

// Sum returns the hash of the token, under which memory has what is known of its session.
func (t Token) Sum() TokenHash {
	var buf [64]byte // a conversion would allocate
	return sha256.Sum256(append(buf[:0], t...))
}

// TokenHash is the SHA-256 of a token.
type TokenHash [sha256.Size]byte

func (h TokenHash) String() string { return hex.EncodeToString(h[:]) }

// Format keeps the token out of every fmt verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue keeps the token out of logs.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the token out of JSON.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Password is a password as a visitor typed it.
type Password string

// Format keeps the password out of every fmt verb.
func (Password) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue keeps the password out of logs.
func (Password) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the password out of JSON.
func (Password) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// NewID returns a new id of a row, with at least 128 random bits. It is no secret.
func NewID() string { return rand.Text() }

// ValidID reports whether text from elsewhere can be the id of a user: it shows, is of 1 to 255 bytes, has no blanks
// at its ends, which parsers of headers cut off, so that an app would take one user for another.
func ValidID(s string) bool {
	return s != "" && len(s) <= 255 && utf8.ValidString(s) && s == strings.TrimSpace(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Text is a secret of the operator's or of another service: a client secret, a private key, a token of a provider.
type Text string

// Format keeps the secret out of every fmt verb.
func (Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue keeps the secret out of logs.
func (Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the secret out of JSON.
func (Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }
