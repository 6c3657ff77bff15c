package loginui

import "strings"

// TokenRefused is an error for Refuse: an API token does not open what was asked for. Programs alone send one, and none
// is led to a page.
type TokenRefused struct {
	Code string // as RFC 6750, section 3.1, and RFC 9470 call it
}

// Error says for the log why.
func (e *TokenRefused) Error() string { return "an API token was refused: " + e.Code }

// key is the message to whoever reads the answer.
func (e *TokenRefused) key() string { return "fault.token." + e.Code }

// code is the code in JSON.
func (e *TokenRefused) code() string { return strings.ToUpper(e.Code) }

// ErrServiceAddress is an error for Refuse: the app knows people by their address, and a service account has none.
var ErrServiceAddress error = &fault{status: 403, key: "fault.service"}
