package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
)

// Numbers of the throttle. They are documented in docs/security.md.
const (
	// An account takes this many wrong passwords in a row, then one after each wait, which doubles from the first to
	// the longest. NIST SP 800-63B-4 section 3.2.2 names "30 seconds up to an hour".
	accountFree  = 5
	accountFirst = 30 * time.Second
	accountMost  = time.Hour
	// accountMemory is how long the waits are remembered when no more failures come.
	accountMemory = 24 * time.Hour
	// accountLimit is how many wrong passwords in a row, from wherever, leave an account open to familiar places only
	// (NIST SP 800-63B-4 section 3.2.2: at most 100). It is never forgotten, only ended by a success.
	accountLimit = 100
	// placeLimit is how many a familiar place may send in a row before it is one no more.
	placeLimit = 20
	// bogusRows bounds the rows kept for names nobody has.
	bogusRows = 100_000

	// A network (an IPv4 address or an IPv6 /64) may fail this often at once, and then once per interval: 100 in an hour.
	networkBurst    = 20
	networkInterval = 45 * time.Second

	// innerSignUps is how many users may sign up at once from this machine or a private network, and then in an hour: as a
	// rule a proxy that was not listed stands there, and speaks for everybody.
	innerSignUps = 100
)

// throttleKey is the SHA-256 of what is counted: an address typed into the wrong field may be a password.
type throttleKey []byte

func hashKey(parts ...string) throttleKey {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part + "\x00"))
	}
	return h.Sum(nil)
}

// network is what counts as one client: whoever has one address of an IPv6 /64 has them all.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	return a.String()
}

// doors are the throttle keys of one attempt at one account: the door it came through, and the network's own.
type doors struct {
	account map[door]throttleKey
	network throttleKey
}

func doorsOf(email string, c Client) doors {
	return doors{
		account: map[door]throttleKey{
			anyDoor:     hashKey("account", email),
			networkDoor: hashKey("account", email, "network", network(c.Addr)),
			browserDoor: hashKey("account", email, "browser", c.Browser.hash()),
		},
		network: hashKey("sign-in", network(c.Addr)),
	}
}

func (d doors) all() []throttleKey {
	return []throttleKey{d.account[anyDoor], d.account[networkDoor], d.account[browserDoor], d.network}
}

// through are the keys that count for an attempt through a door. A familiar browser does not wait for what others in its
// network do.
func (d doors) through(which door) []throttleKey {
	if which == browserDoor {
		return []throttleKey{d.account[which]}
	}
	return []throttleKey{d.account[which], d.network}
}

// waits are the seconds for which keys are blocked.
type waits map[string]int

const waitsSQL = `
	SELECT key, ceil(extract(epoch FROM blocked_until - now()))::int
	FROM gatepost.throttle WHERE key = ANY ($1) AND blocked_until > now()`

func collectWaits(rows pgx.Rows) (waits, error) {
	w := waits{}
	var key []byte
	var seconds int
	_, err := pgx.ForEachRow(rows, []any{&key, &seconds}, func() error { w[string(key)] = seconds; return nil })
	return w, err
}

// check fails with a ThrottledError while any of the keys must wait.
func (w waits) check(keys ...throttleKey) error {
	longest := 0
	for _, key := range keys {
		longest = max(longest, w[string(key)])
	}
	if longest == 0 {
		return nil
	}
	return &ThrottledError{RetryAfter: time.Duration(longest) * time.Second}
}

// countFailure writes down a wrong password, for the account, the place and the network it came from. Names nobody has
// are counted alike.
func (s *Store) countFailure(ctx context.Context, a candidate, d doors) error {
	return s.count(ctx, func(b *pgx.Batch) {
		// In the order in which a sign-in takes its locks, or the two would wait for each other.
		b.Queue(`
			UPDATE gatepost.account SET failed_attempts = failed_attempts + 1
			WHERE user_id = $1 AND provider_id = 'credential'`, a.userID)
		b.Queue(`
			INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at, user_id, bogus)
			VALUES ($1, 1, now(), now() + $5::interval, nullif($6::text, ''), $6 = '')
			ON CONFLICT (key) DO UPDATE SET
			    failures = t.failures + 1, user_id = excluded.user_id, bogus = excluded.bogus,
			    blocked_until = CASE WHEN t.failures + 1 < $2::int THEN now()
			        ELSE now() + least($3::interval * power(2, least(t.failures + 1 - $2::int, 20)), $4::interval) END,
			    expires_at = now() + $5::interval`,
			d.account[a.door], accountFree, accountFirst, accountMost, accountMemory, a.userID)
		if a.door != anyDoor {
			queueUnfamiliar(b, a)
		}
		if a.door != browserDoor {
			queueBucket(b, d.network, networkBurst, networkInterval)
		}
	})
}

// bucket is one limit on sign-ups.
type bucket struct {
	key   throttleKey
	limit int // at once, and then in an hour
}

// signUpBuckets are the limits that a sign-up from an address counts against.
func (s *Store) signUpBuckets(a netip.Addr) []bucket {
	var list []bucket
	if limit := s.o.SignUpLimit; limit > 0 {
		if a = a.Unmap(); !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() {
			limit = max(limit, innerSignUps)
		}
		list = append(list, bucket{hashKey("sign-up", network(a)), limit})
	}
	if s.o.SignUpTotal > 0 {
		list = append(list, bucket{hashKey("sign-up"), s.o.SignUpTotal})
	}
	return list
}

// admitSignUp fails with a ThrottledError while one of the limits is reached.
func (s *Store) admitSignUp(ctx context.Context, buckets []bucket) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var keys []throttleKey
	for _, b := range buckets {
		keys = append(keys, b.key)
	}
	var w waits
	err := s.again(ctx, func() error {
		rows, err := s.db.Query(ctx, waitsSQL, keys)
		if err != nil {
			return err
		}
		w, err = collectWaits(rows)
		return err
	})
	if err != nil {
		return s.unavailable("ask the throttle", err)
	}
	return w.check(keys...)
}

// countSignUp writes down a sign-up, successful or not.
func (s *Store) countSignUp(ctx context.Context, buckets []bucket) error {
	return s.count(ctx, func(b *pgx.Batch) {
		for _, bu := range buckets {
			queueBucket(b, bu.key, bu.limit, time.Hour/time.Duration(bu.limit))
		}
	})
}

func (s *Store) count(ctx context.Context, queue func(*pgx.Batch)) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	b := &pgx.Batch{}
	queue(b)
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return s.unavailable("count an attempt", err)
	}
	return nil
}

// queueBucket is a leaky bucket in one column: blocked_until moves one interval further with each attempt, and starts so
// far in the past that the last attempt of the burst is the one that takes it beyond now.
func queueBucket(b *pgx.Batch, key throttleKey, burst int, interval time.Duration) {
	room := time.Duration(burst-2) * interval
	b.Queue(`
		INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at)
		VALUES ($1, 1, now() - $2::interval, now() + $3::interval)
		ON CONFLICT (key) DO UPDATE SET
		    failures = t.failures + 1,
		    blocked_until = greatest(t.blocked_until, now() - $2::interval - $3::interval) + $3::interval,
		    expires_at = greatest(t.blocked_until, now() - $2::interval - $3::interval) + 2 * $3::interval + $2::interval`,
		key, room, interval)
}

// settle holds a refused attempt back until a multiple of step has passed since it began, so that the time it took does
// not tell why: an account that exists costs one row more than one that does not. Chance adds up to half a step, or those
// who came together would be answered, and come back, together.
func settle(ctx context.Context, began time.Time, step time.Duration, err error) {
	var throttled *ThrottledError
	if !errors.Is(err, ErrBadCredentials) && !errors.As(err, &throttled) {
		return
	}
	wait(ctx, step-time.Since(began)%step+chance(step/2))
}
