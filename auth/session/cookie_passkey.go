package session

import (
	"net/http"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// passkeySuffix is that of the cookie with the key of this browser's challenges to authenticators. It opens nothing by
// itself.
const passkeySuffix = "_passkey"

// SetPasskey keeps the key of challenges for as long as one may be answered.
func (c Cookie) SetPasskey(h http.Header, key secret.Token, age time.Duration) {
	c.add(h, passkeySuffix, string(key), age)
}

// ReadPasskey returns the key of this browser's challenges. It is empty when there is none, or several.
func (c Cookie) ReadPasskey(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + passkeySuffix}.Read(h)
	return t
}
