package auth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/password"
)

// With hashes from elsewhere that take long, everybody's refusal takes longer than they do, at whatever address; and no
// longer when the last of them is gone.
func TestSlowHashesFromElsewhereDoNotShow(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.AnswerStep = 10 * time.Millisecond })
	signUp(t, s, "ada@example.com")
	var steps []time.Duration
	auth.OnHold(s, func(_ context.Context, _ time.Time, step time.Duration) { steps = append(steps, step) })
	refused := func(email string) time.Duration {
		t.Helper()
		if _, err := signIn(s, t.Context(), email, "a wrong password"); err == nil {
			t.Fatal("let in")
		}
		return steps[len(steps)-1]
	}
	if step := refused("nobody@example.com"); step != 10*time.Millisecond {
		t.Errorf("before: %v", step)
	}
	const slow = "$2b$09$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu"
	exec(t, db, `INSERT INTO gatepost.hash_recipe (recipe, created_at) VALUES ($1, now() - interval '2 h')`,
		password.Recipe(slow))
	exec(t, db, `UPDATE gatepost.account SET password = $1`, slow)
	if step := refused("nobody2@example.com"); step != 5*time.Second {
		t.Errorf("before anybody knows how long it takes: %v", step)
	}
	eventually(t, "it is known how long a hash takes", func() bool { return auth.Measured(s) })
	ada, nobody := refused("ada@example.com"), refused("nobody3@example.com")
	if ada != nobody || ada < 20*time.Millisecond || ada >= 5*time.Second || ada%(10*time.Millisecond) != 0 {
		t.Errorf("with a hash that takes some 30 ms or more: %v, and for nobody %v", ada, nobody)
	}
	if _, err := s.Sweep(t.Context()); err != nil || count(t, db, "hash_recipe") != 1 {
		t.Errorf("a recipe in use is gone, %v", err)
	}
	exec(t, db, `UPDATE gatepost.account SET password = $1`, password.Dummy)
	if _, err := s.Sweep(t.Context()); err != nil || count(t, db, "hash_recipe") != 0 {
		t.Errorf("a recipe out of use stays, %v", err)
	}
	if step := refused("nobody4@example.com"); step != 10*time.Millisecond {
		t.Errorf("after: %v", step)
	}
}

func TestOwnPrefix(t *testing.T) {
	t.Parallel()
	if !strings.HasPrefix(password.Dummy, password.OwnPrefix) || strings.Count(password.OwnPrefix, "$") != 4 ||
		!strings.HasPrefix(password.Hash("x", password.Derive), password.OwnPrefix) {
		t.Error(password.OwnPrefix)
	}
}
