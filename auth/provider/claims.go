package provider

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // the hashes of at_hash
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// claims are what a provider says about a person, in the names of OpenID Connect. Values are as in JSON, numbers
// json.Number.
type claims map[string]any

func parseClaims(payload []byte) (claims, error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var c claims
	if d.Decode(&c) != nil || c == nil { // what it says about the claims may quote them
		return nil, faultf(Forged, "the payload is no JSON object")
	}
	return c, nil
}

func (c claims) has(name string) bool { return c[name] != nil }

// text returns a claim that is text; empty: it is not there, or something else.
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// isTrue reports whether a claim is true. Absent is false, and so is text.
func (c claims) isTrue(name string) bool { return c[name] == true }

// isOneOf reports whether a claim has one of the values, which are text or true; a number is compared as text.
func (c claims) isOneOf(name string, values ...any) bool {
	value := c[name]
	if number, ok := value.(json.Number); ok {
		value = number.String()
	}
	switch value.(type) {
	case string, bool:
		return slices.Contains(values, value)
	}
	return false
}

// time returns a claim that is a time.
func (c claims) time(name string) (time.Time, bool) {
	number, ok := c[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds <= 0 || seconds > math.MaxInt32*8 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// list returns a claim that is text or a list of texts. A name that is not a claim is a path with dots.
func (c claims) list(path string) []string {
	var value any = map[string]any(c)
	if c.has(path) {
		value = c[path]
	} else {
		for name := range strings.SplitSeq(path, ".") {
			object, _ := value.(map[string]any)
			value = object[name]
		}
	}
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		return texts(v)
	}
	return nil
}

// listMost is how many values of a claim are looked at.
const listMost = 1000

func texts(values []any) (list []string) {
	for _, v := range values[:min(len(values), listMost)] {
		if s, ok := v.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// idMost is the most bytes of an id, as OpenID Connect Core section 2 has it.
const idMost = 255

// isID reports whether text can be kept as an id of a provider's. Text that came broken is none: JSON is decoded with
// U+FFFD in the place of what is no UTF-8, so that the ids of two people would become one.
func isID(s string) bool {
	return s != "" && len(s) <= idMost && isWhole(s) && !strings.ContainsFunc(s, isControl)
}

// isWhole reports whether text is valid UTF-8, and was so before JSON was decoded.
func isWhole(s string) bool { return !strings.ContainsRune(s, utf8.RuneError) }

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// display makes text of a provider fit to be shown and kept; what is too long is cut.
func display(s string) string {
	s = strings.Map(func(r rune) rune {
		if isControl(r) || r == utf8.RuneError || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	for len(s) > idMost {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return strings.TrimSpace(s)
}

// halfHash is at_hash for a token: OpenID Connect Core section 3.1.3.6. EdDSA hashes with SHA-512.
func halfHash(alg, token string) string {
	h := crypto.SHA512
	switch {
	case strings.HasSuffix(alg, "256"):
		h = crypto.SHA256
	case strings.HasSuffix(alg, "384"):
		h = crypto.SHA384
	}
	w := h.New()
	w.Write([]byte(token))
	sum := w.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
