package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
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

	// A network (an IPv4 address or an IPv6 /64) may fail this often at once, and then once per interval: 80 in an
	// hour.
	networkBurst    = 20
	networkInterval = 45 * time.Second

	// Right passwords: an account may be signed in to this often at once through each of its doors, and then ten times
	// in a minute; a network this often, and then twenty times. It is more than people need, and less than keeps the
	// queue of hashes busy.
	proofBurst           = 60
	proofInterval        = 6 * time.Second
	proofNetworkBurst    = 120
	proofNetworkInterval = 3 * time.Second

	// innerWidth is how many times as much as one network may fail is let through from this machine or a private
	// network.
	innerWidth = 4

	// innerLimit is how many users may sign up at once from this machine or a private network, and then in an hour, and how
	// many may ask for mail: as a rule a proxy that was not listed stands there, and speaks for everybody.
	innerLimit = 100

	// A user may choose another name this often at once, and then once per interval.
	renameBurst    = 10
	renameInterval = time.Minute

	// Mail that somebody asked for without a password: for an address one in a minute and five in an hour, for a network
	// twenty in an hour.
	mailMinute  = time.Minute
	mailHourly  = 5
	mailNetwork = 20
)

// widths are how many times as much as the narrowest network a wider one may, by the length of its prefix. An IPv4 /24
// has many customers, an IPv6 /56 or /48 one.
var widths = map[int]int{24: 32, 56: 4, 48: 16}

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

// perNetwork are the limits of something for each network that an address counts for. A wider network has several times
// as much: less than all who may be in it, more than one of them can use up. An address of this machine or a private
// network has more as well, as it may speak for everybody.
func perNetwork(what string, a netip.Addr, burst int, interval time.Duration) (list []bucket) {
	times := func(key throttleKey, n int) bucket { return bucket{key, n * burst, interval / time.Duration(n)} }
	networks := share.Networks(a)
	for i, p := range networks {
		if i == len(networks)-1 {
			return append(list, times(hashKey(what, share.Narrowest(a)), 1))
		}
		list = append(list, times(hashKey(what, p.String()), widths[p.Bits()]))
	}
	return []bucket{times(hashKey(what, share.Narrowest(a)), innerWidth)}
}

// doors are the limits of one attempt at one account: of the door it came through, and of the networks. Wrong passwords
// and right ones are counted apart, so that neither uses up what there is for the other.
type doors struct {
	failures       map[door]throttleKey
	proofs         map[door]bucket
	failed, proved []bucket // of networks
}

func doorsOf(email string, c secret.Client) doors {
	d := doors{
		failures: map[door]throttleKey{
			anyDoor:     hashKey("account", email),
			networkDoor: hashKey("account", email, "network", share.Narrowest(c.Addr)),
			browserDoor: hashKey("account", email, "browser", c.Browser.Hash()),
		},
		proofs: map[door]bucket{},
		failed: perNetwork("sign-in", c.Addr, networkBurst, networkInterval),
		proved: perNetwork("proof", c.Addr, proofNetworkBurst, proofNetworkInterval),
	}
	for which, name := range doorNames {
		d.proofs[which] = bucket{hashKey("proof", email, name), proofBurst, proofInterval}
	}
	return d
}

func (d doors) all() (keys []throttleKey) {
	for which := range doorNames {
		keys = append(keys, d.through(which)...)
	}
	return keys
}

// through are the keys that count for an attempt through a door. A familiar browser does not wait for what others in its
// network do.
func (d doors) through(which door) []throttleKey {
	keys := []throttleKey{d.failures[which], d.proofs[which].key}
	if which == browserDoor {
		return keys
	}
	return append(append(keys, keysOf(d.failed)...), keysOf(d.proved)...)
}

// proof is what a right password counts for.
func (d doors) proof(which door) []bucket {
	if which == browserDoor {
		return []bucket{d.proofs[which]}
	}
	return append([]bucket{d.proofs[which]}, d.proved...)
}

// waits are the seconds for which keys are blocked.
type waits map[string]int

const waitsSQL = `
	SELECT key, ceil(extract(epoch FROM least(blocked_until, now() + interval '1 day') - now()))::int
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
	return s.db.Batch(ctx, "count an attempt", func(b *pgx.Batch) {
		// In the order in which a sign-in takes its locks, or the two would wait for each other.
		b.Queue(database.LockUserSQL, a.userID, secret.Token("").Hash())
		b.Queue(`
			UPDATE gatepost.account SET failed_attempts = least(greatest(failed_attempts, 0), 1000000) + 1
			WHERE user_id = $1 AND provider_id = 'credential'`, a.userID)
		b.Queue(`
			INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at, user_id, bogus)
			VALUES ($1, 1, now(), now() + $5::interval, nullif($6::text, ''), $6 = '')
			ON CONFLICT (key) DO UPDATE SET
			    failures = `+oneMore+`, user_id = excluded.user_id, bogus = excluded.bogus,
			    blocked_until = CASE WHEN `+oneMore+` < $2::int THEN now()
			        ELSE now() + least($3::interval * power(2, least(`+oneMore+` - $2::int, 20)), $4::interval) END,
			    expires_at = now() + $5::interval`,
			d.failures[a.door], accountFree, accountFirst, accountMost, accountMemory, a.userID)
		if a.door != anyDoor {
			queueUnfamiliar(b, a)
		}
		if a.door != browserDoor {
			queueBuckets(b, d.failed)
		}
	})
}

// bucket is one limit on what may be done once in an interval, and burst times at once.
type bucket struct {
	key      throttleKey
	burst    int
	interval time.Duration
}

func keysOf(buckets []bucket) (keys []throttleKey) {
	for _, b := range buckets {
		keys = append(keys, b.key)
	}
	return keys
}

// hourly is a limit on how often at once, and then in an hour.
func hourly(key throttleKey, limit int) bucket {
	return bucket{key, limit, time.Hour / time.Duration(limit)}
}

// mailBuckets are the limits on mail to an address. There are several, so that nobody keeps its owner from a link or a warning by
// having other mail sent.
func mailBuckets(kind MailKind, email string) []bucket {
	class := "told"
	switch kind {
	case MailReset: // apart from the other link: who has just signed up may have mistyped the password
		class = "reset"
	case MailVerify:
		class = "link"
	case MailSignIn:
		class = "warning"
	case MailPassword: // not one a minute: it may be the second that was not the user's
		return []bucket{hourly(hashKey("mail", email, "password", "hour"), mailHourly)}
	}
	return []bucket{{hashKey("mail", email, class, "minute"), 1, mailMinute}, hourly(hashKey("mail", email, class, "hour"), mailHourly)}
}

// mailRequests are the limits on requests for mail from an address.
func mailRequests(a netip.Addr) []bucket {
	if share.Inner(a) {
		return []bucket{hourly(hashKey("mail-requests", share.Narrowest(a)), innerLimit)}
	}
	return perNetwork("mail-requests", a, mailNetwork, time.Hour/mailNetwork)
}

// signUpBuckets are the limits that a sign-up from an address counts against.
func (s *Store) signUpBuckets(a netip.Addr) []bucket {
	var list []bucket
	switch limit := s.o.SignUpLimit; {
	case limit <= 0:
	case share.Inner(a):
		list = append(list, hourly(hashKey("sign-up", share.Narrowest(a)), max(limit, innerLimit)))
	default:
		list = perNetwork("sign-up", a, limit, time.Hour/time.Duration(limit))
	}
	if s.o.SignUpTotal > 0 {
		list = append(list, hourly(hashKey("sign-up"), s.o.SignUpTotal))
	}
	return list
}

// admitBuckets fails with a ThrottledError while one of the limits is reached.
func (s *Store) admitBuckets(ctx context.Context, buckets []bucket) error {
	keys := keysOf(buckets)
	var w waits
	err := s.db.Again(ctx, func(ctx context.Context) error {
		rows, err := s.db.Pages.Query(ctx, waitsSQL, keys)
		if err != nil {
			return err
		}
		w, err = collectWaits(rows)
		return err
	})
	if err != nil {
		return s.db.Unavailable("ask the throttle", err)
	}
	return w.check(keys...)
}

// countSignUp writes down a sign-up, successful or not.
func (s *Store) countSignUp(ctx context.Context, buckets []bucket) error {
	return s.db.Batch(ctx, "count an attempt", func(b *pgx.Batch) { queueBuckets(b, buckets) })
}

// oneMore counts a failure, whatever the row says.
const oneMore = `least(greatest(t.failures, 0), 1000000) + 1`

// bucketSQL is a leaky bucket in one column: blocked_until moves one interval further with each attempt, and starts so far in
// the past that the last attempt of the burst is the one that takes it beyond now. $1 key, $2 room, $3 interval.
const bucketSQL = `
	INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at)
	VALUES ($1, 1, now() - $2::interval, now() + $3::interval)
	ON CONFLICT (key) DO UPDATE SET
	    failures = ` + oneMore + `,
	    blocked_until = greatest(t.blocked_until, now() - $2::interval - $3::interval) + $3::interval,
	    expires_at = greatest(t.blocked_until, now() - $2::interval - $3::interval) + 2 * $3::interval + $2::interval`

func (b bucket) args() []any {
	return []any{b.key, time.Duration(b.burst-2) * b.interval, b.interval}
}

func queueBuckets(b *pgx.Batch, buckets []bucket) {
	for _, bu := range buckets {
		b.Queue(bucketSQL, bu.args()...)
	}
}

// take counts an attempt against the limits, in a transaction, unless one is reached: among any number at once as many get
// through as may. Who is refused has only read, or refusals would wait for each other's locks with a connection each.
func take(ctx context.Context, tx pgx.Tx, buckets []bucket) (waits, error) {
	rows, err := tx.Query(ctx, waitsSQL, keysOf(buckets))
	if err != nil {
		return nil, err
	}
	if w, err := collectWaits(rows); err != nil || len(w) > 0 {
		return w, err
	}
	for _, b := range buckets {
		tag, err := tx.Exec(ctx, bucketSQL+` WHERE t.blocked_until <= now()`, b.args()...)
		if err != nil {
			return nil, err
		}
		if tag.RowsAffected() == 0 { // somebody was faster
			return waits{string(b.key): max(1, int(b.interval.Seconds()))}, nil
		}
	}
	return nil, nil
}

// takeOrWait is take for limits that people are told of.
func takeOrWait(ctx context.Context, tx pgx.Tx, buckets []bucket) error {
	w, err := take(ctx, tx, buckets)
	if err != nil {
		return err
	}
	return w.check(keysOf(buckets)...)
}

// settle holds a refused attempt back until a multiple of step has passed since it began, so that the time it took does
// not tell why: an account that exists costs one row more than one that does not. Chance adds up to half a step, or those
// who came together would be answered, and come back, together.
func (s *Store) settle(ctx context.Context, began time.Time, err error) {
	var throttled *ThrottledError
	if errors.Is(err, ErrBadCredentials) || errors.As(err, &throttled) {
		s.hold(ctx, began, s.o.AnswerStep)
	}
}

func hold(ctx context.Context, began time.Time, step time.Duration) {
	database.Wait(ctx, step-time.Since(began)%step+secret.Chance(step/2))
}
