package auth

import (
	"context"
	"crypto/sha256"
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
	// accountMemory is how long failures are remembered when no more come.
	accountMemory = 24 * time.Hour

	// A network (an IPv4 address or an IPv6 /64) may fail this often at once, and then once per interval: 100 an hour.
	networkBurst    = 20
	networkInterval = 36 * time.Second

	// A network may sign this many users up at once, and then one per interval.
	signUpBurst    = 100
	signUpInterval = 36 * time.Second
)

// throttleKey is the SHA-256 of what is counted: an address typed into the wrong field may be a password.
type throttleKey []byte

func accountKey(email string) throttleKey { return hashKey("account", email) }

func hashKey(kind, value string) throttleKey {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	return sum[:]
}

// networkKey counts an IPv6 /64 as one: whoever has one address of it has them all.
func networkKey(kind string, a netip.Addr) throttleKey {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	return hashKey(kind, a.String())
}

// throttled fails with a ThrottledError while any of the keys must wait.
func (s *Store) throttled(ctx context.Context, keys ...throttleKey) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var seconds int
	err := s.again(ctx, func() error {
		return s.db.QueryRow(ctx, `
			SELECT coalesce(ceil(extract(epoch FROM max(blocked_until) - now())), 0)::int
			FROM gatepost.throttle WHERE key = ANY ($1) AND blocked_until > now()`, keys).Scan(&seconds)
	})
	if err != nil {
		return s.unavailable("ask the throttle", err)
	}
	if seconds > 0 {
		return &ThrottledError{RetryAfter: time.Duration(seconds) * time.Second}
	}
	return nil
}

// countFailure writes down a wrong password, for the account and for the network it came from.
func (s *Store) countFailure(ctx context.Context, account, network throttleKey) error {
	return s.count(ctx, func(b *pgx.Batch) {
		b.Queue(`
			INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at)
			VALUES ($1, 1, now(), now() + $5::interval)
			ON CONFLICT (key) DO UPDATE SET
			    failures = t.failures + 1,
			    blocked_until = CASE WHEN t.failures + 1 < $2::int THEN now()
			        ELSE now() + least($3::interval * power(2, least(t.failures + 1 - $2::int, 20)), $4::interval) END,
			    expires_at = now() + $5::interval`,
			account, accountFree, accountFirst, accountMost, accountMemory)
		queueNetwork(b, network, networkBurst, networkInterval)
	})
}

// countSignUp writes down a sign-up, successful or not.
func (s *Store) countSignUp(ctx context.Context, network throttleKey) error {
	return s.count(ctx, func(b *pgx.Batch) { queueNetwork(b, network, signUpBurst, signUpInterval) })
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

// queueNetwork is a leaky bucket in one column: blocked_until moves one interval further with each attempt, and starts
// so far in the past that the last attempt of the burst is the one that takes it beyond now.
func queueNetwork(b *pgx.Batch, key throttleKey, burst int, interval time.Duration) {
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
