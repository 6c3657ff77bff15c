package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

func TestAnAccountIsThrottledAlikeWhetherItExistsOrNot(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		for i := range 5 {
			spelled := strings.ToUpper(email[:i]) + email[i:] // spellings share one counter
			if _, err := signIn(s, t.Context(), spelled, "wrong password"); !errors.Is(err, auth.ErrBadCredentials) {
				t.Fatalf("%s, attempt %d: got %v, want ErrBadCredentials", email, i+1, err)
			}
		}
		var throttled *throttle.Error
		_, err := signIn(s, t.Context(), email, goodPassword)
		if !errors.As(err, &throttled) || throttled.RetryAfter < 25*time.Second ||
			throttled.RetryAfter > 30*time.Second {
			t.Errorf("%s: got %v, want to wait 30 s", email, err)
		}
	}
	// When the wait is over the right password works, and the count starts anew.
	exec(t, db, `UPDATE gatepost.throttle SET blocked_until = now()`)
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", "wrong password"); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("first failure after a success: %v", err)
	}
}

// from is an attempt from an address, in a browser that may be known.
func from(s *auth.Store, addr string, browser secret.Token, email string, p secret.Password) (auth.Issued, error) {
	return s.SignIn(context.Background(), auth.Credentials{Email: email, Password: p,
		Client: secret.Client{Addr: netip.MustParseAddr(addr), Browser: browser}})
}

const (
	home, cafe, attacker = "192.0.2.7", "198.51.100.1", "203.0.113.66" // home is where signUp signs up
	wrong                = secret.Password("wrong password")
)

// ada signs up at home and returns that browser.
func ada(t *testing.T, s *auth.Store) secret.Token {
	t.Helper()
	issued, err := s.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Password: goodPassword}, true, "", here)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Browser
}

func isThrottled(err error) bool {
	var throttled *throttle.Error
	return errors.As(err, &throttled)
}

// failUntilThrottled guesses from one place until it has to wait, and returns how often it could.
func failUntilThrottled(t *testing.T, s *auth.Store, addr string, browser secret.Token) int {
	t.Helper()
	for n := range 50 {
		_, err := from(s, addr, browser, "ada@example.com", wrong)
		if isThrottled(err) {
			return n
		}
		if !errors.Is(err, auth.ErrBadCredentials) {
			t.Fatalf("attempt %d: %v", n+1, err)
		}
	}
	t.Fatal("never throttled")
	return 0
}

func TestWhileStrangersGuessTheOwnerGetsInWhereSheWasBefore(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	browser := ada(t, s)
	if n := failUntilThrottled(t, s, attacker, ""); n != 5 {
		t.Errorf("a stranger had %d guesses, want 5", n)
	}
	if _, err := from(s, cafe, "", "ada@example.com", goodPassword); !isThrottled(err) {
		t.Errorf("the right password from a strange place: got %v, want to wait", err)
	}
	if _, err := from(s, home, "", "ada@example.com", goodPassword); err != nil {
		t.Errorf("in a strange browser at home: %v", err)
	}
	if _, err := from(s, cafe, browser, "ada@example.com", goodPassword); err != nil {
		t.Errorf("in Ada's own browser at a café: %v", err)
	}
	if _, err := from(s, cafe, "", "ada@example.com", goodPassword); err != nil {
		t.Errorf("at the café, where Ada has been now: %v", err)
	}
	if _, err := from(s, attacker, "", "ada@example.com", goodPassword); !isThrottled(err) {
		t.Errorf("Ada's success opened the strangers' door: %v", err)
	}
}

func TestAFamiliarPlaceWaitsForItsOwnFailuresOnly(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s)
	if n := failUntilThrottled(t, s, home, browser); n != 5 {
		t.Errorf("Ada's browser had %d guesses, want 5", n)
	}
	if _, err := from(s, home, "", "ada@example.com", goodPassword); err != nil {
		t.Errorf("another browser at home: %v", err)
	}
	exec(t, db, `UPDATE gatepost.throttle SET blocked_until = now()`)
	if _, err := from(s, home, browser, "ada@example.com", goodPassword); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestAFamiliarPlaceThatKeepsFailingIsOneNoMore(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s)
	for range 20 {
		exec(t, db, `DELETE FROM gatepost.throttle`) // as if a day had passed
		if _, err := from(s, cafe, browser, "ada@example.com", wrong); !errors.Is(err, auth.ErrBadCredentials) {
			t.Fatal(err)
		}
	}
	failUntilThrottled(t, s, attacker, "")
	if _, err := from(s, cafe, browser, "ada@example.com", goodPassword); !isThrottled(err) {
		t.Errorf("got %v, want to wait as a stranger", err)
	}
	if n := count(t, db, "familiar"); n != 1 { // home
		t.Errorf("%d familiar places are left, want 1", n)
	}
}

func TestAfterAHundredFailuresStrangersAreLetInNoMore(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	ada(t, s)
	fresh := func() { exec(t, db, `DELETE FROM gatepost.throttle`) }
	hundred := func() {
		exec(t, db, `UPDATE gatepost.account SET failed_attempts = 99`)
		if _, err := from(s, attacker, "", "ada@example.com", wrong); !errors.Is(err, auth.ErrBadCredentials) {
			t.Fatal(err)
		}
		fresh()
	}
	strangerGetsIn := func() bool {
		_, err := from(s, attacker, "", "ada@example.com", goodPassword)
		if err != nil && !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("the answer tells that the password is locked: %v", err)
		}
		return err == nil
	}
	exec(t, db, `UPDATE gatepost.account SET failed_attempts = 99`)
	if !strangerGetsIn() {
		t.Error("locked before a hundred failures")
	}

	hundred()
	exec(t, db, `DELETE FROM gatepost.familiar`)
	if strangerGetsIn() {
		t.Error("a right password at 101 from a strange place")
	}
	u, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil || !u.PasswordLocked {
		t.Errorf("the operator does not see it: %+v, %v", u, err)
	}
	if err := s.Enable(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if !strangerGetsIn() {
		t.Error("enabled, and still locked")
	}
	exec(t, db, `DELETE FROM gatepost.familiar`)
	hundred()
	if err := s.SetPassword(t.Context(), u.ID, goodPassword); err != nil {
		t.Fatal(err)
	}
	if !strangerGetsIn() {
		t.Error("a new password, and still locked")
	}
}

func TestOnceLockedTheOwnersBrowserUnlocks(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s)
	exec(t, db, `UPDATE gatepost.account SET failed_attempts = 150`)
	if _, err := from(s, cafe, browser, "ada@example.com", goodPassword); err != nil {
		t.Fatalf("in Ada's own browser: %v", err)
	}
	if _, err := from(s, attacker, "", "ada@example.com", goodPassword); err != nil {
		t.Errorf("the run of failures has not ended: %v", err)
	}
}

func TestAFamiliarBrowserDoesNotWaitForItsNetwork(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	browser := ada(t, s)
	for i := range 20 {
		_, _ = from(s, cafe, "", fmt.Sprintf("u%d@example.com", i), wrong)
	}
	if _, err := from(s, cafe, "", "other@example.com", wrong); !isThrottled(err) {
		t.Fatalf("the network is not throttled: %v", err)
	}
	if _, err := from(s, cafe, browser, "ada@example.com", goodPassword); err != nil {
		t.Errorf("Ada's own browser: %v", err)
	}
	if _, err := from(s, cafe, browser, "other@example.com", wrong); !isThrottled(err) {
		t.Errorf("Ada's browser opens other accounts: %v", err)
	}
}

// A token planted in a browser is worth nothing after a sign-in there, and who shares a browser stays known in it.
func TestABrowsersTokenIsNewAtEachSignIn(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	first := ada(t, s)
	bob, err := s.SignUp(t.Context(), auth.NewUser{Email: "bob@example.com", Password: goodPassword}, true, "",
		secret.Client{Addr: here.Addr, Browser: first})
	if err != nil || bob.Browser == first || bob.Browser == "" {
		t.Fatalf("the token is not new (%v)", err)
	}
	exec(t, db, `UPDATE gatepost.account SET failed_attempts = 100`)
	if _, err := from(s, cafe, first, "ada@example.com", goodPassword); err == nil {
		t.Error("the old token is still known")
	}
	if _, err := from(s, cafe, bob.Browser, "ada@example.com", goodPassword); err != nil {
		t.Errorf("ada is a stranger in the browser shared with bob: %v", err)
	}
}

func TestMadeUpNamesFillNoTableAndLockNobodyOut(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	ada(t, s)
	for i := range 30 {
		_, _ = from(s, fmt.Sprintf("203.0.113.%d", i), "", fmt.Sprintf("made-up-%d@example.com", i), wrong)
	}
	_, _ = from(s, attacker, "", "ada@example.com", wrong)
	exec(t, db, `
		INSERT INTO gatepost.throttle (key, failures, blocked_until, expires_at, bogus)
		SELECT sha256(n::text::bytea), 1, now(), now() + interval '24 hours' - n * interval '1 millisecond', true
		FROM generate_series(1, 101000) n`)
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var bogus, real int
	err := db.QueryRow(t.Context(), `
		SELECT count(*) FILTER (WHERE bogus), count(*) FILTER (WHERE user_id IS NOT NULL)
		FROM gatepost.throttle`).Scan(&bogus, &real)
	if err != nil || bogus != 100_000 || real != 1 {
		t.Errorf("%d rows of made-up names and %d of users are left, want 100000 and 1 (%v)", bogus, real, err)
	}
	if _, err := from(s, cafe, "", "ada@example.com", goodPassword); err != nil {
		t.Errorf("a good user: %v", err)
	}
}

func TestTwoGatesCountTogether(t *testing.T) {
	t.Parallel()
	one, db := authtest.NewStore(t)
	two := auth.New(db, auth.Options{AnswerStep: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	defer two.Close()
	ada(t, one)
	gates := []*auth.Store{one, two}
	for i := range 5 {
		if _, err := from(gates[i%2], attacker, "", "ada@example.com", wrong); !errors.Is(err, auth.ErrBadCredentials) {
			t.Fatal(err)
		}
	}
	for i, s := range gates {
		if _, err := from(s, attacker, "", "ada@example.com", goodPassword); !isThrottled(err) {
			t.Errorf("gate %d: got %v, want to wait", i+1, err)
		}
	}
}

func TestRefusedSignInsAnswerAtTheNextStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			work time.Duration
			err  error
			want time.Duration // and up to half a step more for a refusal
		}{
			{30 * time.Millisecond, auth.ErrBadCredentials, 250 * time.Millisecond},
			{260 * time.Millisecond, auth.ErrBadCredentials, 500 * time.Millisecond},
			{time.Millisecond, &throttle.Error{}, 250 * time.Millisecond},
			{30 * time.Millisecond, nil, 30 * time.Millisecond},
			{30 * time.Millisecond, share.ErrBusy, 30 * time.Millisecond},
		} {
			began := time.Now()
			time.Sleep(c.work) // the bubble's clock
			auth.Settle(t.Context(), began, 250*time.Millisecond, c.err)
			late := 125 * time.Millisecond
			if c.want == c.work {
				late = 0
			}
			if got := time.Since(began); got < c.want || got > c.want+late {
				t.Errorf("%v after %v of work: answered after %v, want %v", c.err, c.work, got, c.want)
			}
		}
	})
}

// The time of a refusal must not tell whether the account exists. Two kinds of refusal, interleaved, are compared by
// their ranks (Mann-Whitney), which knows nothing of how fast the machine is.
func TestTheTimeOfARefusalTellsNothing(t *testing.T) {
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.AnswerStep = 75 * time.Millisecond })
	for _, email := range []string{"ada@example.com", "off@example.com", "loc@example.com", "bare@example.com"} {
		signUp(t, s, email)
	}
	exec(t, db, `UPDATE gatepost."user" SET disabled_at = now() WHERE email = 'off@example.com'`)
	exec(t, db, `
		UPDATE gatepost.account SET password = NULL
		WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = 'bare@example.com')`)
	exec(t, db, `DELETE FROM gatepost.familiar`)
	kinds := []struct {
		email    string
		password secret.Password
	}{{"nobody@example.com", goodPassword}, {"ada@example.com", wrong}, {"off@example.com", goodPassword},
		{"loc@example.com", goodPassword}, {"bare@example.com", goodPassword}}
	times := make([][]time.Duration, len(kinds))
	for range 25 {
		exec(t, db, `
			UPDATE gatepost.account SET failed_attempts = 1000
			WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = 'loc@example.com')`)
		exec(t, db, `DELETE FROM gatepost.throttle`)
		for i, k := range kinds {
			began := time.Now()
			_, err := from(s, attacker, "", k.email, k.password)
			times[i] = append(times[i], time.Since(began))
			if !errors.Is(err, auth.ErrBadCredentials) {
				t.Fatalf("%s: %v", k.email, err)
			}
		}
	}
	for i, k := range kinds[1:] {
		if z := rankTest(times[0], times[i+1]); z < -4 || z > 4 {
			t.Errorf("%s can be told from an unknown address: z = %.1f, %v against %v", k.email,
				z, times[i+1], times[0])
		}
	}
}

// rankTest is the normal approximation of the Mann-Whitney U test: how many standard deviations the ranks of a lie from
// where they would be if a and b were alike.
func rankTest(a, b []time.Duration) float64 {
	all := slices.Sorted(slices.Values(append(slices.Clone(a), b...)))
	sum := 0.0
	for _, d := range a {
		first, _ := slices.BinarySearch(all, d)
		last, _ := slices.BinarySearch(all, d+1)
		sum += float64(first+last+1) / 2
	}
	n, m := float64(len(a)), float64(len(b))
	return (sum - n*(n+m+1)/2) / math.Sqrt(n*m*(n+m+1)/12)
}
