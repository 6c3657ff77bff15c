package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/mail"
)

// Whoever tries to log in before the address is confirmed, and too often, is in once it is: in whatever way, and
// wherever they are.
func TestWhoTriedTooEarlyIsNotKeptOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clockedPool(t))
	early, again := logIn(0, minePlus, myPassword, 9), logIn(0, minePlus, myPassword, 1)
	for name, deeds := range map[string][]deed{
		"in the same browser": {enter(0, minePlus, myPassword), early, follow(0, minePlus, mail.Verify)},
		"in another one": {enter(0, minePlus, myPassword), early,
			follow(2, minePlus, mail.Verify, "password", myPassword)},
		"before the sign-up too": {early, enter(0, minePlus, myPassword),
			follow(1, minePlus, mail.Verify, "password", myPassword)},
		"with another password": {early, pass(time.Minute), again, pass(time.Minute), again,
			enter(0, minePlus, "forgotten at once"),
			pass(time.Minute), send(2, "/login/forgot", "email", minePlus),
			follow(2, minePlus, mail.Reset, "password", myPassword)},
		"on being invited": {logIn(0, myGuest, myPassword, 9), inviteMe,
			follow(1, myGuest, mail.Invite, "password", myPassword)},
	} {
		play(t, w, nobody, deeds)
		email := minePlus
		if name == "on being invited" {
			email = myGuest
		}
		if !w.confirmed(t, email) {
			t.Errorf("%s: not confirmed", name)
		}
		// The place that was too early, and one that nobody has been at.
		w.browsers[0].cookies = map[string]string{}
		w.browsers[1] = browser{address: "203.0.113.9:1", cookies: map[string]string{}}
		for at := range 2 {
			if seen := logIn(at, email, myPassword, 1).do(t.Context(), w); !strings.Contains(seen, "/login: 303") {
				t.Errorf("%s, browser %d: %s", name, at, outcome(seen))
			}
		}
	}
}

// A hundred early tries lock nothing.
func TestAHundredEarlyTriesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clockedPool(t))
	play(t, w, nobody, []deed{enter(0, minePlus, myPassword)})
	exec(t, w.db, `UPDATE gatepost.account SET failed_attempts = 100
		WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = $1)`, minePlus)
	follow(0, minePlus, mail.Verify).do(t.Context(), w)
	if seen := logIn(2, minePlus, myPassword, 1).do(t.Context(), w); !strings.Contains(seen, "/login: 303") {
		t.Error(seen)
	}
}

// Guesses beside a link have a count of their own, as long as those of anybody: they close no other door, and no
// other closes theirs.
func TestGuessesBesideALinkAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clockedPool(t))
	play(t, w, nobody, []deed{enter(0, minePlus, myPassword), logIn(0, minePlus, wrong, 6)})
	var seen []string
	for range 6 {
		seen = append(seen, follow(2, minePlus, mail.Verify, "password", string(wrong)).do(t.Context(), w))
	}
	if !strings.Contains(seen[4], "/signup/verify: 401") || !strings.Contains(seen[5], "/signup/verify: 429") {
		t.Errorf("the fifth:\n%s\nthe sixth:\n%s", seen[4], seen[5])
	}
	pass(time.Minute).do(t.Context(), w)
	seen = append(seen, follow(2, minePlus, mail.Verify, "password", myPassword).do(t.Context(), w))
	if !w.confirmed(t, minePlus) {
		t.Error(seen[6])
	}
}
