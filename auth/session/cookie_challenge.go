package session

import (
	"net/http"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// challengeSuffix is that of the cookie with the challenge that this browser has to meet (Made.Challenge). It opens
// nothing by itself, and nothing at all in another browser.
const challengeSuffix = "_step"

// SetChallenge keeps a challenge for as long as it can be met.
func (c Cookie) SetChallenge(h http.Header, t secret.Token, age time.Duration) {
	c.add(h, challengeSuffix, string(t), age)
}

// ReadChallenge returns the challenge of this browser. It is empty when there is none, or several.
func (c Cookie) ReadChallenge(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + challengeSuffix}.Read(h)
	return t
}

// ClearChallenge removes a challenge that was met or given up.
func (c Cookie) ClearChallenge(h http.Header) { c.add(h, challengeSuffix, "", 0) }
