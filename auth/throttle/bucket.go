package throttle

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// Key is the SHA-256 of what is counted, because an address typed into the wrong field may be a password. It is an
// alias: a type of its own could not be sent through a pooler, where pgx cannot ask for PostgreSQL's types.
type Key = []byte

// keyOf returns the key of the parts.
func keyOf(parts ...string) Key {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part + "\x00"))
	}
	return h.Sum(nil)
}

// Bucket is one limit: burst times at once, and then once per interval.
type Bucket struct {
	Key      Key
	burst    int
	interval time.Duration
}

// Limits are the limits of one operation. All of them have to admit it.
type Limits []Bucket

func (l Limits) keys() (keys []Key) {
	for _, b := range l {
		keys = append(keys, b.Key)
	}
	return keys
}

// oneMore increments a counter, whatever value the row has.
const oneMore = `least(greatest(t.failures, 0), 1000000) + 1`

// bucketSQL is a leaky bucket in one column: each attempt moves blocked_until one interval further. It starts so
// far in the past that the last attempt of the burst moves it beyond now. $1 is the key, $2 the room, $3 the
// interval.
const bucketSQL = `
	INSERT INTO gatepost.throttle AS t (key, failures, blocked_until, expires_at)
	VALUES ($1, 1, now() - $2::interval, now() + $3::interval)` + bucketUpdate

const bucketUpdate = `
	ON CONFLICT (key) DO UPDATE SET
	    failures = ` + oneMore + `,
	    blocked_until = greatest(t.blocked_until, now() - $2::interval - $3::interval) + $3::interval,
	    expires_at = greatest(t.blocked_until, now() - $2::interval - $3::interval) + 2 * $3::interval + $2::interval`

func (b Bucket) args() []any {
	return []any{b.Key, time.Duration(b.burst-2) * b.interval, b.interval}
}

// Count adds the statements that count an attempt, successful or not, to a batch.
func (l Limits) Count(b *pgx.Batch) {
	for _, bu := range l {
		b.Queue(bucketSQL, bu.args()...)
	}
}

// Admit fails with an *Error while one of the limits is reached, or with the error of the DB.
func (l Limits) Admit(ctx context.Context, db *database.DB) error {
	var w Waits
	err := db.Again(ctx, func(ctx context.Context) (err error) {
		w, err = l.ask(ctx, db.Pages)
		return err
	})
	if err != nil {
		return db.Unavailable("ask the throttle", err)
	}
	return w.Check(l.keys()...)
}

// Check is Admit in a transaction.
func (l Limits) Check(ctx context.Context, tx pgx.Tx) error {
	w, err := l.ask(ctx, tx)
	if err != nil {
		return err
	}
	return w.Check(l.keys()...)
}

func (l Limits) ask(ctx context.Context, from interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}) (Waits, error) {
	rows, err := from.Query(ctx, waitsSQL, l.keys())
	if err != nil {
		return nil, err
	}
	return Collect(rows)
}

// Take counts an attempt against the limits, in a transaction, unless one is reached; then it fails with an *Error.
// Of concurrent attempts only as many succeed as the limits allow. A refused attempt only reads, so that refusals
// do not wait for each other's locks, each with a connection.
func (l Limits) Take(ctx context.Context, tx pgx.Tx) error {
	if err := l.Check(ctx, tx); err != nil {
		return err
	}
	for _, b := range l {
		tag, err := tx.Exec(ctx, bucketSQL+` WHERE t.blocked_until <= now()`, b.args()...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 { // a concurrent attempt was faster
			return &Error{max(time.Second, b.interval.Truncate(time.Second))}
		}
	}
	return nil
}
