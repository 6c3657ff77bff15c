package assertion

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// claims are what an assertion says.
type claims struct {
	Issuer        string           `json:"iss"`
	Audience      string           `json:"aud"`
	Subject       string           `json:"sub"`
	Email         string           `json:"email"`
	EmailVerified bool             `json:"email_verified"`
	Name          string           `json:"name"`
	Roles         []string         `json:"roles"`
	SessionID     string           `json:"sid"`
	Methods       []session.Method `json:"amr"`
	Level         string           `json:"acr"`
	AuthTime      int64            `json:"auth_time"`
	IssuedAt      int64            `json:"iat"`
	NotBefore     int64            `json:"nbf"`
	Expires       int64            `json:"exp"`
	ID            string           `json:"jti"`
	// Of a bound assertion, as DPoP names them (RFC 9449, section 4.2): the method, and the URI without its query.
	Method string `json:"htm,omitempty"`
	URI    string `json:"htu,omitempty"`
}

// made is an assertion that lives beside the copy of its session.
type made struct {
	value []string  // of the header, never modified
	by    string    // the id of the key: the keys themselves are read again now and then
	until time.Time // of its reuse
}

// Of returns the assertion for a request of a session, as the value of a header that must not be modified. It is one
// that was made before for the same copy of the session, if that is no older than a minute and its key still signs. It
// fails with ErrNoKey.
func (k *Keyring) Of(v *session.Session, method, rawPath string) ([]string, error) {
	now := time.Now()
	by := k.state.Load().signing(now)
	if by == nil {
		return nil, ErrNoKey
	}
	if k.o.Bind {
		m, err := k.sign(by, v, now, method, rawPath)
		return m.value, err
	}
	if v.Aside != nil {
		if m, ok := v.Aside.Load().(*made); ok && m.by == by.id && now.Before(m.until) {
			return m.value, nil
		}
	}
	m, err := k.sign(by, v, now, "", "")
	if err == nil && v.Aside != nil {
		v.Aside.Store(&m)
	}
	return m.value, err
}

func (k *Keyring) sign(by *key, v *session.Session, now time.Time, method, rawPath string) (made, error) {
	c := k.claimsOf(v, now)
	if k.o.Bind {
		c.Method, c.URI = method, k.o.Issuer+rawPath
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return made{}, fmt.Errorf("write the assertion: %w", err)
	}
	signed, err := by.signer.Sign(payload)
	if err != nil {
		return made{}, fmt.Errorf("sign the assertion: %w", err)
	}
	k.signed.Add(1)
	text, err := signed.CompactSerialize()
	if err != nil {
		return made{}, fmt.Errorf("write the assertion: %w", err)
	}
	if len(text) > longest {
		return made{}, fmt.Errorf("the assertion has %d bytes, and servers take %d: give the user %s fewer roles", len(text),
			longest, v.User.ID)
	}
	return made{[]string{text}, by.id, now.Add(reuse)}, nil
}

// nameMost limits the name, the one claim that a user chooses, as in the header with the name.
const nameMost = 100 // characters

// claimsOf says no more of a session than is known of it: an assertion ends with what was looked up at the latest.
func (k *Keyring) claimsOf(v *session.Session, now time.Time) claims {
	ends := now.Add(lifetime)
	if k.o.Bind {
		ends = now.Add(boundLifetime)
	}
	if until := v.Until(); until.Before(ends) {
		ends = until
	}
	name := []rune(v.User.Name)
	return claims{Issuer: k.o.Issuer, Audience: k.o.Audience, Subject: v.User.ID, Email: v.User.Email,
		EmailVerified: v.User.EmailVerified, Name: string(name[:min(len(name), nameMost)]),
		Roles: append([]string{}, v.User.Roles...), SessionID: v.ID,
		Methods: methodsOf(v.Proof), Level: "aal" + strconv.Itoa(v.Proof.Level()),
		AuthTime: provedAt(v), IssuedAt: now.Unix(), NotBefore: now.Unix(),
		Expires: max(ends.Unix(), now.Unix()+1), ID: secret.NewID()}
}

// provedAt is when the user was last proved, by this machine's clock: PostgreSQL's may be another one. An API token
// proves nobody, and says the beginning of time.
func provedAt(v *session.Session) int64 {
	if v.ActiveAt.IsZero() {
		return v.Proof.Latest().Unix()
	}
	return v.ActiveAt.Unix()
}

// methodsOf returns the methods, but none that is longer than any there is: SQL may have written what is no method, and
// the app's server would refuse the header.
func methodsOf(p session.Proof) []session.Method {
	list := []session.Method{}
	for _, m := range p.Methods {
		if len(m) <= methodMost && len(list) < methodsMost {
			list = append(list, m)
		}
	}
	return list
}

const methodMost, methodsMost = 16, 16
