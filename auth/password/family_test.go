package password

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

// A kind of hash that somebody brings along is verified by its own family, and replaced by ours at the first right
// password. A hash that no family knows matches nothing and costs what one of ours does.
func TestAFamilyOfHashesIsVerifiedAndReplaced(t *testing.T) {
	defer func(before []family) { families = before }(families)
	families = append(families, func(p secret.Password, stored string, _ Deriver) (known, right bool) {
		plain, known := strings.CutPrefix(stored, "{plain}")
		return known, plain == string(p)
	})
	derived := 0
	derive := func(h PHC, password string) []byte { derived++; return Derive(h, password) }
	for _, c := range []struct {
		stored   string
		right    bool
		outdated bool
		derived  int
	}{
		{"{plain}correct horse", true, true, 0},
		{"{plain}wrong", false, true, 0},
		{Hash("correct horse", Derive), true, false, 1},
		{"{md5}correct horse", false, true, 1},
		{"", false, true, 1},
	} {
		derived = 0
		right := Verify("correct horse", c.stored, derive)
		if right != c.right || Outdated(c.stored) != c.outdated || derived != c.derived {
			t.Errorf("%q: right %t, outdated %t, %d keys were made", c.stored, right, Outdated(c.stored), derived)
		}
	}
}
