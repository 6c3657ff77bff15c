package migrations

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Time limits for waiting for a lock. A statement that waits for a lock makes later ones wait too, so no statement
// waits for longer than longestLock at a time. Most statements take less than firstLock.
const (
	firstLock   = 500 * time.Millisecond
	longestLock = 2 * time.Second
)

// applicationName is the application_name of the working connection, by which the onlooker finds it.
const applicationName = "gatepost migrating"

// Advisory locks of the gate's, distinct from those of an app that uses goose in the same database. A gate from
// before lockAll waits for lockBefore in a statement, and a concurrent build of an index would wait for that
// statement. So lockBefore must not be held while an index is built.
const (
	lockBefore int64 = 0x6761_7465_706f_7374 // "gatepost"
	lockAll    int64 = lockBefore + 1
)

// errBusy means that another process migrates.
var errBusy = errors.New("another process migrates")

// worker applies migrations on connections of its own.
type worker struct {
	config *pgx.ConnConfig
	db     *sql.DB
	onlooker
}

func newWorker(conn *pgx.Conn, waits func(Wait)) *worker {
	config := conn.Config()
	config.BuildContextWatcherHandler = cancels
	working := config.Copy()
	working.RuntimeParams["application_name"] = applicationName
	db := stdlib.OpenDB(*working, stdlib.OptionAfterConnect(patient))
	return &worker{config, db, onlooker{config: config, waits: waits}}
}

func (w *worker) Close() {
	_ = w.db.Close()
	w.onlooker.Close()
}

// cancels makes PostgreSQL end a statement when its context ends. A statement left behind would go on to wait, and
// others behind it.
func cancels(conn *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: time.Second}
}

// patient lifts limits that an operator has set for ordinary statements. Behind a pooler the connection is left as
// it is, as it may serve others afterwards.
func patient(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil || pid != conn.PgConn().PID() {
		return err
	}
	_, err := conn.Exec(ctx, "SET lock_timeout = 0; SET statement_timeout = 0", pgx.QueryExecModeSimpleProtocol)
	return err
}

// all applies files while no other process does, and returns how many it applied.
func (w *worker) all(ctx context.Context, files []file) (n int, err error) {
	held, err := w.lock(ctx, lockAll)
	if err != nil {
		return 0, err
	}
	defer closeSoon(held)
	for _, f := range files {
		did, err := w.apply(ctx, f, held)
		if err != nil {
			return n, fmt.Errorf("%s: %w", f.title(), rowsInTheWay(err))
		}
		if did {
			n++
		}
	}
	return n, nil
}

// apply applies one file, and reports whether this process did it. It tries again until no blocker is in the way.
func (w *worker) apply(ctx context.Context, f file, held *pgx.Conn) (did bool, err error) {
	look := w.at(f)
	limit := firstLock
	for try := 0; ; try++ {
		if held.Ping(ctx) != nil {
			return false, errBusy // the lock is lost, so another process may migrate
		}
		inTheWay := look.during(ctx, func() { did, err = w.attempt(ctx, f, limit) })
		if !passes(err) || ctx.Err() != nil {
			return did, err
		}
		if err := look.until(ctx, inTheWay, pause(try, inTheWay)); err != nil {
			return false, err
		}
		if !lasting(inTheWay) {
			limit = min(2*limit, longestLock)
		}
	}
}

// rowsInTheWay explains an error about rows that the new tables do not allow.
func rowsInTheWay(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && strings.HasPrefix(pgErr.Code, "23") { // integrity constraint violation
		return fmt.Errorf("%w: %s Change or delete such rows, and run `gatepost migrate`", err, pgErr.Detail)
	}
	return err
}

// passes reports whether an error is due to a blocker: a lock was not acquired in time, or two transactions waited
// for each other.
func passes(err error) bool {
	code := sqlState(err)
	// Lock_not_available, deadlock_detected, serialization_failure.
	return code == "55P03" || code == "40P01" || code == "40001"
}

// pause is how long to leave the tables alone before the next try. It is long when there are lasting blockers,
// whose end is waited for without a lock.
func pause(try int, inTheWay []Blocker) time.Duration {
	if lasting(inTheWay) {
		return between(20*time.Second, 40*time.Second)
	}
	longest := time.Second << min(try, 4)
	return between(longest/2, longest)
}

// between is a random time between two, so that processes in each other's way do not meet again.
func between(least, most time.Duration) time.Duration {
	var b [8]byte
	rand.Read(b[:])
	return least + time.Duration(binary.NativeEndian.Uint64(b[:])%uint64(most-least))
}

// lock takes an advisory lock, and keeps it until its connection is closed. It is a transaction's lock, because a
// session's lock would stay behind in a pooler in transaction mode. It is tried and never waited for, because a
// waiting statement has a snapshot, and a concurrent build of an index waits for that. The idle transaction has no
// snapshot: it does not use the extended protocol, where the last portal keeps its own.
func (w *worker) lock(ctx context.Context, id int64) (held *pgx.Conn, err error) {
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closeSoon(conn)
		}
	}()
	if _, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}); err != nil {
		return nil, err
	}
	var got bool
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1) FROM (SELECT count(set_config(name, '0', true))
	    FROM pg_settings
		WHERE name IN ('idle_in_transaction_session_timeout',
		    'transaction_timeout')) AS unlimited`, pgx.QueryExecModeSimpleProtocol, id).Scan(&got)
	if err == nil && !got {
		err = errBusy
	}
	return conn, err
}

// closeSoon ends a connection and its transaction.
func closeSoon(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if conn.PgConn().TxStatus() != 'I' {
		_, _ = conn.Exec(ctx, "ROLLBACK") // for a pooler, which would not reuse the connection otherwise
	}
	_ = conn.Close(ctx)
}

// attempt applies the file with goose and records it, unless another process has done so.
func (w *worker) attempt(ctx context.Context, f file, limit time.Duration) (did bool, err error) {
	if f.version <= lastInGoose {
		held, err := w.lock(ctx, lockBefore)
		if err != nil {
			return false, err
		}
		defer closeSoon(held)
	}
	err = w.run(ctx, f, limit)
	if errors.Is(err, goose.ErrAlreadyApplied) {
		return false, nil
	}
	return err == nil, err
}

func (w *worker) run(ctx context.Context, f file, limit time.Duration) error {
	run := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error { return inTransaction(ctx, tx, f, limit) }}
	if f.alone {
		run = &goose.GoFunc{RunDB: func(ctx context.Context,
			db *sql.DB) error {
			return outsideTransactions(ctx, db, f)
		}}
	}
	store, err := database.NewStore(database.DialectPostgres, gooseTable)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectCustom, w.db, nil, goose.WithStore(pen{store, f.oldest}),
		goose.WithGoMigrations(goose.NewGoMigration(f.version, run, nil)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = p.ApplyVersion(ctx, f.version, true)
	return err
}

func inTransaction(ctx context.Context, tx *sql.Tx, f file, limit time.Duration) error {
	limits := fmt.Sprintf("SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = 0", limit.Milliseconds())
	if _, err := tx.ExecContext(ctx, limits, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, f.sql, pgx.QueryExecModeSimpleProtocol)
	return err
}

// outsideTransactions runs a statement that blocks nothing, and waits as long as it must. It first drops an index
// that an earlier try left half built, and at once one that this try leaves. Such an index is not read, but rejects
// duplicates.
func outsideTransactions(ctx context.Context, db *sql.DB, f file) error {
	if err := dropInvalid(ctx, db, f); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, f.sql, pgx.QueryExecModeSimpleProtocol)
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, dropInvalid(ctx, db, f))
	}
	return err
}

func dropInvalid(ctx context.Context, db *sql.DB, f file) error {
	for _, name := range f.indexes() {
		var invalid bool
		err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1)
		    AND NOT indisvalid)`,
			"gatepost."+name).Scan(&invalid)
		if err == nil && invalid {
			_, err = db.ExecContext(ctx, `DROP INDEX CONCURRENTLY IF EXISTS gatepost.`+name,
				pgx.QueryExecModeSimpleProtocol)
		}
		if err != nil {
			return fmt.Errorf("drop the half-built index %s: %w", name, err)
		}
	}
	return nil
}
