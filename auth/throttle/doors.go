package throttle

import (
	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// doors are the limits of one attempt at one account: of the door it came through, and of the networks. Wrong passwords
// and right ones are counted apart, so that neither uses up what there is for the other.
type Doors struct {
	failures       map[Door]Key
	proofs         map[Door]Bucket
	Failed, Proved Limits // of networks
}

func DoorsOf(email string, c secret.Client) Doors {
	d := Doors{
		failures: map[Door]Key{
			AnyDoor:     KeyOf("account", email),
			NetworkDoor: KeyOf("account", email, "network", share.Narrowest(c.Addr)),
			BrowserDoor: KeyOf("account", email, "browser", c.Browser.Hash()),
		},
		proofs: map[Door]Bucket{},
		Failed: perNetwork("sign-in", c.Addr, networkBurst, networkInterval),
		Proved: perNetwork("proof", c.Addr, proofNetworkBurst, proofNetworkInterval),
	}
	for which, name := range doorNames {
		d.proofs[which] = Bucket{KeyOf("proof", email, name), proofBurst, proofInterval}
	}
	return d
}

// ByLink is for attempts that bring a link that was mailed to the address: at the door of strangers they are counted by
// themselves, so that no guesses of others keep them out.
func (d Doors) ByLink(email string, link secret.Token) Doors {
	d.failures[AnyDoor] = KeyOf("account", email, "link", link.Hash())
	return d
}

// Failures is what counts the wrong passwords at a door of the account.
func (d Doors) Failures(which Door) Key { return d.failures[which] }

// Keys are all that count for an attempt, whatever door it turns out to come through.
func (d Doors) Keys() (keys []Key) {
	for which := range doorNames {
		keys = append(keys, d.Through(which)...)
	}
	return keys
}

// Through are the keys that count for an attempt through a door. A familiar browser does not wait for what others in
// its network do.
func (d Doors) Through(which Door) []Key {
	keys := []Key{d.failures[which], d.proofs[which].Key}
	if which == BrowserDoor {
		return keys
	}
	return append(append(keys, d.Failed.keys()...), d.Proved.keys()...)
}

// Proof is what a right password counts for.
func (d Doors) Proof(which Door) Limits {
	if which == BrowserDoor {
		return Limits{d.proofs[which]}
	}
	return append(Limits{d.proofs[which]}, d.Proved...)
}

// CountFailure writes down a wrong password of a user, for the account, the place it came from and the network. Names
// nobody has, of which the user is empty, are counted alike.
func (d Doors) CountFailure(b *pgx.Batch, which Door, userID string, c secret.Client) {
	b.Queue(`
		INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at, user_id, bogus)
		VALUES ($1, 1, now(), now() + $5::interval, nullif($6::text, ''), $6 = '')
		ON CONFLICT (key) DO UPDATE SET
		    failures = `+oneMore+`, user_id = excluded.user_id, bogus = excluded.bogus,
		    blocked_until = CASE WHEN `+oneMore+` < $2::int THEN now()
		        ELSE now() + least($3::interval * power(2, least(`+oneMore+` - $2::int, 20)), $4::interval) END,
		    expires_at = now() + $5::interval`,
		d.failures[which], accountFree, accountFirst, accountMost, accountMemory, userID)
	if which != AnyDoor {
		countUnfamiliar(b, userID, placeOf(which, c))
	}
	if which != BrowserDoor {
		d.Failed.Count(b)
	}
}

// Forgive forgets the wrong passwords for a user, and those for the address from before there was the account.
func Forgive(b *pgx.Batch, userID, email string) {
	b.Queue(`DELETE FROM gatepost.throttle WHERE user_id = $1 OR key = $2`, userID, KeyOf("account", email))
}
