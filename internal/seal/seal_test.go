package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// aKey is the bytes 0 to 31, and other those from 32 on.
const (
	aKey  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	other = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

func mustParse(t *testing.T, s string) Keys {
	t.Helper()
	ks, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// What is in a database has to be readable for ever. The vectors were made by another implementation, Python's
// cryptography, from the description of the format.
func TestVectors(t *testing.T) {
	t.Parallel()
	ks := mustParse(t, aKey)
	nonce := []byte("defghijklmno")
	for _, c := range []struct {
		column     Column
		row, value string
		want       string
	}{
		{Column{Table: "challenge", Name: "payload"}, "row-1", "a secret",
			"01e2e8de0c6d59ff4f6465666768696a6b6c6d6e6f293bad031a9b33ea02ac3a735b967bbdecb08b0e33e5e2bc"},
	} {
		want, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := ks.list[0].seal(nonce, c.column, c.row, []byte(c.value)); !bytes.Equal(got, want) {
			t.Errorf("%v %s: sealed as\n%x, want\n%x", c.column, c.row, got, want)
		}
		if got, err := ks.Open(c.column, c.row, want); err != nil || string(got) != c.value {
			t.Errorf("%v %s: opened as %q, %v", c.column, c.row, got, err)
		}
	}
}

// A ciphertext opens in its place, with its key, as it was, and nowhere else.
func TestNothingOpensWhatBelongsElsewhere(t *testing.T) {
	t.Parallel()
	ks := mustParse(t, NewKey())
	here := Column{Table: "challenge", Name: "payload"}
	sealed, err := ks.Seal(here, "row", []byte("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ks.Open(here, "row", sealed); err != nil || string(got) != "a secret" {
		t.Fatalf("in its place: %q, %v", got, err)
	}
	for _, c := range []struct {
		column Column
		row    string
	}{{here, "row2"}, {here, ""}, {Column{Table: "challenge", Name: "payloa"}, "drow"},
		{Column{Table: "challeng", Name: "epayload"}, "row"}, {Column{Table: "account", Name: "payload"}, "row"}} {
		if _, err := ks.Open(c.column, c.row, sealed); !errors.Is(err, errBroken) {
			t.Errorf("%v %s: %v", c.column, c.row, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if got, err := ks.Open(here, "row", changed); err == nil {
			t.Errorf("with byte %d changed it opens as %q", i, got)
		}
		if got, err := ks.Open(here, "row", sealed[:i]); err == nil {
			t.Errorf("cut to %d bytes it opens as %q", i, got)
		}
	}
	if _, err := mustParse(t, NewKey()).Open(here, "row", sealed); !errors.Is(err, ErrOtherKey) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := (Keys{}).Open(here, "row", sealed); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := (Keys{}).Seal(here, "row", nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("sealed without a key: %v", err)
	}
}

// The first key encrypts and all keys decrypt, so that an operator can change keys.
func TestKeysAreChanged(t *testing.T) {
	t.Parallel()
	before, after := NewKey(), NewKey()
	sealed, err := mustParse(t, before).Seal(ChallengePayload, "row", []byte("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	if head, err := Head(mustParse(t, before).IDs()[0]); err != nil || !bytes.HasPrefix(sealed, head) {
		t.Errorf("%x does not begin with %x, %v", sealed, head, err)
	}
	both := mustParse(t, " "+after+" ,\n"+before)
	if got, err := both.Open(ChallengePayload, "row", sealed); err != nil || string(got) != "a secret" {
		t.Errorf("with the new key in front: %q, %v", got, err)
	}
	anew, err := both.Seal(ChallengePayload, "row", []byte("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	if id := hex.EncodeToString(anew[1 : 1+idLength]); id != both.IDs()[0] || id == both.IDs()[1] {
		t.Errorf("sealed with %s of %v", id, both.IDs())
	}
	if _, err := mustParse(t, before).Open(ChallengePayload, "row", anew); !errors.Is(err, ErrOtherKey) {
		t.Errorf("with the old key alone: %v", err)
	}
}

func TestOnlyAnIDOfAKeyHasAHead(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "01", "e2e8de0c6d59ff4", "e2e8de0c6d59ff4x", "e2e8de0c6d59ff4f00"} {
		if head, err := Head(id); err == nil {
			t.Errorf("%q: %x", id, head)
		}
	}
}

func TestKeysAreReadAndNeverPrinted(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString(make([]byte, 16))
	equal := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("a"), 32))
	for s, want := range map[string]string{
		"x": "key 1 is not 32", short: "key 1 is not 32", aKey[:43]: "key 1 is not 32", "AAEC": "key 1 is not 32",
		"," + aKey: "key 1 is not 32", aKey + ",," + other: "key 2 is not 32", aKey + " " + other: "key 1 is not 32",
		equal: "key 1 is the same byte", aKey + "\n" + equal: "key 2 is the same byte",
		aKey + "," + aKey:                "key 1 and key 2 are the same: leave the second one out",
		aKey + "," + other + "\n" + aKey: "key 1 and key 3 are the same: leave the second one out",
	} {
		if ks, err := Parse(s); err == nil || !strings.HasPrefix(err.Error(), want) ||
			strings.Contains(err.Error(), aKey[:8]) || strings.Contains(err.Error(), equal[:8]) {
			t.Errorf("%q: %v, %v, want %s", s, ks, err, want)
		}
	}
	one, two := mustParse(t, aKey).IDs()[0], mustParse(t, other).IDs()[0]
	for _, s := range []string{aKey + "," + other, aKey + "," + other + ",", aKey + "\n" + other,
		aKey + "\r\n" + other + "\r\n", " " + aKey + " ,\n\n " + other + " ,\n", "\n" + aKey + " , " + other + "\n\n"} {
		if ks, err := Parse(s); err != nil || !slices.Equal(ks.IDs(), []string{one, two}) {
			t.Errorf("%q: %v, %v", s, ks.IDs(), err)
		}
	}
	if ks, err := Parse(" \n"); err != nil || !ks.None() {
		t.Errorf("nothing: %v, %v", ks, err)
	}
	ks := mustParse(t, aKey)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if said := fmt.Sprintf(verb, ks); said != "keys(1)" {
			t.Errorf("%s prints %s", verb, said)
		}
	}
}
