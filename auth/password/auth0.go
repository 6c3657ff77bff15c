package password

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// auth0Hash is custom_password_hash of Auth0's schema for bulk imports. Lengths and costs are only about scrypt.
type auth0Hash struct {
	Algorithm string
	Hash      struct {
		Value, Encoding, Digest string
		Key                     auth0Text
	}
	Salt     *auth0Text
	Password struct{ Encoding string }
	KeyLen, Cost,
	BlockSize, Parallelization int
}

type auth0Text struct{ Value, Encoding, Position string }

var (
	errAuth0JSON = errors.New("it is not the JSON object that custom_password_hash is")
	errAuth0Salt = errors.New("a salt beside the hash is not allowed with this algorithm")
	errEncoding  = errors.New("the encoding is none that is allowed there")
)

// Auth0 returns what to store of a user of Auth0, given the JSON of custom_password_hash. (password_hash is bcrypt,
// which Recognise reads.) Fields that are not in Auth0's schema are refused, as they could change what the hash means.
// The error says what is wrong, in words for a report, without a letter of the hash.
func Auth0(customPasswordHash []byte) (stored string, err error) {
	var h auth0Hash
	d := json.NewDecoder(bytes.NewReader(customPasswordHash))
	d.DisallowUnknownFields()
	if d.Decode(&h) != nil {
		return "", errAuth0JSON
	}
	if _, err := d.Token(); err != io.EOF {
		return "", errAuth0JSON
	}
	return h.stored()
}

func (h auth0Hash) stored() (string, error) {
	switch h.Algorithm {
	case "md4", "md5", "sha1", "sha256", "sha512":
		return h.digest(h.Algorithm, nil)
	case "hmac":
		key, err := decoded(h.Hash.Key.Value, cmp.Or(h.Hash.Key.Encoding, "utf8"))
		if err != nil {
			return "", err
		}
		return h.digest(h.Hash.Digest, key)
	}
	if h.Password.Encoding != "" && h.Password.Encoding != "utf8" && h.Password.Encoding != "ascii" {
		return "", errors.New("with this algorithm, passwords are verified in UTF-8 alone")
	}
	switch {
	case h.Algorithm == "scrypt":
		return h.scrypt()
	case h.Algorithm == "bcrypt":
		return h.bcrypt()
	case h.Salt != nil:
		return "", errAuth0Salt
	case h.Algorithm == "pbkdf2":
		return auth0PBKDF2(h.Hash.Value)
	case h.Algorithm == "argon2":
		return recognise(h.Hash.Value, argon2Family.kind)
	case h.Algorithm == "ldap":
		return recognise(h.Hash.Value, ldapFamily.kind)
	}
	return "", errors.New("the algorithm is not known")
}

// salt returns the salt and the side of the password on which it stands.
func (h auth0Hash) salt() (salt []byte, side string, err error) {
	if h.Salt == nil || h.Salt.Value == "" {
		return nil, "none", nil
	}
	side = cmp.Or(h.Salt.Position, "prefix")
	if side != "prefix" && side != "suffix" {
		return nil, "", errors.New("the position of the salt is neither prefix nor suffix")
	}
	salt, err = decoded(h.Salt.Value, cmp.Or(h.Salt.Encoding, "utf8"))
	return salt, side, err
}

// digest is that of one round.
func (h auth0Hash) digest(name string, key []byte) (string, error) {
	salt, side, err := h.salt()
	encoding, known := map[string]string{"": "", "utf8": "", "ascii": "latin1", "latin1": "latin1", "binary": "latin1",
		"utf16le": "utf16le", "ucs2": "utf16le"}[h.Password.Encoding]
	switch {
	case err != nil:
		return "", err
	case !known || h.Hash.Encoding != "hex" && h.Hash.Encoding != "base64":
		return "", errEncoding
	case digests[name] == nil:
		return "", errDigest
	}
	return digestSetting(name, side, encoding, key, salt, h.Hash.Value, h.Hash.Encoding)
}

// bcrypt may have a salt of its own, beside the one that bcrypt has.
func (h auth0Hash) bcrypt() (string, error) {
	salt, side, err := h.salt()
	switch {
	case err != nil:
		return "", err
	case side == "none":
		return recognise(h.Hash.Value, bcryptFamily.kind)
	}
	return recognise("$bcrypt-salted$"+side+"$"+unpadded.EncodeToString(salt)+h.Hash.Value, bcryptFamily.kind)
}

// scrypt has defaults for all but the length of the key.
func (h auth0Hash) scrypt() (string, error) {
	salt, _, err1 := h.salt()
	key, err2 := decoded(h.Hash.Value, h.Hash.Encoding)
	n := max(0, cmp.Or(h.Cost, 1<<14))
	log := bits.Len(uint(n)) - 1
	switch {
	case err1 != nil || err2 != nil:
		return "", cmp.Or(err1, err2)
	case len(key) != h.KeyLen:
		return "", errors.New("keylen is not the length of the hash")
	case n != 1<<max(0, log):
		return "", errors.New("cost is not a power of two")
	}
	return recognise(fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", log, cmp.Or(h.BlockSize, 8),
		cmp.Or(h.Parallelization, 1), unpadded.EncodeToString(salt), unpadded.EncodeToString(key)), scryptFamily.kind)
}

var auth0PHC = regexp.MustCompile(`^\$pbkdf2-([A-Za-z0-9-]+)\$(?:i=(\d+))?,?(?:l=(\d+))?\$?([^$]+)\$([^$]+)$`)

// auth0PBKDF2 reads Auth0's PHC string, in which the rounds are 100,000 and the key is 64 bytes long unless it says
// otherwise. A digest may have one of OpenSSL's names.
func auth0PBKDF2(text string) (string, error) {
	m := auth0PHC.FindStringSubmatch(text)
	if m == nil {
		return "", errShape
	}
	salt, err1 := readBase64(m[4])
	key, err2 := readBase64(m[5])
	if err1 != nil || err2 != nil || cmp.Or(m[3], "64") != strconv.Itoa(len(key)) {
		return "", errShape
	}
	name := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(m[1]), "rsa-"), "withrsaencryption")
	return recognise(pbkdf2Setting(name, cmp.Or(m[2], "100000"), salt, key), pbkdf2Family.kind)
}

// decoded reads bytes in one of the encodings that Auth0 has for them.
func decoded(text, encoding string) (b []byte, err error) {
	switch encoding {
	case "hex":
		b, err = hex.DecodeString(text)
	case "base64":
		b, err = readBase64(text)
	case "utf8":
		b = []byte(text)
	default:
		return nil, errEncoding
	}
	if err != nil || len(b) == 0 {
		return nil, errors.New("it is empty, or not in the encoding that is named")
	}
	return b, nil
}
