package migrations

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// Wait is a migration that waits for others.
type Wait struct {
	// Migration is the file that waits.
	Migration string
	// Since is how long the file has been tried.
	Since time.Duration
	// For are the connections in the way. When it is empty, none is seen, and the file itself takes long.
	For []Blocker
}

// Blocker is a connection to PostgreSQL that is in the way. Fields that the gate's role may not read for another
// role are empty. Membership in pg_read_all_stats shows them.
type Blocker struct {
	PID         int // PID is 0 for a prepared transaction.
	Application string
	State       string
	Query       time.Duration // Query is the time since its last statement began.
	Transaction time.Duration // Transaction is the time since its transaction began.

	virtual string // virtual id of its transaction
	server  bool   // a process of PostgreSQL's own, which gives way when it is waited for
}

// String describes the blocker in words.
func (b Blocker) String() string {
	if b.PID == 0 {
		return "a prepared transaction"
	}
	about := []string{}
	if b.Application != "" {
		about = append(about, fmt.Sprintf("%q", b.Application))
	}
	if b.State != "" {
		about = append(about, b.State, "query "+b.Query.Round(time.Second).String(),
			"transaction "+b.Transaction.Round(time.Second).String())
	}
	if len(about) == 0 {
		return fmt.Sprintf("pid %d", b.PID)
	}
	return fmt.Sprintf("pid %d (%s)", b.PID, strings.Join(about, ", "))
}

// String describes the wait in words.
func (w Wait) String() string {
	if len(w.For) == 0 {
		return fmt.Sprintf("%s has been at work for %s", w.Migration, w.Since.Round(time.Second))
	}
	var whom []string
	for _, b := range w.For {
		whom = append(whom, b.String())
	}
	return fmt.Sprintf("%s has waited for %s, now for %s", w.Migration, w.Since.Round(time.Second),
		strings.Join(whom, ", "))
}

// lasting reports whether a blocker stays in the way until its transaction ends.
func lasting(inTheWay []Blocker) bool {
	return slices.ContainsFunc(inTheWay, func(b Blocker) bool { return !b.server })
}

// onlooker finds the blockers, on a connection of its own that never waits for a lock.
type onlooker struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn // nil until needed
	waits  func(Wait)
	since  time.Time // since when another process migrates
}

// Close closes the onlooker's connection.
func (o *onlooker) Close() {
	if o.conn != nil {
		closeSoon(o.conn)
	}
}

// look watches the work on one file.
type look struct {
	*onlooker
	f     file
	began time.Time
}

func (o *onlooker) at(f file) *look { return &look{o, f, time.Now()} }

// during looks for blockers while work runs, often at first, and returns those seen last.
func (l *look) during(ctx context.Context, work func()) (seen []Blocker) {
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(upkeep.Watch{}.Guard("look for whom a migration waits", func() {
		for every := 100 * time.Millisecond; ; every = min(2*every, time.Second) {
			select {
			case <-stop:
				return
			case <-time.After(every):
			}
			if now, err := l.see(ctx, nil, false); err == nil && len(now) > 0 {
				seen = now
			}
		}
	}))
	work()
	close(stop)
	looking.Wait()
	return seen
}

// until waits for most, or until the transactions of the blockers are over.
func (l *look) until(ctx context.Context, inTheWay []Blocker, most time.Duration) error {
	seen := len(inTheWay) > 0
	var transactions []string
	for _, b := range inTheWay {
		seen = seen && b.PID != 0 // a prepared transaction belongs to no connection
		if !b.server && b.virtual != "" {
			transactions = append(transactions, b.virtual)
		}
	}
	for deadline := time.Now().Add(most); time.Now().Before(deadline); {
		if err := rest(ctx, between(100*time.Millisecond, 400*time.Millisecond)); err != nil {
			return err
		}
		if now, err := l.see(ctx, transactions, false); err == nil && len(now) == 0 && seen {
			return nil
		}
	}
	return nil
}

// others waits a moment for another process that migrates.
func (o *onlooker) others(ctx context.Context, f file) error {
	if o.since.IsZero() {
		o.since = time.Now()
	}
	l := &look{o, f, o.since}
	_, _ = l.see(ctx, nil, true) // only to report it
	return rest(ctx, between(200*time.Millisecond, 600*time.Millisecond))
}

// rest waits, and fails when the context ends first.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// tellsAfter is how long a file without blockers may take before it is reported.
const tellsAfter = 5 * time.Second

// see looks once and reports what it saw: the connections that the working connection waits for, transactions that
// were in the way before, and the holder of the lock for migrations. When a look fails, the work goes on.
func (l *look) see(ctx context.Context, transactions []string, holder bool) ([]Blocker, error) {
	inTheWay, err := l.inTheWay(ctx, transactions, holder)
	since := time.Since(l.began)
	if l.waits != nil && ctx.Err() == nil && (len(inTheWay) > 0 || since > tellsAfter) {
		l.waits(Wait{l.f.title(), since, inTheWay})
	}
	return inTheWay, err
}

// lookTimeout limits one look.
const lookTimeout = 5 * time.Second

func (l *look) inTheWay(ctx context.Context, transactions []string, holder bool) ([]Blocker, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if l.conn == nil || l.conn.IsClosed() {
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			return nil, err
		}
		l.conn = conn
	}
	rows, err := l.conn.Query(ctx, `
		WITH in_the_way AS (
			SELECT unnest(pg_blocking_pids(pid)) AS pid FROM pg_stat_activity WHERE application_name = $1
			    AND datname = current_database()
			UNION
			SELECT pid FROM pg_locks WHERE locktype = 'virtualxid' AND virtualxid = virtualtransaction
			    AND virtualxid = ANY ($2)
			UNION
			SELECT pid FROM pg_locks
			WHERE $3 AND locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = ANY ($4)
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		)
		SELECT b.pid, coalesce(a.application_name, ''), coalesce(a.state, ''), a.pid IS NOT NULL AND a.usesysid IS NULL,
			coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0)::float8,
			coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8, coalesce(v.virtualxid, '')
		FROM in_the_way b LEFT JOIN pg_stat_activity a ON a.pid = b.pid
			LEFT JOIN pg_locks v ON v.pid = b.pid AND v.locktype = 'virtualxid' AND v.virtualxid = v.virtualtransaction
		ORDER BY b.pid`, applicationName, transactions, holder, []int64{lockBefore, lockAll})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (b Blocker, err error) {
		var query, transaction float64
		err = row.Scan(&b.PID, &b.Application, &b.State, &b.server, &query, &transaction, &b.virtual)
		b.Query, b.Transaction = seconds(query), seconds(transaction)
		return b, err
	})
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
