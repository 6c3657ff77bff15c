package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
)

// An account is signed in to sixty times at once through each of its doors, and who uses that up at one of them keeps
// nobody out at another.
func TestRightPasswordsCountAtTheirDoor(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s)
	places := 0
	signIns := map[string]func() error{
		"any": func() error { // always from somewhere new
			places++
			_, err := from(s, fmt.Sprintf("203.0.%d.1", places), "", "ada@example.com", goodPassword)
			return err
		},
		"network": func() error { _, err := from(s, home, "", "ada@example.com", goodPassword); return err },
		"browser": func() error {
			issued, err := from(s, home, browser, "ada@example.com", goodPassword)
			if err == nil {
				browser = issued.Browser
			}
			return err
		},
	}
	for name, signIn := range signIns {
		exec(t, db, `DELETE FROM gatepost.throttle`)
		auth.CountProofs(t, s, "ada@example.com", name, 59)
		if err := signIn(); err != nil {
			t.Errorf("%s: the sixtieth: %v", name, err)
		}
		auth.CountProofs(t, s, "ada@example.com", name, 20)
		if err := signIn(); !isThrottled(err) {
			t.Errorf("%s: after many more: %v", name, err)
		}
		for other, signIn := range signIns {
			if err := signIn(); other != name && err != nil {
				t.Errorf("%s used up %s: %v", name, other, err)
			}
		}
	}
	// What is counted is each sign-in.
	exec(t, db, `DELETE FROM gatepost.throttle`)
	for range 3 {
		if err := signIns["network"](); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, "throttle WHERE failures = 3"); n != 3 { // the door, the address, its /24
		t.Errorf("%d rows say that it was three times", n)
	}
}

// A network has a rate of its own, over all accounts; a familiar browser does not wait for it. A wider network has
// several times as much.
func TestNetworksAreBounded(t *testing.T) {
	t.Parallel()
	counts := map[string]struct {
		most  int
		count func(testing.TB, *auth.Store, int, ...string)
	}{
		"right passwords": {120, func(t testing.TB, s *auth.Store, n int, list ...string) {
			auth.CountProofs(t, s, "", "", n, list...)
		}},
		"wrong passwords": {20, auth.CountFailures},
	}
	for name, c := range map[string]struct {
		address func(i int) string
		times   int
	}{
		"an address": {func(int) string { return attacker }, 1},
		"a /24":      {func(i int) string { return fmt.Sprintf("203.0.113.%d", i+1) }, 32},
		"a /64":      {func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }, 1},
		"a /56":      {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) }, 4},
		"a /48":      {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i*256) }, 16},
	} {
		for what, k := range counts {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				s, _ := authtest.NewStore(t)
				browser := ada(t, s)
				var others []string
				for i := range c.times {
					others = append(others, c.address(i))
				}
				next := c.address(c.times)
				k.count(t, s, k.most-1, others...)
				if _, err := from(s, next, "", "nobody@example.com", wrong); isThrottled(err) {
					t.Errorf("too early: %v", err)
				}
				k.count(t, s, k.most/2, others...)
				if _, err := from(s, next, "", "nobody@example.com", wrong); !isThrottled(err) {
					t.Errorf("the next was answered %v", err)
				}
				if _, err := from(s, cafe, "", "nobody@example.com", wrong); isThrottled(err) {
					t.Errorf("from elsewhere: %v", err)
				}
				if _, err := from(s, next, browser, "ada@example.com", goodPassword); err != nil {
					t.Errorf("in a familiar browser: %v", err)
				}
			})
		}
	}
}

// A user has so many sessions; the next one takes the place of those that were not used for longest, everywhere at
// once.
func TestAUsersSessionsAreCapped(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.SessionsPerUser = 3; o.SessionCache = 1 << 40 })
	first := signUp(t, s, "ada@example.com")
	signUp(t, s, "bea@example.com")
	for i := range 2 {
		if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
			t.Fatal(i, err)
		}
	}
	exec(t, db, `UPDATE gatepost.session SET last_used_at = last_used_at - interval '1 minute' WHERE token <> $1`,
		auth.HashOf(first))
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, `session s JOIN gatepost."user" u ON u.id = s.user_id AND u.email LIKE 'ada@%'`); n != 3 {
		t.Errorf("%d sessions, want 3", n)
	}
	if _, err := s.Lookup(t.Context(), first); err != nil {
		t.Errorf("the one used last is gone: %v", err)
	}
	exec(t, db, `UPDATE gatepost.session SET last_used_at = last_used_at - interval '1 minute' WHERE token = $1`,
		auth.HashOf(first))
	for range 3 {
		if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Lookup(t.Context(), first); err == nil {
		t.Error("the oldest is still there after three more")
	}
	if n := count(t, db, "session"); n != 4 {
		t.Errorf("%d sessions in all, want 4", n)
	}
	// One that is replaced makes room by itself.
	c := auth.Credentials{Email: "ada@example.com", Password: goodPassword, Client: here}
	issued, err := s.SignIn(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `
		UPDATE gatepost.session SET id = 'kept'
		WHERE id = (SELECT id FROM gatepost.session WHERE token <> $1 LIMIT 1)`, auth.HashOf(issued.Session))
	c.Presented = issued.Session
	if _, err := s.SignIn(t.Context(), c); err != nil || count(t, db, "session WHERE id = 'kept'") != 1 {
		t.Errorf("a session was ended without need: %v", err)
	}
}

// Whoever hangs up when their password has been hashed has had it: it counts, whatever it was.
func TestWhoHangsUpIsCounted(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]secret.Password{"a right password": goodPassword, "a wrong password": wrong} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			ada(t, s)
			exec(t, db, `DELETE FROM gatepost.throttle`)
			ctx, hangUp := context.WithCancel(t.Context())
			auth.AfterHashes(s, hangUp)
			if _, err := signIn(s, ctx, "ada@example.com", p); err == nil {
				t.Error("who hung up is signed in")
			}
			if n := count(t, db, "throttle WHERE failures = 1"); n != 3 { // the door, the address, its /24
				t.Errorf("%d rows say so", n)
			}
		})
	}
}

// A link that was hashed for is spent, though whoever sent it hung up: else it could be sent for ever.
func TestALinkOfWhoHangsUpIsSpent(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	ada(t, s)
	var id string
	if err := db.QueryRow(t.Context(), `SELECT id FROM gatepost."user"`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	l, err := s.ResetLink(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	auth.AfterHashes(s, hangUp)
	_, _ = s.ResetPassword(ctx, l, "another password 4", here)
	if _, err := s.Link(t.Context(), l); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the link: %v", err)
	}
}
