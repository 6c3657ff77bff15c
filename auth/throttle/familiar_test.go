package throttle_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
)

func TestAnAccountKeepsItsLatestPlaces(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	var last secret.Token
	for i := range 13 { // two places each
		err := do(t, db, func(ctx context.Context, tx pgx.Tx) (err error) {
			last, err = throttle.Befriend(ctx, tx, "ada", at(fmt.Sprintf("198.51.100.%d", i)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, "familiar"); n != 20 {
		t.Errorf("%d places are kept, want 20", n)
	}
	for addr, want := range map[string]int{"198.51.100.12": 1, "198.51.100.0": 0} {
		if n := count(t, db, "familiar WHERE place = $1", throttle.NetworkPlace(at(addr))); n != want {
			t.Errorf("%s is kept %d times, want %d", addr, n, want)
		}
	}
	err := do(t, db, func(ctx context.Context, tx pgx.Tx) error {
		c := at("203.0.113.66")
		c.Browser = last
		known, err := throttle.Familiar(ctx, tx, "ada", c)
		if !known {
			t.Error("the latest browser is forgotten")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
