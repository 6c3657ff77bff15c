package throttle_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/gatepost/gatepost/auth/throttle"
)

var offices = throttle.Offices{People: 100, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28"),
	netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("10.1.0.0/16")}}

// In an office, wrong passwords count by account: as many accounts as there are people, however often each is tried.
// The accounts keep their own limits.
func TestAnOfficeIsThrottledByAccounts(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"203.0.113.9", "10.1.2.3", "::ffff:203.0.113.7"} {
		db := newDB(t)
		attempt := func(i int) error {
			return guessNear(t, db, fmt.Sprintf("u%d@example.com", i), at(addr), offices)
		}
		for i := range 298 { // three at each of 99 accounts, and one at the hundredth
			if err := attempt(i / 3); err != nil {
				t.Fatalf("%s, attempt %d: %v", addr, i, err)
			}
		}
		if err := attempt(100); !isThrottled(err) {
			t.Errorf("%s, account 101: got %v, want to be throttled", addr, err)
		}
		exec(t, db, `UPDATE gatepost.throttle SET blocked_until = now(), expires_at = now() + interval '1 hour'`)
		for range 2 {
			if err := attempt(0); err != nil {
				t.Errorf("%s, an account that has counted: %v", addr, err)
			}
		}
		if err := attempt(0); !isThrottled(err) {
			t.Errorf("%s, six tries at one account: got %v, want to be throttled", addr, err)
		}
	}
}

// An account counts again after an hour.
func TestAnAccountOfAnOfficeCountsAgain(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	small := throttle.Offices{People: 1, Networks: offices.Networks}
	counted := func() (n int) {
		return count(t, db, "throttle WHERE user_id IS NULL AND NOT bogus AND failures > 1")
	}
	for range 2 {
		if err := guessNear(t, db, "x@example.com", at("203.0.113.9"), small); err != nil {
			t.Fatal(err)
		}
	}
	if counted() != 0 {
		t.Error("the second try has counted")
	}
	exec(t, db, `UPDATE gatepost.throttle SET expires_at = now() WHERE bogus`)
	if err := guessNear(t, db, "x@example.com", at("203.0.113.9"), small); err != nil || counted() != 1 {
		t.Errorf("after an hour it has not counted: %v", err)
	}
}

// Sign-ups and requests for mail from an office follow the number of people there, and nobody else's do.
func TestAnOfficeMaySignUp(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	for addr, want := range map[string]int{"203.0.113.9": 100, "198.51.100.1": 5} {
		a := netip.MustParseAddr(addr)
		signed, asked := 0, 0
		for range 110 {
			if do(t, db, throttle.SignUps(a, 5, 0, offices).Take) == nil {
				signed++
			}
			if do(t, db, throttle.MailRequests(a, offices).Take) == nil {
				asked++
			}
		}
		if signed != want || asked != max(want, 20) {
			t.Errorf("%s: %d sign-ups and %d requests for mail", addr, signed, asked)
		}
	}
}
