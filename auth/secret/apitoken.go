package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
)

// APIToken is a secret with which a program acts for a user: a prefix, 30 random base62 characters (178 bits) and 6 of
// a checksum. Scanners find the prefix, and a typo is known without a query. Whoever has it is its user, as far as it
// reaches.
type APIToken string

// The kinds of API tokens: of a person, and of a service account.
const (
	PersonalPrefix = "gpt_"
	ServicePrefix  = "gps_"
)

const (
	prefixLength   = len(PersonalPrefix)
	randomLength   = 30
	checksumLength = 6
	apiTokenLength = prefixLength + randomLength + checksumLength
	// apiTokenLike is how many characters behind a prefix make a text so like a token that nobody else may see it.
	apiTokenLike = 20
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewAPIToken returns a new random token with a prefix.
func NewAPIToken(prefix string) APIToken {
	b := make([]byte, 0, apiTokenLength)
	b = append(b, prefix...)
	var buf [64]byte
	for len(b) < prefixLength+randomLength {
		rand.Read(buf[:]) // never fails: crypto/rand ends the program instead
		for _, c := range buf {
			// Above the largest multiple of 62 some characters would be likelier than others.
			if c < 4*62 && len(b) < prefixLength+randomLength {
				b = append(b, base62[c%62])
			}
		}
	}
	sum := checksum(string(b[prefixLength:]))
	return APIToken(append(b, sum[:]...))
}

// checksum is the CRC-32 of the random part in base62, with zeros in front.
func checksum(random string) (out [checksumLength]byte) {
	sum := ^uint32(0)
	for i := range len(random) { // crc32.ChecksumIEEE would allocate
		sum = crc32.IEEETable[byte(sum)^random[i]] ^ sum>>8
	}
	sum = ^sum
	for i := checksumLength - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return out
}

// ParseAPIToken parses a token. It rejects what the gate cannot have issued, so that typos and noise cost no query.
func ParseAPIToken(s string) (APIToken, bool) {
	if len(s) != apiTokenLength || s[:prefixLength] != PersonalPrefix && s[:prefixLength] != ServicePrefix {
		return "", false
	}
	for i := prefixLength; i < len(s); i++ {
		if !isBase62(s[i]) {
			return "", false
		}
	}
	if sum := checksum(s[prefixLength : prefixLength+randomLength]); string(sum[:]) != s[prefixLength+randomLength:] {
		return "", false
	}
	return APIToken(s), true
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// HasAPIToken reports whether a text has something in it that looks like a token, with the right checksum or a wrong
// one, cut short or too long, in any letter case of the prefix.
func HasAPIToken(s string) bool {
	return findAPIToken(s, func(string) bool { return true })
}

// HasTrueAPIToken is HasAPIToken for a token with the right checksum, which nothing else has by chance.
func HasTrueAPIToken(s string) bool {
	return findAPIToken(s, func(found string) bool {
		_, ok := ParseAPIToken(found)
		return ok
	})
}

// findAPIToken calls is with each word that looks like a token, until it returns true.
func findAPIToken(s string, is func(string) bool) bool {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '_')
		if i < 0 {
			return false
		}
		i += at
		at = i + 1
		from, end := i+1-prefixLength, at
		if from < 0 || !isPrefix(s[from:at]) {
			continue
		}
		if from > 0 && isBase62(s[from-1]) { // in a word, or behind an escape
			if _, ok := ParseAPIToken(s[from:min(from+apiTokenLength, len(s))]); ok {
				return true
			}
			continue
		}
		for end < len(s) && isBase62(s[end]) {
			end++
		}
		if end-at >= apiTokenLike && is(s[from:end]) {
			return true
		}
	}
}

func isPrefix(s string) bool {
	return strings.EqualFold(s, PersonalPrefix) || strings.EqualFold(s, ServicePrefix)
}

// Hint is the beginning of the token, by which its user tells it from others. It gives away 24 of 178 bits.
func (t APIToken) Hint() string { return string(t[:prefixLength+4]) }

// Hash returns the hash of the token that PostgreSQL stores, in hex.
func (t APIToken) Hash() string { return t.Sum().String() }

// Sum returns the hash of the token, under which memory has what is known of it.
func (t APIToken) Sum() TokenHash {
	var buf [64]byte // a conversion would allocate
	return sha256.Sum256(append(buf[:0], t...))
}

// Format keeps the token out of every fmt verb.
func (APIToken) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue keeps the token out of logs.
func (APIToken) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the token out of JSON.
func (APIToken) MarshalText() ([]byte, error) { return []byte(redacted), nil }
