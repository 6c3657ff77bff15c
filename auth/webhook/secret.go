package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Secret is the key that events are signed with. It does not print.
type Secret struct{ key []byte }

// prefix is how a written secret begins.
const prefix = "whsec_"

// The lengths of a key, in bytes, as Standard Webhooks has them.
const (
	keyLeast = 24
	keyMost  = 64
)

// ErrSecret means that a text is no secret. It does not quote the text.
var ErrSecret = fmt.Errorf("is not %s and %d to %d bytes in base64: `gatepost webhook secret` makes one", prefix,
	keyLeast, keyMost)

// ParseSecrets reads a secret, or several with commas between. It fails with ErrSecret.
func ParseSecrets(s string) (list []Secret, err error) {
	for part := range strings.SplitSeq(s, ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(part), prefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < keyLeast || len(key) > keyMost {
			return nil, ErrSecret
		}
		list = append(list, Secret{key})
	}
	if len(list) > secretsMost {
		return nil, errors.New("has more than two secrets: the new one and the old one are enough")
	}
	return list, nil
}

// secretsMost is enough while receivers change over.
const secretsMost = 2

// NewSecret returns a new secret as it is written.
func NewSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // which never fails
	return prefix + base64.StdEncoding.EncodeToString(key)
}

// Format prints nothing of the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue logs nothing of the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText writes nothing of the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// sign returns the signatures of a body, one for each secret.
func sign(secrets []Secret, id, at string, text []byte) string {
	var list []string
	for _, s := range secrets {
		mac := hmac.New(sha256.New, s.key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(text)
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(list, " ")
}

// newID is an id as the triggers make them.
func newID() string { return "msg_" + strings.ToLower(rand.Text()) }
