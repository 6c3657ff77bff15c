package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// readJSON reads an object into a struct. It fails for one that has a field twice, of which the last would count: the
// other one may be a ban. As encoding/json takes names in any case, two that differ in it alone are one field.
func readJSON(raw []byte, v any) error {
	if !utf8.Valid(raw) { // what is read otherwise is not what is there
		return errEncoding
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return cannotRead(err)
	}
	return onceEach(raw, reflect.TypeOf(v).Elem())
}

// cannotRead says why a record cannot be read, in words of the file.
func cannotRead(err error) error {
	var of *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var when *time.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &of):
		kind, _, _ := strings.Cut(of.Value, " ") // a number is said with its digits
		if of.Field == "" {
			return fmt.Errorf("cannot be read: there is a JSON %s where an object belongs", kind)
		}
		return fmt.Errorf("has a JSON %s in the field %s, where %s belongs", kind, of.Field, kindOf(of.Type))
	case errors.As(err, &when):
		return fmt.Errorf("has a time that is none: %s (example: 2026-01-02T15:04:05Z)", short(when.Value))
	case errors.As(err, &syntax):
		return fmt.Errorf("cannot be read: it is no JSON at its byte %d; one line is one object (jq -c . writes them so)",
			syntax.Offset)
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// kindOf is what a field takes, in words of JSON.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "a time"
		}
		return "an object"
	}
	return "a number"
}

// onceEach fails if a field that a type reads is there twice, also further down. What it does not read may be as it
// likes.
func onceEach(raw []byte, t reflect.Type) error {
	switch t.Kind() {
	case reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil { // a type that reads itself
			return nil
		}
		for _, item := range items {
			if err := onceEach(item, t.Elem()); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return onceEachField(raw, t)
	}
	return nil
}

func onceEachField(raw []byte, t reflect.Type) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') { // null, or a type that reads itself
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return cannotRead(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return cannotRead(err)
		}
		name, of := fieldOf(t, key.(string)) // keys are texts
		if of == nil {
			continue
		}
		if seen[name] {
			return fmt.Errorf("has the field %s twice, in whatever case: nobody knows which one counts", name)
		}
		seen[name] = true
		if err := onceEach(value, of); err != nil {
			return err
		}
	}
	return nil
}

// fieldOf returns the field that a key is read into, and its type; nil: there is none.
func fieldOf(t reflect.Type, key string) (name string, of reflect.Type) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && strings.EqualFold(name, key) {
			return name, f.Type
		}
	}
	return "", nil
}
