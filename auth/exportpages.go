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
	// exportsMost is how many exports are under way at once, those of slow readers included.
	exportsMost = 32
	// exportTurns is how many of them read from PostgreSQL at the same moment: one that begins, and one that goes on.
	exportTurns = 2
	// exportPage is how many rows are read at a time.
	exportPage = 500
)

// exports are those under way. One that gives way ends early: to a later one of the same user, or to others when there
// are too many.
type exports struct {
	room  *share.Pool
	first *share.Queue // where one begins
	next  *share.Queue // where one goes on: who comes cannot break off what is under way
	asked atomic.Uint64
	mu    sync.Mutex
	users map[string]*underWay
}

// underWay is an export, with its number in the order in which they were asked for.
type underWay struct {
	asked uint64
	end   func()
}

func newExports() *exports {
	queue := func() *share.Queue { return share.NewQueue(1, 2*exportsMost) } // those that give way are still there
	return &exports{room: share.New(exportsMost), first: queue(), next: queue(), users: map[string]*underWay{}}
}

// readTurn runs what reads from PostgreSQL when it is its turn.
func readTurn(ctx context.Context, q *share.Queue, read func(context.Context) error) error {
	leave, err := q.Enter(ctx, ctx)
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer leave()
	return read(database.Ahead(ctx))
}

// begin notes an export. Its context ends with share.ErrCrowded when it has to give way, and end is to be called in the
// end. Of two of one user that stays which was asked for last, whichever had its turn first.
func (x *exports) begin(ctx context.Context, userID string, from netip.Addr,
	asked uint64) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	giveWay := func() { cancel(share.ErrCrowded) }
	part := x.room.Join(from, giveWay)
	own := &underWay{asked: asked}
	own.end = sync.OnceFunc(func() {
		giveWay() // which says so to the one before, and nothing to one that has ended
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

// replace has one export of a user under way, and returns the one that is to end: nil where there was none.
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

// Context ends when the Export has to give way, or is closed. Whoever waits for a reader that takes nothing is to stop
// then.
func (e *Export) Context() context.Context { return e.ctx }

// Sessions are all that have a row: expired ones too, until they are swept.
func (e *Export) Sessions() iter.Seq2[ExportedSession, error] {
	after := ""
	return pages(e, func(ctx context.Context, tx pgx.Tx) ([]ExportedSession, error) {
		rows, _ := tx.Query(ctx, `
			SELECT id, `+database.UTC(`created_at`)+`, `+database.UTC(`last_used_at`)+`, `+database.UTC(`expires_at`)+`,
			       coalesce(ip_address, ''), coalesce(user_agent, ''), token = $2
			FROM gatepost.session WHERE user_id = $1 AND id > $3 AND (created_at <= $4 OR created_at > now())
			    ORDER BY id LIMIT $5`,
			e.User.ID, e.token.Hash(), after, e.ExportedAt, exportPage)
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedSession])
		if n := len(list); n > 0 {
			after = list[n-1].ID
		}
		return list, err
	})
}

// Events are the decisions about the user that are kept, but for those of the last second.
func (e *Export) Events() iter.Seq2[ExportedEvent, error] {
	after, id := "-infinity", int64(0) // as PostgreSQL writes it: some moments Go cannot read
	return pages(e, func(ctx context.Context, tx pgx.Tx) ([]ExportedEvent, error) {
		// Without the name of its table, at would be what is selected: text, in another order.
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

// pages reads page after page while the session of the Export is alive. No connection is held in between, however
// slowly they are taken.
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
