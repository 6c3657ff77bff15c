package password

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// A weak hash that is wrapped verifies what it did, and what is stored no longer has its digest.
func TestWrappedHashesAreVerified(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		wrapped, err := Wrap(v.stored, Derive)
		if v.kind == "bcrypt" {
			if err == nil {
				t.Errorf("%s is wrapped, though bcrypt can only be compared", v.stored)
			}
			continue
		}
		if err != nil {
			t.Fatalf("wrap %s: %v", v.stored, err)
		}
		for password, want := range map[string]bool{v.password: true, "x" + v.password: false} {
			if got := Verify(secret.Password(password), wrapped, Derive); got != want {
				t.Errorf("%q is right for %s: %t", password, wrapped, got)
			}
		}
		h, _ := read(v.stored)
		setting := h.setting()
		digest := strings.TrimRight(v.stored[len(commonPrefix(v.stored, setting)):], "=")
		if !Outdated(wrapped) || Weak(wrapped) || strings.Contains(wrapped, digest[:8]) {
			t.Errorf("%s: outdated %t, weak %t, or has %s", wrapped, Outdated(wrapped), Weak(wrapped), digest[:8])
		}
		if _, err := Wrap(wrapped, Derive); err == nil {
			t.Errorf("%s is wrapped twice", wrapped)
		}
	}
}

// commonPrefix is what two texts begin with.
func commonPrefix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// A wrapped hash tries the spellings of what it wraps.
func TestWrappedHashesTryTheSpellingsWithin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hashed, typed, setting string }{
		{"caf\u00e9", "cafe\u0301", "{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA="}, // NFC
		{"cafe\u0301", "cafe\u0301", "{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{"fish-\u00c5", "\ufb01sh-A\u030a", strings.Repeat("0", 32) + ":" + strings.Repeat("0", 128)},
	} {
		wrapped, err := Wrap(Derive(c.setting, c.hashed), Derive)
		if err != nil || !Verify(secret.Password(c.typed), wrapped, Derive) {
			t.Errorf("%+q typed for %+q is wrong: %v", c.typed, c.hashed, err)
		}
	}
}

// A recipe is what a hash costs, and nothing that whoever has it could try passwords with, or could know the source by.
func TestRecipesHaveTheCostAndNoSecret(t *testing.T) {
	t.Parallel()
	wrapped, err := Wrap("{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", Derive)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{wrapped, Dummy, Hash("correct horse", Derive), "$bcrypt-salted$suffix$cGVwcGVyIQ" +
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}
	for _, v := range vectors {
		all = append(all, v.stored)
	}
	for _, stored := range all {
		recipe := Recipe(stored)
		a, errA := read(stored)
		b, errB := read(recipe)
		if errA != nil || errB != nil || Recipe(recipe) != recipe || a.kind != b.kind {
			t.Fatalf("%s has the recipe %s: %v, %v", stored, recipe, errA, errB)
		}
		if same := b.parts; a.within == nil && a.spell(same) != b.spell(same) {
			t.Errorf("%s costs something else than %s", recipe, stored)
		}
		for _, part := range [][]byte{a.salt, a.digest, a.key} {
			if text := unpadded.EncodeToString(part); len(part) > 3 && (strings.Contains(recipe, string(part)) ||
				strings.Contains(recipe, text)) {
				t.Errorf("the recipe %s of %s has a part of it", recipe, stored)
			}
		}
		if made := Derive(recipe, "x"); len(made) != len(recipe) && a.kind != "bcrypt" {
			t.Errorf("%s makes %q", recipe, made)
		}
	}
}

// Hashes that cost the same have one recipe, whatever their salts.
func TestEqualCostsHaveOneRecipe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{Hash("a password", Derive), Dummy, true},
		{"pbkdf2_sha256$1000$abcdefgh$" + strings.Repeat("A", 43) + "=",
			"pbkdf2_sha256$1000$abcdefghijkl$" + strings.Repeat("B", 42) + "A=", true},
		{"pbkdf2_sha256$1000$abcdefgh$" + strings.Repeat("A", 43) + "=",
			"pbkdf2_sha256$1001$abcdefgh$" + strings.Repeat("A", 43) + "=", false},
		{"{SSHA}" + padded.EncodeToString(make([]byte, 28)), "{SSHA}" + padded.EncodeToString(make([]byte, 36)), true},
		{"nothing that can be read", Dummy, true}, // as its verification costs that
	} {
		if same := Recipe(c.a) == Recipe(c.b); same != c.same {
			t.Errorf("%s and %s have one recipe: %t", c.a, c.b, same)
		}
	}
}

func TestWeakHashesAreToldApart(t *testing.T) {
	t.Parallel()
	strong := map[string]bool{"better-auth": true, "bcrypt": true, "firebase-scrypt": true}
	for _, v := range vectors {
		want := !strong[v.kind] && !strings.HasPrefix(v.stored, "scrypt")
		if got := Weak(v.stored); got != want {
			t.Errorf("%s is weak: %t", v.stored, got)
		}
	}
	key := strings.Repeat("A", 42) + "A="
	for stored, want := range map[string]bool{
		Dummy: false, "nothing": false,
		"pbkdf2_sha256$600000$abcdefgh$" + key: false, "pbkdf2_sha256$599999$abcdefgh$" + key: true,
		"$6$rounds=656000$a$" + strings.Repeat(".", 86):    false,
		"$5$rounds=499999$a$" + strings.Repeat(".", 43):    true,
		"scrypt:16384:8:1$salt$" + strings.Repeat("0", 64): false, "scrypt:8192:8:1$salt$" + strings.Repeat("0", 64): true,
	} {
		if got := Weak(stored); got != want {
			t.Errorf("%s is weak: %t", stored, got)
		}
	}
}
