package throttle

import (
	"context"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/share"
)

// FailedSignIns returns the limit beyond which sign-ins from a network fail often: n times at once, and then n in an
// hour. In an office, on this machine and in a private network, where many people may have the address, it is more. 0:
// there is no limit.
func FailedSignIns(a netip.Addr, n int, o Offices) Limits {
	if n <= 0 {
		return nil
	}
	if p, ok := o.of(a); ok {
		return Limits{hourly(keyOf("failing", "office", p.String()), max(n, o.People))}
	}
	if share.Inner(a) {
		n = max(n, innerLimit)
	}
	return Limits{hourly(keyOf("failing", share.Narrowest(a)), n)}
}

// FailOften reports whether sign-ins fail often at a door of the account, n times in a row, or from the network. A
// familiar browser does not answer for its network.
func (d Doors) FailOften(ctx context.Context, db *database.DB, which Door, n int,
	network Limits) (yes bool, err error) {
	if which == BrowserDoor {
		network = nil
	}
	err = db.Again(ctx, func(ctx context.Context) error {
		return db.Pages.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM gatepost.throttle WHERE expires_at > now()
			    AND (key = $1 AND failures >= $2 OR key = ANY ($3) AND blocked_until > now()))`,
			d.failures[which], n, network.keys()).Scan(&yes)
	})
	return yes, db.Unavailable("ask the throttle", err)
}

// First reports whether nobody has used what an id stands for, which is remembered for the duration d.
func First(ctx context.Context, tx pgx.Tx, what, id string, d time.Duration) (bool, error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO gatepost.throttle (key, failures, blocked_until, expires_at)
		VALUES ($1, 1, now(), now() + $2::interval) ON CONFLICT (key) DO NOTHING`, keyOf("used", what, id), d)
	return tag.RowsAffected() == 1, err
}
