package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// aKey is the bytes 0 to 31.
const aKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

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
		{Column{"challenge", "payload"}, "row-1", "a secret",
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
	here := Column{"challenge", "payload"}
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
	}{{here, "row2"}, {here, ""}, {Column{"challenge", "payloa"}, "drow"}, {Column{"challeng", "epayload"}, "row"},
		{Column{"account", "payload"}, "row"}} {
		if _, err := ks.Open(c.column, c.row, sealed); !errors.Is(err, ErrBroken) {
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

// The first key seals, and all open: so keys are changed.
func TestKeysAreChanged(t *testing.T) {
	t.Parallel()
	before, after := NewKey(), NewKey()
	sealed, err := mustParse(t, before).Seal(ChallengePayload, "row", []byte("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	both := mustParse(t, " "+after+" ,\n"+before)
	if got, err := both.Open(ChallengePayload, "row", sealed); err != nil || string(got) != "a secret" {
		t.Errorf("with the new key in front: %q, %v", got, err)
	}
	anew, err := both.Seal(ChallengePayload, "row", []byte("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := KeyOf(anew); err != nil || id != both.IDs()[0] || id == both.IDs()[1] {
		t.Errorf("sealed with %s of %v, %v", id, both.IDs(), err)
	}
	if _, err := mustParse(t, before).Open(ChallengePayload, "row", anew); !errors.Is(err, ErrOtherKey) {
		t.Errorf("with the old key alone: %v", err)
	}
}

func TestKeysAreReadAndNeverPrinted(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString(make([]byte, 16))
	for _, s := range []string{"x", short, aKey + ",", "," + aKey, aKey + "," + aKey, aKey + " " +
		aKey, aKey[:43], "AAEC"} {
		if ks, err := Parse(s); err == nil || strings.Contains(err.Error(), s) ||
			strings.Contains(err.Error(), aKey[:8]) {
			t.Errorf("%q: %v, %v", s, ks, err)
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
