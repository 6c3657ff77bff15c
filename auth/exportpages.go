package auth

import (
	"cmp"
	"context"
	"iter"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/share"
)

const (
	// exportsMost is how many exports may be under way at once, including those of slow readers.
	exportsMost = 32
	// exportTurns is how many exports read from PostgreSQL at once: one at its start, and one that continues.
	exportTurns = 2
	// exportPage is how many rows are read at a time.
	exportPage = 500
)

// exports are the exports under way. An export ends early for a later one of the same user, or when there are too
// many.
type exports struct {
	room  *share.Pool
	first *share.Queue // for the start of an export
	next  *share.Queue // for later pages, so that new exports do not interrupt those under way
	asked atomic.Uint64
	mu    sync.Mutex
	users map[string]*underWay
}

// underWay is an export, with its number in the order of the requests.
type underWay struct {
	asked uint64
	end   func()
}

func newExports() *exports {
	queue := func() *share.Queue { return share.NewQueue(1, 2*exportsMost) } // ended exports linger
	return &exports{room: share.New(exportsMost), first: queue(), next: queue(), users: map[string]*underWay{}}
}

// readTurn runs read when it has a turn at PostgreSQL.
func readTurn(ctx context.Context, q *share.Queue, read func(context.Context) error) error {
	leave, err := q.Enter(ctx, ctx)
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer leave()
	return read(database.Ahead(ctx))
}

// begin registers an export. Its context ends with share.ErrCrowded when the export has to end early. The caller
// calls end when done. Of two exports of one user the one requested later stays, whichever had its turn first.
func (x *exports) begin(ctx context.Context, userID string, from netip.Addr,
	asked uint64) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	giveWay := func() { cancel(share.ErrCrowded) }
	part := x.room.Join(from, giveWay)
	own := &underWay{asked: asked}
	own.end = sync.OnceFunc(func() {
		giveWay() // no effect if the export has ended already
		part.Leave()
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.users[userID] == own {
			delete(x.users, userID)
		}
	})
	if earlier := x.replace(userID, own); earlier != nil {
		earlier.end()
	}
	if !part.Take(1) {
		giveWay()
	}
	return ctx, own.end
}

// replace registers the export of a user, and returns the export that has to end: nil if there was no other.
func (x *exports) replace(userID string, own *underWay) *underWay {
	x.mu.Lock()
	defer x.mu.Unlock()
	other := x.users[userID]
	if other != nil && other.asked > own.asked {
		return own
	}
	x.users[userID] = own
	return other
}

// Close ends the Export.
func (e *Export) Close() { e.end() }

// Context ends when the Export ends early or is closed. A writer that waits for a slow reader has to stop then.
func (e *Export) Context() context.Context { return e.ctx }

// Sessions returns all sessions that have a row, including expired ones that are not swept yet, and those of the system
// before, whose last use is not known but for the sign-in.
func (e *Export) Sessions() iter.Seq2[ExportedSession, error] {
	after := ""
	return pages(e, func(ctx context.Context, tx pgx.Tx) ([]ExportedSession, error) {
		rows, _ := tx.Query(ctx, `
			SELECT id, `+database.UTC(`created_at`)+`, `+database.UTC(`used`)+`, `+database.UTC(`expires_at`)+`,
			       coalesce(ip_address, ''), coalesce(user_agent, ''), token = $2
			FROM (SELECT id, user_id, created_at, last_used_at AS used, expires_at, ip_address, user_agent, token
			    FROM gatepost.session
			    UNION ALL SELECT id, user_id, created_at, created_at, expires_at, ip_address, user_agent, ''
			    FROM gatepost.imported_session) s
			WHERE user_id = $1 AND id > $3 AND (created_at <= $4 OR created_at > now()) ORDER BY id LIMIT $5`,
			e.User.ID, e.token.Hash(), after, e.ExportedAt, exportPage)
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedSession])
		if n := len(list); n > 0 {
			after = list[n-1].ID
		}
		return list, err
	})
}

// Events returns the kept decisions about the user, except for refusals of the last second.
func (e *Export) Events() iter.Seq2[ExportedEvent, error] {
	after, id := "-infinity", int64(0) // text, because Go cannot read every moment of PostgreSQL
	return pages(e, func(ctx context.Context, tx pgx.Tx) ([]ExportedEvent, error) {
		// Without the name of its table, at would be the selected text, which sorts differently.
		rows, _ := tx.Query(ctx, `
			SELECT id, at::text, `+database.UTC(`at`)+`, event, result, coalesce(client, ''), count
			    FROM gatepost.audit_event
			WHERE user_id = $1 AND (at, id) > ($2::timestamptz, $3::bigint) AND id <= $4 ORDER BY audit_event.at, id
			    LIMIT $5`,
			e.User.ID, after, id, e.lastEvent, exportPage)
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) (v ExportedEvent, err error) {
			err = row.Scan(&id, &after, &v.At, &v.Event, &v.Result, &v.Client, &v.Count)
			return v, err
		})
	})
}

// pages reads page after page while the session of the Export is valid. It holds no connection between pages,
// however slowly they are consumed.
func pages[T any](e *Export, read func(context.Context, pgx.Tx) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for n := exportPage; n == exportPage; {
			var list []T
			err := readTurn(e.ctx, e.s.exports.next, func(ctx context.Context) error {
				return e.s.db.Repeat(ctx, "export", func(ctx context.Context) error {
					return pgx.BeginTxFunc(ctx, e.s.db.Pages, pgx.TxOptions{AccessMode: pgx.ReadOnly},
						func(tx pgx.Tx) (err error) {
							if _, err = e.s.Own(ctx, tx, e.token); err == nil {
								list, err = read(ctx, tx)
							}
							return err
						})
				})
			})
			if err != nil {
				if cause := context.Cause(e.ctx); cause != nil {
					err = cause
				}
				yield(*new(T), err)
				return
			}
			for _, v := range list {
				if !yield(v, nil) {
					return
				}
			}
			n = len(list)
		}
	}
}
