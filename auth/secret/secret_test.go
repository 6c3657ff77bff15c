package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

func TestNoSecretPrintsWhateverItIs(t *testing.T) {
	t.Parallel()
	const plain = "plain secret"
	for _, v := range []any{secret.Token(plain), secret.Password(plain), secret.Text(plain),
		[]secret.Text{plain}, secret.Client{Browser: plain}} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("said", "v", v)
		marshalled, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
		}
		said := []string{log.String(), string(marshalled)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			said = append(said, fmt.Sprintf(verb, v))
		}
		for _, out := range said {
			if strings.Contains(out, plain) || strings.Contains(out, fmt.Sprintf("%x", plain)) {
				t.Errorf("%T prints the secret: %s", v, out)
			}
		}
	}
}

func TestATokenIsReadAsItIsMade(t *testing.T) {
	t.Parallel()
	made := secret.NewToken()
	if read, ok := secret.ParseToken(string(made)); !ok || read != made || made == secret.NewToken() {
		t.Errorf("it was made and is not read: %t", ok)
	}
	text := string(made)
	for _, junk := range []string{"", text[1:], text + "A", text[1:] + "=", text[1:] + "+", text[1:] + "/",
		text[1:] + " ", text[1:] + "\x00", text[2:] + "é"} {
		if _, ok := secret.ParseToken(junk); ok {
			t.Errorf("%q is read as a token", junk)
		}
	}
}

// What is made of a token is another one for each purpose, the same each time, and can be read as a token.
func TestATokenHasOthersForEachPurpose(t *testing.T) {
	t.Parallel()
	one, other, seen := secret.NewToken(), secret.NewToken(), map[secret.Token]bool{}
	state := one.Derive("state")
	for _, made := range []secret.Token{one, state, one.Derive("nonce"), other, other.Derive("state")} {
		if _, ok := secret.ParseToken(string(made)); !ok || seen[made] {
			t.Error("it is no token, or one that was made before")
		}
		seen[made] = true
	}
	if again := one.Derive("state"); again != state {
		t.Error("it is another one each time")
	}
	if one.Hash() != one.Sum().String() || one.Hash() == other.Hash() || len(one.Hash()) != 64 {
		t.Errorf("its hash is %s", one.Hash())
	}
}

// An id from elsewhere is one if it shows and stays as it is in a header.
func TestWhatCanBeAnID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"42": true, "auth0|1": true, "a b": true, "é李": true, strings.Repeat("x", 255): true,
		"": false, " 42": false, "42 ": false, " ": false, "42\u00a0": false, "a\tb": false, "a\x00": false, "a\xff": false,
		"a\u202eb": false, "a\u200b": false, strings.Repeat("x", 256): false,
	} {
		if got := secret.ValidID(id); got != want {
			t.Errorf("%q: %t", id, got)
		}
	}
}

func TestChanceStaysInItsLimit(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := secret.Chance(3)
		if d < 0 || d > 3 {
			t.Fatalf("got %d of at most 3", d)
		}
		seen[d] = true
	}
	if len(seen) != 4 {
		t.Errorf("got %d of 4 values", len(seen))
	}
}
