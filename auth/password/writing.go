package password

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// Alphabets and encodings that stored hashes are written in.
const (
	itoa64   = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" // crypt(3)'s
	crypt64  = `[./0-9A-Za-z]`
	base64in = `[+/0-9A-Za-z]` // without padding
)

// ab64 is passlib's "adapted" base64: a dot in place of the plus, and no padding.
var ab64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").
	WithPadding(base64.NoPadding).Strict()

var (
	padded   = base64.StdEncoding.Strict()
	unpadded = base64.RawStdEncoding.Strict()
)

// encoding is a way to write bytes down. Upper-case hex is read and never written: a text in it is not canonical.
type encoding interface {
	EncodeToString([]byte) string
	DecodeString(string) ([]byte, error)
}

type hexadecimal struct{}

func (hexadecimal) EncodeToString(b []byte) string        { return hex.EncodeToString(b) }
func (hexadecimal) DecodeString(s string) ([]byte, error) { return hex.DecodeString(s) }

// verbatim is the encoding of what is text.
type verbatim struct{}

func (verbatim) EncodeToString(b []byte) string        { return string(b) }
func (verbatim) DecodeString(s string) ([]byte, error) { return []byte(s), nil }

// counted reads a number that a cost is made of. It is written in digits, is at least 1, and at most the bound.
func counted(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	switch {
	case len(s) > 0 && strings.Trim(s, "0123456789") == "" && s[0] != '0' && (err != nil || n > most):
		return 0, errCostly
	case err != nil || n < 1 || strconv.Itoa(n) != s:
		return 0, errMalformed
	}
	return n, nil
}

// decodeBoth decodes a salt and a digest.
func decodeBoth(salt string, in encoding, digest string, as encoding) (p parts, err error) {
	if p.salt, err = in.DecodeString(salt); err == nil {
		p.digest, err = as.DecodeString(digest)
	}
	if err != nil {
		return parts{}, errMalformed
	}
	return p, nil
}
