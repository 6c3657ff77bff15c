package authtest

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// tracer sees the queries on a pool of this package and on those that are made like it.
type tracer struct {
	lookedUp atomic.Pointer[func()]
	asked    atomic.Int64
}

type askedKey struct{}

// Asking returns a context under which each statement is counted.
func Asking(ctx context.Context) context.Context { return context.WithValue(ctx, askedKey{}, true) }

// Asked returns how many statements PostgreSQL has got, on a pool or on one made like it, under a context of Asking,
// and how many look-ups of sessions under any: one look-up may serve several requests. What the gate does in the
// background is not counted.
func Asked(db *pgxpool.Pool) int64 { return db.Config().ConnConfig.Tracer.(*tracer).asked.Load() }

// AfterLookups has f run when sessions have been looked up for somebody on a pool, or on one made like it, before
// anybody learns of the answer.
func AfterLookups(db *pgxpool.Pool, f func()) {
	db.Config().ConnConfig.Tracer.(*tracer).lookedUp.Store(&f)
}

type lookupKey struct{}

// TraceQueryStart knows a look-up by what it selects first.
func (t *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if ctx.Value(askedKey{}) != nil {
		t.asked.Add(1)
	}
	if !strings.HasPrefix(strings.TrimSpace(q.SQL), "SELECT s.token, s.id,") {
		return ctx
	}
	for _, arg := range q.Args {
		if tokens, ok := arg.([]string); ok && len(tokens) > 0 {
			if ctx.Value(askedKey{}) == nil {
				t.asked.Add(1)
			}
			return context.WithValue(ctx, lookupKey{}, true)
		}
	}
	return ctx
}

func (t *tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if f := t.lookedUp.Load(); f != nil && ctx.Value(lookupKey{}) != nil {
		(*f)()
	}
}
