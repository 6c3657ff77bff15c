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

	// innerLimit is how many users may sign up at once from this machine or a private network, and then in an hour, and how
	// many may ask for mail: as a rule a proxy that was not listed stands there, and speaks for everybody.
	innerLimit = 100

	// Mail that somebody asked for without a password: for an address one in a minute and five in an hour, for a network
	// twenty in an hour.
	mailMinute  = time.Minute
	mailHourly  = 5
	mailNetwork = 20
)

// throttleKey is the SHA-256 of what is counted: an address typed into the wrong field may be a password. A type of its own could
// not be sent through a pooler, where pgx cannot ask what PostgreSQL wants.
type throttleKey = []byte

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
			queueBucket(b, bucket{d.network, networkBurst, networkInterval})
		}
	})
}

// bucket is one limit on what may be done once in an interval, and burst times at once.
type bucket struct {
	key      throttleKey
	burst    int
	interval time.Duration
}

// hourly is a limit on how often at once, and then in an hour.
func hourly(key throttleKey, limit int) bucket {
	return bucket{key, limit, time.Hour / time.Duration(limit)}
}

// inner says that an address is this machine's, or one of a private network.
func inner(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}

// mailBuckets are the limits on mail to an address. There are several, so that nobody keeps its owner from a link or a warning by
// having other mail sent.
func mailBuckets(kind MailKind, email string) []bucket {
	class := "told"
	switch kind {
	case MailReset, MailVerify:
		class = "link"
	case MailSignIn:
		class = "warning"
	}
	return []bucket{{hashKey("mail", email, class, "minute"), 1, mailMinute}, hourly(hashKey("mail", email, class, "hour"), mailHourly)}
}

// mailRequests is the limit on requests for mail from an address.
func mailRequests(a netip.Addr) bucket {
	limit := mailNetwork
	if inner(a) {
		limit = innerLimit
	}
	return hourly(hashKey("mail-requests", network(a)), limit)
}

// signUpBuckets are the limits that a sign-up from an address counts against.
func (s *Store) signUpBuckets(a netip.Addr) []bucket {
	var list []bucket
	if limit := s.o.SignUpLimit; limit > 0 {
		if inner(a) {
			limit = max(limit, innerLimit)
		}
		list = append(list, hourly(hashKey("sign-up", network(a)), limit))
	}
	if s.o.SignUpTotal > 0 {
		list = append(list, hourly(hashKey("sign-up"), s.o.SignUpTotal))
	}
	return list
}

// admitBuckets fails with a ThrottledError while one of the limits is reached.
func (s *Store) admitBuckets(ctx context.Context, buckets []bucket) error {
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
			queueBucket(b, bu)
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

// bucketSQL is a leaky bucket in one column: blocked_until moves one interval further with each attempt, and starts so far in
// the past that the last attempt of the burst is the one that takes it beyond now. $1 key, $2 room, $3 interval.
const bucketSQL = `
	INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at)
	VALUES ($1, 1, now() - $2::interval, now() + $3::interval)
	ON CONFLICT (key) DO UPDATE SET
	    failures = t.failures + 1,
	    blocked_until = greatest(t.blocked_until, now() - $2::interval - $3::interval) + $3::interval,
	    expires_at = greatest(t.blocked_until, now() - $2::interval - $3::interval) + 2 * $3::interval + $2::interval`

func (b bucket) args() []any {
	return []any{b.key, time.Duration(b.burst-2) * b.interval, b.interval}
}

func queueBucket(b *pgx.Batch, bu bucket) { b.Queue(bucketSQL, bu.args()...) }

// take counts an attempt against the limits, in a transaction, unless one is reached: among any number at once as many get
// through as may.
func take(ctx context.Context, tx pgx.Tx, buckets []bucket) (ok bool, err error) {
	for _, b := range buckets {
		tag, err := tx.Exec(ctx, bucketSQL+` WHERE t.blocked_until <= now()`, b.args()...)
		if err != nil || tag.RowsAffected() == 0 {
			return false, err
		}
	}
	return true, nil
}

// takeOrWait is take for one limit that people are told of.
func takeOrWait(ctx context.Context, tx pgx.Tx, b bucket) error {
	ok, err := take(ctx, tx, []bucket{b})
	if err != nil || ok {
		return err
	}
	rows, err := tx.Query(ctx, waitsSQL, []throttleKey{b.key})
	if err != nil {
		return err
	}
	w, err := collectWaits(rows)
	if err != nil {
		return err
	}
	w[string(b.key)] = max(1, w[string(b.key)])
	return w.check(b.key)
}

// settle holds a refused attempt back until a multiple of step has passed since it began, so that the time it took does
// not tell why: an account that exists costs one row more than one that does not. Chance adds up to half a step, or those
// who came together would be answered, and come back, together.
func settle(ctx context.Context, began time.Time, step time.Duration, err error) {
	var throttled *ThrottledError
	if errors.Is(err, ErrBadCredentials) || errors.As(err, &throttled) {
		hold(ctx, began, step)
	}
}

func hold(ctx context.Context, began time.Time, step time.Duration) {
	wait(ctx, step-time.Since(began)%step+chance(step/2))
}
