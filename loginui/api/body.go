package api

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gatepost/gatepost/auth/secret"
)

// The types of fields. A field of type string or secret.Password has to be there; one of the types below and a pointer
// may be missing.
type (
	// maybe is a text or null.
	maybe struct {
		present bool
		value   string // empty: null
	}
	// whatever is taken and not looked at, but for its presence.
	whatever struct{ present bool }
)

// read decodes the body of a call into a struct. Fields that it does not know are ignored, as are those it knows in
// another case.
func (c *call) read(into any) error {
	v := reflect.ValueOf(into).Elem()
	fields, err := parseObject(c.body, v.Type())
	if err != nil {
		return err
	}
	var faults []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("json")
		if fault := readField(fields[name], v.Field(i), f.Tag.Get("is")); fault != "" {
			faults = append(faults, "[body."+name+"] "+fault)
		}
	}
	if len(faults) > 0 {
		return invalid(strings.Join(faults, "; "))
	}
	return nil
}

// parseObject reads a JSON object. Nothing at all is an empty one. It keeps the fields of a struct only: arbitrary
// names would take far more memory than the body.
func parseObject(body []byte, known reflect.Type) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return fields, nil
	case !utf8.Valid(body) || !json.Valid(body) || hasHalf(body): // two passwords could become the same
		return nil, errJSON
	case body[0] != '{':
		return nil, invalid("[body] " + expected("object", body))
	}
	for i := range known.NumField() {
		fields[known.Field(i).Tag.Get("json")] = nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	_, err := d.Token()
	for err == nil && d.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = d.Token(); err == nil {
			err = d.Decode(&value)
		}
		if text, _ := name.(string); err == nil && has(fields, text) {
			fields[text] = value
		}
	}
	if err != nil {
		return nil, errJSON
	}
	return fields, nil
}

// hasHalf reports whether valid JSON has an escape that is half of a pair, as \ud800, which is no text: whatever the
// half, it is read as U+FFFD.
func hasHalf(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		if i++; body[i] != 'u' {
			continue
		}
		first, second := escaped(body[i+1:]), rune(0)
		if i += 4; !utf16.IsSurrogate(first) {
			continue
		}
		if bytes.HasPrefix(body[i+1:], []byte(`\u`)) {
			second = escaped(body[i+3:])
		}
		if utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escaped is the number that an escape in JSON has after its \u.
func escaped(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits[:4]), 16, 16) // valid JSON
	return rune(n)
}

func has(fields map[string]json.RawMessage, name string) bool { _, ok := fields[name]; return ok }

// readField sets a field, and returns what is wrong with the value, or "".
func readField(raw json.RawMessage, field reflect.Value, is string) string {
	switch to := field.Addr().Interface().(type) {
	case *whatever:
		to.present = len(raw) > 0 && kindOf(raw) != "null"
		return ""
	case *opaque:
		if kindOf(raw) != "object" {
			return expected("object", raw)
		}
		*to = opaque(raw)
		return ""
	case *maybe:
		if to.present = len(raw) > 0; !to.present || kindOf(raw) == "null" {
			return ""
		}
		return readText(raw, reflect.ValueOf(&to.value).Elem(), is)
	}
	if field.Kind() != reflect.Pointer {
		return readText(raw, field, is)
	}
	if len(raw) == 0 {
		return ""
	}
	field.Set(reflect.New(field.Type().Elem()))
	if field = field.Elem(); field.Kind() == reflect.String {
		return readText(raw, field, is)
	}
	if kindOf(raw) != "boolean" {
		return expected("boolean", raw)
	}
	field.SetBool(string(raw) == "true")
	return ""
}

func readText(raw json.RawMessage, field reflect.Value, is string) string {
	if kindOf(raw) != "string" {
		return expected("string", raw)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return expected("string", raw)
	}
	field.SetString(s)
	if is == "email" && !looksLikeEmail(s) {
		return "Invalid email address"
	}
	return ""
}

// looksLikeEmail is a first look. Package auth decides what an address is.
func looksLikeEmail(s string) bool {
	_, domain, at := strings.Cut(s, "@")
	_, err := mail.ParseAddress(s)
	return at && err == nil && strings.Contains(domain, ".") && !strings.ContainsAny(s, "<> ")
}

// expected says, in the words of Better Auth, that a value has the wrong type.
func expected(want string, raw []byte) string {
	return "Invalid input: expected " + want + ", received " + kindOf(raw)
}

// kindOf names the type of a JSON value as JavaScript does.
func kindOf(raw []byte) string {
	if len(raw) == 0 {
		return "undefined"
	}
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// text returns what a pointer points to, or "".
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// on returns what a pointer points to, or otherwise.
func on(b *bool, otherwise bool) bool {
	if b == nil {
		return otherwise
	}
	return *b
}

// typed is the password that a pointer points to, or "".
func typed(p *secret.Password) secret.Password {
	if p == nil {
		return ""
	}
	return *p
}
