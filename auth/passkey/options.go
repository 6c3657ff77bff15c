package passkey

import (
	"encoding/base64"
	"encoding/json"
	"time"
)

// For is how long an answer is waited for.
const For = 5 * time.Minute

// Bytes are written as browsers expect them: base64url without padding.
type Bytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return base64.RawURLEncoding.AppendEncode(nil, b), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.DecodeString(string(text))
	return err
}

// User is whom a passkey is made for.
type User struct {
	Handle []byte // random, 16 to 64 bytes
	Name   string // that they log in with
	Shown  string // that they are called by
}

// descriptor names a passkey to a browser.
type descriptor struct {
	Type       string   `json:"type"`
	ID         Bytes    `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

func describe(keys []Key) []descriptor {
	list := make([]descriptor, len(keys))
	for i, k := range keys {
		list[i] = descriptor{"public-key", k.ID, k.Transports}
	}
	return list
}

// algorithm is one that signatures may have, by its number in COSE.
type algorithm struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

// algorithms are EdDSA, ECDSA and RSA, as level 3 recommends: one of them is known to every authenticator.
var algorithms = []algorithm{{"public-key", -8}, {"public-key", -7}, {"public-key", -257}}

// creation is PublicKeyCredentialCreationOptionsJSON.
type creation struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          Bytes  `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	Challenge  Bytes        `json:"challenge"`
	Algorithms []algorithm  `json:"pubKeyCredParams"`
	Timeout    int64        `json:"timeout"`
	Exclude    []descriptor `json:"excludeCredentials"`
	Selection  struct {
		Attachment   string `json:"authenticatorAttachment,omitempty"`
		ResidentKey  string `json:"residentKey"`
		Resident     bool   `json:"requireResidentKey"`
		Verification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string          `json:"attestation"`
	Extensions  map[string]bool `json:"extensions"`
}

// Creation is what a browser is asked for a new passkey. Nobody has to be asked for a name to log in with it, so it has
// to be one that authenticators find by themselves. attachment is "platform", "cross-platform" or empty. No
// authenticator that has one of the keys makes another. verified asks for one that tells who the person is; otherwise
// that is preferred.
func (s *Site) Creation(rpID string, u User, challenge []byte, keys []Key, attachment string,
	verified bool) json.RawMessage {
	var o creation
	o.RP.ID, o.RP.Name = rpID, s.Name
	o.User.ID, o.User.Name, o.User.DisplayName = u.Handle, u.Name, u.Shown
	o.Challenge, o.Algorithms, o.Timeout, o.Exclude = challenge, algorithms, For.Milliseconds(), describe(keys)
	o.Selection.Attachment = attachment
	o.Selection.ResidentKey, o.Selection.Resident, o.Selection.Verification = "required", true, "preferred"
	if verified {
		o.Selection.Verification = "required"
	}
	o.Attestation, o.Extensions = "none", map[string]bool{"credProps": true}
	b, _ := json.Marshal(o) // it has nothing that cannot be written
	return b
}

// request is PublicKeyCredentialRequestOptionsJSON.
type request struct {
	RPID         string       `json:"rpId"`
	Challenge    Bytes        `json:"challenge"`
	Timeout      int64        `json:"timeout"`
	Allow        []descriptor `json:"allowCredentials"`
	Verification string       `json:"userVerification"`
}

// Request is what a browser is asked for a proof by one of the keys; without keys, by whichever it has for the site.
// verified asks for one that tells who the person is; otherwise that is preferred.
func (s *Site) Request(rpID string, challenge []byte, keys []Key, verified bool) json.RawMessage {
	o := request{rpID, challenge, For.Milliseconds(), describe(keys), "preferred"}
	if verified {
		o.Verification = "required"
	}
	b, _ := json.Marshal(o) // it has nothing that cannot be written
	return b
}
