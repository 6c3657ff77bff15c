// Package migrations owns the shape of the database: the SQL files, applying them once however many processes start
// together and without closing the tables to a gate that serves, and saying in plain words why a database cannot be
// used. Files are only ever added, never changed.
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

// Migration is one file and whether the database has it.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Set is a series of migrations. Its zero value is the one of this binary.
type Set struct {
	// Files has the .sql files. Default: those of this binary.
	Files fs.FS
	// To is the last version that is known. Default: all are.
	To int64
	// Waits is told again and again while others are waited for, from one goroutine at a time. Default: nobody is told.
	Waits func(Wait)
}

// Up applies what is missing and returns how many files that were. Any number of processes may call it at once: one
// does the work and the others wait for it. With nothing missing it only reads, so it needs no right to change tables.
func Up(ctx context.Context, conn *pgx.Conn) (int, error) { return Set{}.Up(ctx, conn) }

// Up is the function of this name, for this series.
func (s Set) Up(ctx context.Context, conn *pgx.Conn) (int, error) {
	list, err := s.Status(ctx, conn)
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

// Status lists the migrations of this binary and whether the database has each. A database on which this binary may not
// run is an error: a newer Gatepost changed it.
func Status(ctx context.Context, conn *pgx.Conn) ([]Migration, error) { return Set{}.Status(ctx, conn) }

// Status is the function of this name, for this series.
func (s Set) Status(ctx context.Context, conn *pgx.Conn) ([]Migration, error) {
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

// Check says in one sentence what keeps a Gatepost of this version from working on the database: a migration not
// applied, a table gone, or a right missing.
func Check(ctx context.Context, conn *pgx.Conn) error { return Set{}.Check(ctx, conn) }

// Check is the function of this name, for this series.
func (s Set) Check(ctx context.Context, conn *pgx.Conn) error {
	list, err := s.Status(ctx, conn)
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

// createSchema makes what keeps the book of migrations, and so must exist before the first of them.
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
