package password

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

func TestThePasswordIsVerifiedExactly(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 8) // bcrypt would stop at 72 bytes
	for _, c := range []struct {
		set, typed string
		want       bool
	}{
		{long, long, true},
		{long, long[:72], false},
		{"caf\u00e9 au lait", "cafe\u0301 au lait", true}, // NFC
		{"ﬁsh and chips", "fish and chips", false},        // not NFKC
		{"Correct Horse", "correct horse", false},
		{" padded words ", "padded words", false},
	} {
		if got := Verify(secret.Password(c.typed), Hash(secret.Password(c.set), Derive), Derive); got != c.want {
			t.Errorf("set %q, typed %q: got %v", c.set, c.typed, got)
		}
	}
}

func FuzzPHC(f *testing.F) {
	for _, s := range []string{
		"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "$argon2i$v=19$m=8,t=1,p=1$$",
		"$argon2id$v=16$$$", "$$$$$", "",
		"$argon2id$v=19$m=65537,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err == nil && h.String() != s {
			t.Errorf("%q reads as %q", s, h.String())
		}
	})
}

func TestUnreadableHashesMatchNothing(t *testing.T) {
	t.Parallel()
	for _, stored := range []string{"", "x",
		"$argon2id$v=19$m=1048576,t=99,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$2b$10$abc"} {
		if Verify("anything at all", stored, Derive) {
			t.Errorf("%q matched", stored)
		}
	}
}
