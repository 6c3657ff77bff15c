package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
)

func TestMain(m *testing.M) { authtest.Main(m) }

// newDB is a database of its own, with Ada in it.
func newDB(t *testing.T) *database.DB {
	t.Helper()
	db := database.New(authtest.NewPool(t), database.Options{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(db.Close)
	exec(t, db, `INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com')`)
	return db
}

func exec(t *testing.T, db *database.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Pages.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, db *database.DB, table string, args ...any) (n int) {
	t.Helper()
	if err := db.Pages.QueryRow(t.Context(), "SELECT count(*) FROM gatepost."+table, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// do runs f as a deed does.
func do(t *testing.T, db *database.DB, f func(context.Context, pgx.Tx) error) error {
	t.Helper()
	return db.Transact(t.Context(), "try", f)
}

func at(addr string) secret.Client { return secret.Client{Addr: netip.MustParseAddr(addr)} }

func isThrottled(err error) bool {
	var throttled *throttle.Error
	return errors.As(err, &throttled)
}

// guess is a wrong password for an address that nobody has, from a strange place, unless it has to wait.
func guess(t *testing.T, db *database.DB, email string, c secret.Client) error {
	t.Helper()
	return guessNear(t, db, email, c, throttle.Offices{})
}

// guessNear is guess where there are offices.
func guessNear(t *testing.T, db *database.DB, email string, c secret.Client, offices throttle.Offices) error {
	t.Helper()
	d := throttle.DoorsOf(email, c, offices)
	return do(t, db, func(ctx context.Context, tx pgx.Tx) error {
		b := &pgx.Batch{}
		throttle.Ask(b, d.Through(throttle.AnyDoor))
		answers := tx.SendBatch(ctx, b)
		rows, _ := answers.Query() // its error comes with the rows
		waits, err := throttle.Collect(rows)
		if err = errors.Join(err, answers.Close()); err != nil {
			return err
		}
		if err := waits.Check(d.Through(throttle.AnyDoor)...); err != nil {
			return err
		}
		b = &pgx.Batch{}
		d.CountFailure(b, throttle.AnyDoor, "", c)
		return tx.SendBatch(ctx, b).Close()
	})
}

func TestTheWaitDoublesUpToAnHour(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	for n, want := range map[int]int{4: 30, 5: 60, 8: 480, 11: 3600, 60: 3600} {
		exec(t, db, `DELETE FROM gatepost.throttle`)
		first := guess(t, db, "x@example.com", at("192.0.2.7"))
		exec(t, db, `
			UPDATE gatepost.throttle SET failures = $1, blocked_until = now() - interval '1 hour'
			WHERE failures = 1`, n)
		if err := errors.Join(first, guess(t, db, "x@example.com", at("192.0.2.7"))); err != nil {
			t.Fatal(err)
		}
		var seconds int
		err := db.Pages.QueryRow(t.Context(),
			`SELECT extract(epoch FROM max(blocked_until) - now())::int FROM gatepost.throttle WHERE failures = $1`,
			n+1).Scan(&seconds)
		if err != nil || seconds < want-5 || seconds > want {
			t.Errorf("after %d failures: got a wait of %d s, want %d (%v)", n+1, seconds, want, err)
		}
	}
}

func TestANetworkIsThrottledAcrossAccounts(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	attempt := func(i int, addr string) error { return guess(t, db, fmt.Sprintf("u%d@example.com", i), at(addr)) }
	for i := range 20 {
		// One /64, in whatever spelling, is one network.
		if err := attempt(i, fmt.Sprintf("2001:db8:1:2::%x", i+1)); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	if err := attempt(99, "2001:db8:1:2:ffff::1"); !isThrottled(err) {
		t.Errorf("attempt 21 of the network: got %v, want to be throttled", err)
	}
	if err := attempt(99, "2001:db8:1:3::1"); err != nil {
		t.Errorf("another network: got %v", err)
	}
}

func TestSignUpsAreLimitedByNetworkAndAltogether(t *testing.T) {
	t.Parallel()
	signUps := func(db *database.DB, addr string, total int) (allowed int) {
		for range 8 {
			err := do(t, db, throttle.SignUps(netip.MustParseAddr(addr), 5, total, throttle.Offices{}).Take)
			if err == nil {
				allowed++
			} else if !isThrottled(err) {
				t.Fatal(err)
			}
		}
		return allowed
	}
	db := newDB(t)
	for _, c := range []struct {
		addr string
		want int
	}{{"198.51.100.1", 5}, {"2001:db8::1", 5}, {"2001:db8::2", 0}, {"2001:db8:0:1::1", 5}, {"127.0.0.1", 8},
		{"::ffff:10.1.2.3", 8}} {
		if got := signUps(db, c.addr, 0); got != c.want {
			t.Errorf("%s: %d sign-ups, want %d", c.addr, got, c.want)
		}
	}
	db = newDB(t)
	if got := signUps(db, "198.51.100.1", 7) + signUps(db, "192.0.2.7", 7); got != 7 {
		t.Errorf("%d sign-ups altogether, want 7", got)
	}
}

// What is no limit any more goes, and what is one stays.
func TestSweepForgetsWhatHasExpired(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	for _, expires := range []time.Duration{-time.Minute, time.Minute} {
		for _, sql := range []string{
			`familiar (place, expires_at, user_id) VALUES ($1, now() + $2::interval, 'ada')`,
			`signup_browser (place, expires_at, user_id) VALUES ($1, now() + $2::interval, 'ada')`,
			`throttle (key, expires_at, failures, blocked_until) VALUES ($1, now() + $2::interval, 1, now())`,
		} {
			exec(t, db, `INSERT INTO gatepost.`+sql, []byte(expires.String()), expires)
		}
	}
	if n, err := throttle.Sweep(t.Context(), db); n != 3 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	for _, table := range []string{"familiar", "signup_browser", "throttle"} {
		if n := count(t, db, table+" WHERE expires_at > now()"); n != 1 || count(t, db, table) != 1 {
			t.Errorf("%s: %d of %d rows are valid", table, n, count(t, db, table))
		}
	}
}
