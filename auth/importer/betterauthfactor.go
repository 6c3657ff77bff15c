package importer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/gatepost/gatepost/auth/factor"
)

// Why the key of somebody's authenticator app, or their recovery codes, cannot be read.
var (
	errNoSecrets = errors.New("what it is checked with is encrypted there: say --source-secret-file FILE, with Better " +
		"Auth's secret (BETTER_AUTH_SECRET)")
	errWrongSecrets = errors.New("what it is checked with was encrypted with none of the secrets in --source-secret-file")
	errNotSealed    = errors.New("what it is checked with is nothing that Better Auth encrypts")
	errSeveral      = errors.New("there are several, and nobody knows which one counts")
)

// factors reads the second factors that were verified. Where the table does not say so of one, the user does.
func (b BetterAuth) factors(ctx context.Context, r *reader, people byID) error {
	t := r.tables["twoFactor"]
	if t == nil {
		return nil
	}
	rows, err := r.tx.Query(ctx, `
		SELECT `+t.text("t", "userId")+`, `+t.truth("t", "verified")+`, `+t.cell("t", "secret")+`,
		    `+t.cell("t", "backupCodes")+` FROM `+t.name+` t
		WHERE t.`+t.columns["userId"]+`::text = ANY ($1) ORDER BY 1`, people.ids())
	if err != nil {
		return err
	}
	known := r.has("user.twoFactorEnabled")
	var user, verified, sealed, codes string
	_, err = pgx.ForEachRow(rows, []any{&user, &verified, &sealed, &codes}, func() error {
		p := people[user]
		switch {
		case verified == "" && !known, t.says(p, "verified", verified):
			p.SecondFactor = true
		case verified != "" || !p.SecondFactor: // it was begun, and no code was typed
			return nil
		}
		if p.App != nil || p.errFactor != nil {
			p.App, p.errFactor = nil, errSeveral
			return nil
		}
		if p.App, p.errFactor = b.key(sealed); p.errFactor == nil {
			b.codes(p, codes)
		}
		return nil
	})
	return err
}

// key decrypts the key of an authenticator app. It is a text, whose ASCII bytes are the key.
func (b BetterAuth) key(sealed string) (factor.Key, error) {
	plain, err := b.decrypt(sealed)
	if err != nil {
		return nil, err
	}
	k, err := factor.KeyOf(plain)
	if err != nil {
		return nil, errors.New("its key has another length than an authenticator app takes")
	}
	return k, nil
}

// codes takes the recovery codes, one JSON list of texts. Apps may keep them in another way: then they stay there.
func (b BetterAuth) codes(p *Person, sealed string) {
	var list []string
	if json.Unmarshal([]byte(sealed), &list) != nil { // else the app keeps them as they are
		plain, err := b.decrypt(sealed)
		if err == nil {
			err = json.Unmarshal(plain, &list)
		}
		if err != nil {
			p.Notes = append(p.Notes, "the recovery codes are left out: they cannot be read")
			return
		}
	}
	p.takeCodes(list)
}

// envelope is how a ciphertext begins that says with which of several secrets it was made: $ba$2$ and the rest.
const envelope = "$ba$"

// decrypt opens what Better Auth encrypts: XChaCha20-Poly1305 with the SHA-256 of a secret, as the nonce and the
// ciphertext in hex. Each secret is tried: the cipher tells the right one.
func (b BetterAuth) decrypt(sealed string) ([]byte, error) {
	if len(b.Secrets) == 0 {
		return nil, errNoSecrets
	}
	if rest, ok := strings.CutPrefix(sealed, envelope); ok {
		_, sealed, _ = strings.Cut(rest, "$")
	}
	raw, err := hex.DecodeString(sealed)
	if err != nil || len(raw) < chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead {
		return nil, errNotSealed
	}
	nonce, text := raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:]
	for _, secret := range b.Secrets {
		key := sha256.Sum256([]byte(secret))
		aead, err := chacha20poly1305.NewX(key[:])
		if err != nil {
			return nil, err
		}
		if plain, err := aead.Open(nil, nonce, text, nil); err == nil {
			return plain, nil
		}
	}
	return nil, errWrongSecrets
}

// ErrNoTextKey means that the key of an authenticator app cannot be one of Better Auth's, which are texts. Those that
// came from there are.
var ErrNoTextKey = errors.New("the key is no text, as Better Auth's are")

// BetterAuthFactorSQL is the authenticator app of a user, whose key is as in Exported.TOTPSecret, as a statement after
// BetterAuthSQL, encrypted with a secret of Better Auth's: as BETTER_AUTH_SECRET has it, or as "2:secret" with its
// version in BETTER_AUTH_SECRETS. It needs the columns of the plugin twoFactor. Who has recovery codes there keeps
// them; others get none, as only hashes of them are here. It fails with ErrNoTextKey or factor.ErrKey.
func BetterAuthFactorSQL(e Exported, secret string) (string, error) {
	k, err := factor.ParseKey(e.TOTPSecret)
	switch {
	case err != nil:
		return "", err
	case strings.ContainsFunc(string(k), func(r rune) bool { return r < ' ' || r > '~' }):
		return "", ErrNoTextKey
	}
	return fmt.Sprintf("INSERT INTO gatepost_factor VALUES (%s, %s, %s, %s);\n", quote(e.ID+"-app"),
		quote(sealForBetterAuth(secret, string(k))), quote(sealForBetterAuth(secret, "[]")), quote(e.ID)), nil
}

// sealForBetterAuth encrypts as Better Auth does. See decrypt.
func sealForBetterAuth(secret, plain string) string {
	head := ""
	if version, rest, ok := strings.Cut(secret, ":"); ok && version != "" && strings.Trim(version, "0123456789") == "" {
		head, secret = envelope+version+"$", rest
	}
	key := sha256.Sum256([]byte(secret))
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	_, _ = rand.Read(nonce) // never fails
	return head + hex.EncodeToString(aead.Seal(nonce, nonce, []byte(plain), nil))
}

// ReadBetterAuthSecrets reads the secrets in a file: one, as BETTER_AUTH_SECRET has it, or several, on lines or as
// BETTER_AUTH_SECRETS has them ("2:new,1:old"). It returns each text that one may be meant by, and fails without any.
func ReadBetterAuthSecrets(text string) (secrets []string, err error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is no text")
	}
	var met seen
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" && !met.again(s) {
			secrets = append(secrets, s)
		}
	}
	for line := range strings.Lines(text) {
		add(line)
		for entry := range strings.SplitSeq(line, ",") {
			add(entry)
			if version, secret, ok := strings.Cut(entry, ":"); ok && strings.Trim(version, " 0123456789") == "" {
				add(secret)
			}
		}
	}
	if len(secrets) == 0 {
		return nil, errors.New("it is empty")
	}
	return secrets, nil
}
