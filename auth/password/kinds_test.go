package password

import (
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// A hash of every kind is made in the processes that hash, and none in this one; what is wrong is wrong there too.
func TestEveryKindIsHashedInItsProcess(t *testing.T) {
	t.Parallel()
	p := newWorkers(t, thisBinary)
	p.setPatience(time.Minute, time.Minute)
	p.onlySharing(time.Hour) // other tests want every core
	for _, v := range vectors {
		if !Verify(secret.Password(v.password), v.stored, p.Derive) {
			t.Errorf("%q is wrong for %s", v.password, v.stored)
		}
		if Verify(secret.Password("x"+v.password), v.stored, p.Derive) {
			t.Errorf("%q is right for %s", "x"+v.password, v.stored)
		}
	}
	if p.log.Len() > 0 {
		t.Errorf("hashed here: %s", p.log.String())
	}
	if made := p.Derive("no hash", "correct horse"); made != "" || p.log.Len() == 0 {
		t.Errorf("a process makes %q of what is no hash, and says %q", made, p.log.String())
	}
}
