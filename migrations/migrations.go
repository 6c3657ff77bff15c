// Package migrations owns the tables of the database. It has the SQL files, applies them once however many
// processes start together, keeps the tables open to a gate that serves meanwhile, and explains why a database
// cannot be used. Files are only added, never changed.
package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed *.sql
var files embed.FS

// Migration is one file, and whether it is applied.
type Migration struct {
	// Version, Name and Applied are the file's version, its name, and whether the database has it.
	Version int64
	Name    string
	Applied bool
}

// Set is a series of migrations. The zero value is the series of this binary.
type Set struct {
	// Files has the .sql files. Default: those of this binary.
	Files fs.FS
	// To is the last version to use. Default: the last of all.
	To int64
	// Waits is called again and again while the work waits for others, from one goroutine at a time. It may be nil.
	Waits func(Wait)
}

// Up applies the missing files and returns how many it applied. Any number of processes may call it at once: one
// does the work and the others wait. When nothing is missing it only reads, so it needs no right to change tables.
func Up(ctx context.Context, conn *pgx.Conn) (int, error) { return Set{}.Up(ctx, conn) }

// Up is the function Up for this series.
func (s Set) Up(ctx context.Context, conn *pgx.Conn) (int, error) {
	list, err := s.status(ctx, conn)
	if err != nil || pending(list) == 0 {
		return 0, err
	}
	known, err := s.read()
	if err != nil {
		return 0, err
	}
	if err := createSchema(ctx, conn); err != nil {
		return 0, explain(ctx, conn, err)
	}
	var missing []file
	for i, f := range known {
		if !list[i].Applied {
			missing = append(missing, f)
		}
	}
	w := newWorker(conn, s.Waits)
	defer w.Close()
	n, err := w.all(ctx, missing)
	for errors.Is(err, errBusy) && w.others(ctx, missing[0]) == nil {
		var more int
		more, err = w.all(ctx, missing)
		n += more
	}
	if err != nil {
		err = explain(ctx, conn, fmt.Errorf("migrate: %w", err))
	}
	return n, err
}

// Status returns the migrations of this binary, and whether each is applied. It fails when a newer Gatepost has
// changed the database so that this binary may not run on it.
func Status(ctx context.Context, conn *pgx.Conn) ([]Migration, error) { return Set{}.status(ctx, conn) }

func (s Set) status(ctx context.Context, conn *pgx.Conn) ([]Migration, error) {
	if err := checkEncoding(conn); err != nil {
		return nil, err
	}
	known, err := s.read()
	if err != nil {
		return nil, err
	}
	b, err := readBook(ctx, conn)
	if err != nil {
		return nil, explain(ctx, conn, err)
	}
	if err := b.admits(newest(known)); err != nil {
		return nil, err
	}
	var list []Migration
	for _, f := range known {
		list = append(list, Migration{f.version, f.name, b.has(f.version)})
	}
	return list, nil
}

// Ahead returns the migrations that Up would apply to the database. It changes nothing, and fails where Up would fail
// for a right that is missing, or as the database is read-only.
func Ahead(ctx context.Context, conn *pgx.Conn) ([]Migration, error) { return Set{}.ahead(ctx, conn) }

func (s Set) ahead(ctx context.Context, conn *pgx.Conn) (missing []Migration, err error) {
	list, err := s.status(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if !m.Applied {
			missing = append(missing, m)
		}
	}
	if len(missing) > 0 {
		err = checkOwner(ctx, conn)
	}
	return missing, err
}

// Check fails, in one sentence, when a Gatepost of this version cannot work on the database: a migration is not
// applied, a table is gone, or a right is missing.
func Check(ctx context.Context, conn *pgx.Conn) error { return Set{}.check(ctx, conn) }

func (s Set) check(ctx context.Context, conn *pgx.Conn) error {
	list, err := s.status(ctx, conn)
	if err != nil {
		return err
	}
	if n := pending(list); n > 0 {
		return fmt.Errorf("%d of %d migrations are not applied to the database: run `gatepost migrate`", n, len(list))
	}
	return checkAccess(ctx, conn)
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

// createSchema makes the schema and the book, which the first migration needs.
func createSchema(ctx context.Context, conn *pgx.Conn) error {
	for _, c := range []struct{ exists, create string }{
		{"SELECT to_regnamespace('gatepost') IS NOT NULL", "CREATE SCHEMA IF NOT EXISTS gatepost"},
		{"SELECT to_regclass('gatepost.migration') IS NOT NULL", `CREATE TABLE IF NOT EXISTS gatepost.migration (
			version    bigint PRIMARY KEY,
			oldest     bigint      NOT NULL DEFAULT 0, -- a gate that knows no version as new as this may not run any more
			applied_at timestamptz NOT NULL DEFAULT now())`},
	} {
		var before, after bool
		if err := conn.QueryRow(ctx, c.exists).Scan(&before); err != nil {
			return err
		}
		if before {
			continue
		}
		_, err := conn.Exec(ctx, c.create)
		if err != nil && conn.QueryRow(ctx, c.exists).Scan(&after) == nil && after {
			continue // another process made it between the two statements
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func sqlState(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}
