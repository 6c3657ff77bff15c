package api

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// A body of arbitrary names takes no more memory than its own.
func TestOnlyKnownFieldsAreKept(t *testing.T) {
	t.Parallel()
	body := "{" + strings.Repeat(`"a":1,"Email":2,`, 5_000) + `"email":"a@example.com","x":{"email":3}}`
	fields, err := parseObject([]byte(body), reflect.TypeFor[signInBody]())
	if err != nil || len(fields) != reflect.TypeFor[signInBody]().NumField() ||
		string(fields["email"]) != `"a@example.com"` || fields["password"] != nil {
		t.Errorf("got %d fields, %s, %v", len(fields), fields["email"], err)
	}
}

// Half a pair is no text, wherever it stands; a pair is, and so is what only looks like half of one.
func TestHalvesOfPairsAreRefused(t *testing.T) {
	t.Parallel()
	for body, half := range map[string]bool{`{"a":"\ud800"}`: true, `{"a":"\udfff"}`: true, `{"a":"\ud83d\ude00"}`: false,
		`{"a":"\ud83dx\ude00"}`: true, `{"a":"\ude00\ud83d"}`: true, `{"a":"\ud83d\ud83d\ude00"}`: true,
		`{"\uDBFF":1}`: true, `{"a":"\\ud800"}`: false, `{"a":"\\\ud800"}`: true, `{"a":"\ufffd\u00e9"}`: false,
		`{"a":"\ud83d\n"}`: true, `{"a":"\ud83d\u0041"}`: true} {
		if _, err := parseObject([]byte(body), reflect.TypeFor[signInBody]()); (err != nil) != half {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Whatever a client sends is taken or refused with a 400, and a text that is taken can be stored.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"name":"a","email":"a@b.c","password":"x"}`, `{"image":null,"name":"\ud800"}`, `[]`,
		`{"a":`,
		`{"name":1}`, "", "null", `{"token":"\u0000"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for i := range table {
			in := reflect.New(table[i].in)
			err := (&call{body: []byte(body)}).read(in.Interface())
			var known *refusal
			if err != nil && (!errors.As(err, &known) || known.status != 400) {
				t.Fatalf("%s: %v", table[i].name, err)
			}
			for j := range in.Elem().NumField() {
				if v := in.Elem().Field(j); v.Kind() == reflect.String && !utf8.ValidString(v.String()) {
					t.Errorf("%s: %q is no text", table[i].name, v)
				}
			}
		}
	})
}
