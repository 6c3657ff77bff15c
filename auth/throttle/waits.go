package throttle

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Error refuses an attempt because of earlier ones. It is the same for known and unknown accounts.
type Error struct {
	RetryAfter time.Duration // at least one second
}

func (e *Error) Error() string {
	return fmt.Sprintf("too many attempts, try again in %s", e.RetryAfter)
}

// Waits maps keys to the seconds for which they are blocked.
type Waits map[string]int

const waitsSQL = `
	SELECT key, ceil(extract(epoch FROM least(blocked_until, now() + interval '1 day') - now()))::int
	FROM gatepost.throttle WHERE key = ANY ($1) AND blocked_until > now()`

// Ask adds the query for the waits of keys to a batch. Collect reads its result.
func Ask(b *pgx.Batch, keys []Key) { b.Queue(waitsSQL, keys) }

// Collect reads the result of Ask.
func Collect(rows pgx.Rows) (Waits, error) {
	w := Waits{}
	var key []byte
	var seconds int
	_, err := pgx.ForEachRow(rows, []any{&key, &seconds}, func() error { w[string(key)] = seconds; return nil })
	return w, err
}

// Check fails with an *Error while any of the keys has to wait.
func (w Waits) Check(keys ...Key) error {
	longest := 0
	for _, key := range keys {
		longest = max(longest, w[string(key)])
	}
	if longest == 0 {
		return nil
	}
	return &Error{RetryAfter: time.Duration(longest) * time.Second}
}
