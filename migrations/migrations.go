// Package migrations owns the shape of the database: the SQL files, applying them once however many processes start
// together, and saying in plain words why a database cannot be used. Files are only ever added, never changed.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed *.sql
var files embed.FS

// versionTable lives in our own schema: the app may use goose itself, on the default table.
const versionTable = "gatepost.goose_db_version"

// lockID keeps our advisory lock apart from that of an app that uses goose in the same database.
const lockID = 0x6761_7465_706f_7374 // "gatepost"

// Migration is one file and whether the database has it.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Up applies what is missing and returns how many files that were. Any number of processes may call it at once: one
// does the work and the others wait for it. With nothing missing it only reads, so it needs no right to change tables.
func Up(ctx context.Context, conn *pgx.Conn) (int, error) {
	list, err := Status(ctx, conn)
	if err != nil || pending(list) == 0 {
		return 0, err
	}
	if err := createSchema(ctx, conn); err != nil {
		return 0, explain(ctx, conn, err)
	}
	db := stdlib.OpenDB(*conn.Config())
	defer db.Close()
	n := 0
	err = alone(ctx, conn, func() (err error) {
		n, err = up(ctx, db)
		return err
	})
	return n, explain(ctx, conn, err)
}

// alone runs something while no other process does. The lock is that of a transaction: one of a session would stay behind in a
// pooler in transaction mode.
func alone(ctx context.Context, conn *pgx.Conn, run func() error) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// A long migration of another process may run for five minutes, and one of ours leaves this transaction idle.
		_, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = '5min'; SET LOCAL idle_in_transaction_session_timeout = 0;
			SELECT pg_advisory_xact_lock(%d)`, lockID))
		if err != nil {
			return fmt.Errorf("wait for another process that migrates: %w", err)
		}
		return run()
	})
}

func up(ctx context.Context, db *sql.DB) (int, error) {
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}

// Status lists the migrations of this binary and whether the database has each. A database that has one this binary
// does not know is an error: a newer Gatepost wrote it.
func Status(ctx context.Context, conn *pgx.Conn) ([]Migration, error) {
	list, err := known()
	if err != nil {
		return nil, err
	}
	applied, err := applied(ctx, conn)
	if err != nil {
		return nil, explain(ctx, conn, err)
	}
	newest := list[len(list)-1].Version
	for v := range applied {
		if v > newest {
			return nil, fmt.Errorf("the database was migrated to version %d by a newer Gatepost, and this one knows versions up to %d: run that newer Gatepost, or restore the backup made before the upgrade", v, newest)
		}
	}
	for i := range list {
		list[i].Applied = applied[list[i].Version]
	}
	return list, nil
}

// Check says in one sentence what keeps a Gatepost of this version from working on the database: a migration not
// applied, a table gone, or a right missing.
func Check(ctx context.Context, conn *pgx.Conn) error {
	list, err := Status(ctx, conn)
	if err != nil {
		return err
	}
	if n := pending(list); n > 0 {
		return fmt.Errorf("%d of %d migrations are not applied to the database: run `gatepost migrate`", n, len(list))
	}
	return Usable(ctx, conn)
}

func pending(list []Migration) int {
	n := 0
	for _, m := range list {
		if !m.Applied {
			n++
		}
	}
	return n
}

func known() ([]Migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	var list []Migration
	for _, name := range names {
		number, title, _ := strings.Cut(strings.TrimSuffix(name, path.Ext(name)), "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		list = append(list, Migration{Version: v, Name: title})
	}
	return list, nil
}

func applied(ctx context.Context, conn *pgx.Conn) (map[int64]bool, error) {
	var exists bool
	err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", versionTable).Scan(&exists)
	if err != nil || !exists {
		return nil, err
	}
	rows, err := conn.Query(ctx, "SELECT version_id FROM "+versionTable+" WHERE is_applied AND version_id > 0")
	if err != nil {
		return nil, err
	}
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, err
	}
	found := map[int64]bool{}
	for _, v := range versions {
		found[v] = true
	}
	return found, nil
}

// createSchema makes the schema that holds the version table itself, and so must exist before goose runs.
func createSchema(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	err := conn.QueryRow(ctx, "SELECT to_regnamespace('gatepost') IS NOT NULL").Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS gatepost")
	if code := sqlState(err); code == "23505" || code == "42P06" {
		return nil // another process made it between the two statements
	}
	return err
}

func sqlState(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}
