package password

import (
	"testing"
)

// A kind of hash that somebody brings along is verified by its own family, and replaced by ours at the first right
// password. A hash that no family knows matches nothing and costs what one of ours does.
func TestAFamilyOfHashesIsVerifiedAndReplaced(t *testing.T) {
	t.Parallel()
	derived := 0
	count := func(setting, password string) string { derived++; return Derive(setting, password) }
	for _, c := range []struct {
		stored   string
		right    bool
		outdated bool
		derived  int
	}{
		{"$argon2i$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$wvHBhBhQHYcspfiYgoy+Wg", true, true, 1},
		{"$argon2i$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$xvHBhBhQHYcspfiYgoy+Wg", false, true, 1},
		{Hash("correct horse", Derive), true, false, 1},
		{"{plain}correct horse", false, true, 1},
		{"", false, true, 1},
	} {
		derived = 0
		right := Verify("correct horse", c.stored, count)
		if right != c.right || Outdated(c.stored) != c.outdated || derived != c.derived {
			t.Errorf("%q: right %t, outdated %t, %d hashes were made", c.stored, right, Outdated(c.stored), derived)
		}
	}
}
