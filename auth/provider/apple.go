package provider

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatepost/gatepost/auth/secret"
)

// apple signs people in with Apple. The answer is posted across sites, the client secret is a token that we sign,
// and there is no UserInfo.
var apple = kind{
	name:     "apple",
	label:    "Apple",
	issuer:   "https://appleid.apple.com",
	scopes:   []string{"openid", "email", "name"},
	formPost: true,
	named:    appleName,
	lacks:    appleLacks,
	secret:   appleSecret,
	proved:   func(_ Spec, c claims) bool { return c.isOneOf("email_verified", true, "true") },
	setup: func(*Provider) []string {
		return []string{
			"In developer.apple.com, Certificates, Identifiers & Profiles, make an App ID with Sign In with Apple, a " +
				"Services ID (the client id), and a key for Sign In with Apple (the .p8 and its key id).",
			"Under Email Sources register the sender of your mail, or people with a relay address never get it.",
		}
	},
	mark: `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 24 24"><path ` +
		`fill="currentColor" d="M12.152 6.896c-.948 0-2.415-1.078-3.96-1.04-2.04.027-3.91 1.183-4.961 3.014-2.117 ` +
		`3.675-.546 9.103 1.519 12.09 1.013 1.454 2.208 3.09 3.792 3.039 1.52-.065 2.09-.987 3.935-.987 1.831 0 2.35.987 ` +
		`3.96.948 1.637-.026 2.676-1.48 3.676-2.948 1.156-1.688 1.636-3.325 1.662-3.415-.039-.013-3.182-1.221-3.22-4.857` +
		`-.026-3.04 2.48-4.494 2.597-4.559-1.429-2.09-3.623-2.324-4.39-2.376-2-.156-3.675 1.09-4.61 1.09zM15.53 ` +
		`3.83c.843-1.012 1.4-2.427 1.245-3.83-1.207.052-2.662.805-3.532 1.818-.78.896-1.454 2.338-1.273 3.714 ` +
		`1.338.104 2.715-.688 3.559-1.701"/></svg>`,
}

func appleLacks(s Spec) error {
	switch {
	case s.Apple.TeamID == "":
		return &FieldError{"Apple.TeamID", "is missing"}
	case s.Apple.KeyID == "":
		return &FieldError{"Apple.KeyID", "is missing"}
	case s.Apple.PrivateKey == "":
		return &FieldError{"Apple.PrivateKey", "is missing"}
	}
	if _, err := appleKey(s.Apple.PrivateKey); err != nil {
		return &FieldError{"Apple.PrivateKey", "is not the .p8 that Apple hands out: " + err.Error()}
	}
	return nil
}

// appleKey reads a private key. Its errors say nothing of what the key is.
func appleKey(text secret.Text) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("there is no PEM block in it")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the PEM block is no PKCS #8 key")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve.Params().BitSize != 256 {
		return nil, errors.New("the key is not for ES256")
	}
	return key, nil
}

// appleSecretAge is how long a client secret of ours can be used. Apple allows six months.
const appleSecretAge = 5 * time.Minute

// appleSecret signs a client secret for one call.
func appleSecret(p *Provider) (secret.Text, error) {
	key, err := appleKey(p.spec.Apple.PrivateKey)
	if err != nil {
		return "", fmt.Errorf("make Apple's client secret: %w", err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: p.spec.Apple.KeyID}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jwk}, nil)
	if err != nil {
		return "", errors.New("make Apple's client secret: the key does not sign")
	}
	now := p.now()
	payload, _ := json.Marshal(map[string]any{ // strings and numbers alone
		"iss": p.spec.Apple.TeamID, "sub": p.spec.ClientID, "aud": p.spec.Issuer,
		"iat": now.Unix(), "exp": now.Add(appleSecretAge).Unix(),
	})
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", errors.New("make Apple's client secret: the key does not sign")
	}
	text, err := signed.CompactSerialize()
	return secret.Text(text), err
}

// appleName reads the name from the form field that Apple sends once. Nobody signed it: it is for display.
func appleName(field string) string {
	var user struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if len(field) > userFieldMost || json.Unmarshal([]byte(field), &user) != nil {
		return ""
	}
	return user.Name.First + " " + user.Name.Last
}

// userFieldMost is the most that is read of the form field.
const userFieldMost = 4 << 10
