package throttle_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
)

// Sign-ins fail often where an address, with or without an account, has failed so many times in a row, and in a network
// that has, whatever addresses it tries. A browser that the account knows does not answer for its network.
func TestWhereSignInsFailOften(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	const most = 3
	fails := func(email, addr string, which throttle.Door) bool {
		t.Helper()
		network := throttle.FailedSignIns(netip.MustParseAddr(addr), most, offices)
		yes, err := throttle.DoorsOf(email, at(addr), offices).FailOften(t.Context(), db, which, most, network)
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	fail := func(email, userID, addr string) {
		t.Helper()
		err := do(t, db, func(ctx context.Context, tx pgx.Tx) error {
			b := &pgx.Batch{}
			throttle.DoorsOf(email, at(addr), offices).CountFailure(b, throttle.AnyDoor, userID, secret.Client{})
			throttle.FailedSignIns(netip.MustParseAddr(addr), most, offices).Count(b)
			return tx.SendBatch(ctx, b).Close()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const stranger, office, inner = "198.51.100.1", "203.0.113.9", "127.0.0.1"
	for n := range most {
		if fails("x@example.com", stranger, throttle.AnyDoor) {
			t.Errorf("after %d failures", n)
		}
		fail("x@example.com", "", stranger)
	}
	for _, c := range []struct {
		email, addr string
		which       throttle.Door
		want        bool
	}{
		{"x@example.com", stranger, throttle.AnyDoor, true}, {"x@example.com", "192.0.2.7", throttle.AnyDoor, true},
		{"y@example.com", stranger, throttle.AnyDoor, true}, {"y@example.com", "192.0.2.7", throttle.AnyDoor, false},
		{"ada@example.com", stranger, throttle.NetworkDoor, true}, {"ada@example.com", stranger, throttle.BrowserDoor, false},
	} {
		if got := fails(c.email, c.addr, c.which); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
	for range 10 {
		fail("x@example.com", "", office)
		fail("x@example.com", "", inner)
	}
	for _, many := range []string{office, inner} {
		if fails("y@example.com", many, throttle.AnyDoor) {
			t.Errorf("many people share %s", many)
		}
	}
	exec(t, db, `UPDATE gatepost.throttle SET blocked_until = now() - interval '1 s' WHERE blocked_until > now()`)
	if fails("y@example.com", stranger, throttle.AnyDoor) {
		t.Error("a network is asked for ever")
	}
	if throttle.FailedSignIns(netip.MustParseAddr(stranger), 0, offices) != nil {
		t.Error("without a number there is a limit")
	}
}

// What was used is remembered for a while, for itself alone.
func TestWhatIsUsedOnce(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	for i, want := range []bool{true, false} {
		err := do(t, db, func(ctx context.Context, tx pgx.Tx) error {
			for _, id := range []string{"a", "b"} {
				if first, err := throttle.First(ctx, tx, "x", id, 1e9); first != want || err != nil {
					t.Errorf("%s, use %d: %t, %v", id, i+1, first, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
