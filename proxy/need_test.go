package proxy

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// A need of a kind other than roles is checked with the others, printed beside them, and refused with its own
// error. A new kind needs only a value.
func TestAConditionOfAnyKindIsAskedForSaidAndRefused(t *testing.T) {
	t.Parallel()
	errYoung := errors.New("the session is too young")
	ofAge := &condition{name: "age", status: http.StatusUnauthorized, refusal: errYoung,
		met: func(v session.Session, _ Need) bool { return time.Since(v.CreatedAt) > time.Hour }}
	a := Access{Needs: Needs{{of: ofRole, values: []string{"owner", "admin"}}, {of: ofAge, values: []string{"1h"}},
		{of: ofRole, values: []string{"admin", "staff"}}}}
	admin, old := session.User{Roles: []string{"admin"}}, time.Now().Add(-2*time.Hour)
	for _, c := range []struct {
		v    session.Session
		want error
	}{
		{session.Session{User: admin, CreatedAt: old}, nil},
		{session.Session{User: admin, CreatedAt: time.Now()}, errYoung},
		{session.Session{CreatedAt: old}, ofRole.refusal},
		{session.Session{User: session.User{Roles: []string{"owner"}}, CreatedAt: old}, ofRole.refusal},
	} {
		var got error
		if lacking := a.lacking(c.v); lacking != nil {
			got = lacking.refusal
		}
		if got != c.want || a.allows(c.v) != (c.want == nil) {
			t.Errorf("%v: got %v, want %v", c.v.User.Roles, got, c.want)
		}
	}
	if got, want := a.String(), "needs role admin or staff, and owner or admin, and age 1h"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	// A lasting answer is checked with its session, so that it ends when the session no longer meets a need.
	x := &exchange{access: a}
	if !x.Still(session.Session{User: admin, CreatedAt: old}) ||
		x.Still(session.Session{User: admin, CreatedAt: time.Now()}) {
		t.Error("what lasts goes on without what it needs, or ends with it")
	}
}
