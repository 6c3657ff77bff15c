package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatepost/gatepost/auth/secret"
)

const (
	// ticketMost bounds an encrypted cookie, in bytes. Browsers send no more than 4 KiB in each of its parts.
	ticketMost = 32 << 10
	// ticketSkew is how far clocks may be apart, as with Auth.js.
	ticketSkew = 15 * time.Second
	// chunksMost is how many parts a cookie may have.
	chunksMost = 8
)

// joined returns the value of a cookie that may be split into name.0, name.1 and so on. It is empty when any part is
// there twice.
func (c cookies) joined(name string) string {
	if whole := c.one(name); whole != "" || len(c[name]) > 0 {
		return whole
	}
	var all strings.Builder
	for n := range chunksMost {
		part := c[name+"."+strconv.Itoa(n)]
		if len(part) == 0 {
			break
		}
		if len(part) > 1 {
			return ""
		}
		all.WriteString(part[0])
	}
	return all.String()
}

// authJSSession reads a cookie of Auth.js: the token of a session in its database, or an encrypted ticket.
func (e Elsewhere) authJSSession(name, value string) (i Imported, ok bool) {
	switch {
	case value == "" || len(value) > ticketMost:
		return Imported{}, false
	case strings.Count(value, ".") != 4:
		return Imported{source: fromAuthJS, hash: secret.Token(value).Hash()}, true
	case !hasOneSpelling(value):
		return Imported{}, false
	}
	for _, key := range e.AuthJS {
		if t, err := openTicket(name, key, value); err == nil {
			return Imported{source: fromTicket, hash: secret.Token(value).Hash(), ticket: t}, true
		}
	}
	return Imported{}, false
}

// hasOneSpelling reports whether no other text decodes to the same ticket: a ticket is known by its text, and one that
// has ended must not come again in another one. Decoders ignore line ends and the last, unused bits.
func hasOneSpelling(ticket string) bool {
	for part := range strings.SplitSeq(ticket, ".") {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(raw) != part {
			return false
		}
	}
	return true
}

// openTicket decrypts a JSON Web Token as Auth.js (v5) and NextAuth (v4) make it. The key depends on the name of the
// cookie and on the algorithm.
func openTicket(name string, key secret.Text, value string) (ticket, error) {
	object, err := jose.ParseEncryptedCompact(value, []jose.KeyAlgorithm{jose.DIRECT},
		[]jose.ContentEncryption{jose.A256CBC_HS512, jose.A256GCM})
	if err != nil {
		return ticket{}, err
	}
	var lastErr error
	for _, d := range []struct {
		salt, info string
		length     int
	}{
		{name, "Auth.js Generated Encryption Key (" + name + ")", 64},
		{name, "Auth.js Generated Encryption Key (" + name + ")", 32},
		{"", "NextAuth.js Generated Encryption Key", 32},
	} {
		derived, err := hkdf.Key(sha256.New, []byte(key), []byte(d.salt), d.info, d.length)
		if err != nil {
			return ticket{}, err
		}
		plain, err := object.Decrypt(derived)
		if err == nil {
			return readTicket(plain)
		}
		lastErr = err
	}
	return ticket{}, lastErr
}

// readTicket reads the claims. A ticket without a user, a beginning and an end is none.
func readTicket(plain []byte) (ticket, error) {
	var c struct {
		Sub string  `json:"sub"`
		Iat float64 `json:"iat"`
		Exp float64 `json:"exp"`
		Nbf float64 `json:"nbf"`
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return ticket{}, err
	}
	if c.Sub == "" || c.Iat <= 0 || c.Exp <= c.Iat || c.Exp > 1<<40 {
		return ticket{}, errors.New("a ticket without a user or its times")
	}
	if c.Nbf > float64(time.Now().Add(ticketSkew).Unix()) {
		return ticket{}, errors.New("a ticket that does not count yet")
	}
	return ticket{c.Sub, time.Unix(int64(c.Iat), 0), time.Unix(int64(c.Exp), 0)}, nil
}
