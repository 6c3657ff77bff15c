package session

import (
	"net/http"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// challengeSuffix is that of the cookie with the challenge that this browser has to meet (Made.Challenge). It opens
// nothing by itself, and nothing at all in another browser.
const challengeSuffix = "_step"

// trustSuffix is that of the cookie by which a browser is known as one in which its user does not do the second step.
// It opens nothing without the first.
const trustSuffix = "_trust"

// SetTrust makes the browser one that is trusted for a while.
func (c Cookie) SetTrust(h http.Header, t secret.Token, age time.Duration) {
	c.add(h, trustSuffix, string(t), age)
}

// ReadTrust returns the token by which this browser is trusted. It is empty when there is none, or several.
func (c Cookie) ReadTrust(h http.Header) secret.Token {
	t, _ := Cookie{Name: c.Name + trustSuffix}.Read(h)
	return t
}

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
