package throttle

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// Doors are the limits of one attempt at one account: those of each door, and those of the networks. Wrong and
// right passwords are counted apart, so that neither uses up the limit of the other.
type Doors struct {
	failures       map[Door]Key
	proofs         map[Door]Bucket
	failed, proved Limits // of networks
	atOffice       Key    // the account at the office of the client; nil: it is in none
	lasting        bool   // what forgives wrong passwords leaves the failures alone
}

// DoorsOf returns the limits of an attempt at the account of an address by a client, who may be in an office.
func DoorsOf(email string, c secret.Client, o Offices) Doors {
	return doorsOf("account", "proof", email, c, o)
}

// FactorDoors returns the limits of a code that a user types as their second factor, over all challenges. Wrong codes
// count for the networks as wrong passwords do, and passkeys that are proved as right passwords do. A new password
// forgives no wrong code: whoever reads a user's mail could guess without end.
func FactorDoors(userID string, c secret.Client, o Offices) Doors {
	d := doorsOf("factor", "factor-proof", userID, c, o)
	d.lasting = true
	return d
}

func doorsOf(failed, proved, account string, c secret.Client, o Offices) Doors {
	d := Doors{
		failures: map[Door]Key{
			AnyDoor:     keyOf(failed, account),
			NetworkDoor: keyOf(failed, account, "network", share.Narrowest(c.Addr)),
			BrowserDoor: keyOf(failed, account, "browser", c.Browser.Hash()),
		},
		proofs: map[Door]Bucket{},
		failed: o.perNetwork("sign-in", c.Addr, networkBurst, networkInterval, o.People),
		proved: o.perNetwork("proof", c.Addr, proofNetworkBurst, proofNetworkInterval, officeProofs*o.People),
	}
	if p, ok := o.of(c.Addr); ok {
		d.atOffice = keyOf(failed, account, "office", p.String())
	}
	for which, name := range doorNames {
		d.proofs[which] = Bucket{keyOf(proved, account, name), proofBurst, proofInterval}
	}
	return d
}

// ByLink returns the limits for an attempt with a link that was mailed to the address. At AnyDoor such attempts
// have a counter of their own, so that a stranger's guesses do not block them.
func (d Doors) ByLink(email string, link secret.Token) Doors {
	d.failures[AnyDoor] = keyOf("account", email, "link", link.Hash())
	return d
}

// Failures returns the key that counts the wrong passwords at a door of the account.
func (d Doors) Failures(which Door) Key { return d.failures[which] }

// Keys returns all keys that may count for an attempt, for every door.
func (d Doors) Keys() (keys []Key) {
	for which := range doorNames {
		keys = append(keys, d.Through(which)...)
	}
	return keys
}

// Through returns the keys that count for an attempt through a door. A familiar browser does not wait for attempts
// by others in its network.
func (d Doors) Through(which Door) []Key {
	keys := []Key{d.failures[which], d.proofs[which].Key}
	if which == BrowserDoor {
		return keys
	}
	return append(append(keys, d.failed.keys()...), d.proved.keys()...)
}

// Proof returns the limits that a right password counts against.
func (d Doors) Proof(which Door) Limits {
	if which == BrowserDoor {
		return Limits{d.proofs[which]}
	}
	return append(Limits{d.proofs[which]}, d.proved...)
}

// CountFailure counts a wrong password for the account, its place and its network. Addresses without a user, for
// which userID is empty, are counted in the same way.
func (d Doors) CountFailure(b *pgx.Batch, which Door, userID string, c secret.Client) {
	b.Queue(`
		INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at, user_id, bogus)
		VALUES ($1, 1, now(), now() + $5::interval, nullif($6::text, ''), $7)
		ON CONFLICT (key) DO UPDATE SET
		    failures = `+oneMore+`, user_id = excluded.user_id, bogus = excluded.bogus,
		    blocked_until = CASE WHEN `+oneMore+` < $2::int THEN now()
		        ELSE now() + least($3::interval * power(2, least(`+oneMore+` - $2::int, 20)), $4::interval) END,
		    expires_at = now() + $5::interval`,
		d.failures[which], accountFree, accountFirst, accountMost, accountMemory, d.forgivenWith(userID), userID == "")
	if which != AnyDoor {
		countUnfamiliar(b, userID, placeOf(which, c))
	}
	switch {
	case which == BrowserDoor:
	case d.atOffice != nil:
		d.oncePerAccount(b, userID == "")
	default:
		d.failed.Count(b)
	}
}

// forgivenWith returns whose failures are forgotten together with these; empty: nobody's.
func (d Doors) forgivenWith(userID string) string {
	if d.lasting {
		return ""
	}
	return userID
}

// Check fails with an *Error while an attempt through a door has to wait.
func (d Doors) Check(ctx context.Context, tx pgx.Tx, which Door) error {
	keys := d.Through(which)
	rows, err := tx.Query(ctx, waitsSQL, keys)
	if err != nil {
		return err
	}
	w, err := Collect(rows)
	if err != nil {
		return err
	}
	return w.Check(keys...)
}

// ForgiveDoor forgets the failures at a door, after a success there.
func (d Doors) ForgiveDoor(ctx context.Context, tx pgx.Tx, which Door) error {
	_, err := tx.Exec(ctx, `DELETE FROM gatepost.throttle WHERE key = $1`, d.failures[which])
	return err
}

// Forgive forgets the wrong passwords of a user, and those for the address from before the account existed.
func Forgive(b *pgx.Batch, userID, email string) {
	b.Queue(`DELETE FROM gatepost.throttle WHERE user_id = $1 OR key = $2`, userID, keyOf("account", email))
}
