package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/internal/localpg"
)

// runImport measures how long it takes to move in and out, and the most memory that the command has: go run ./bench
// import [USERS]. Each user of the source has a password, and one in ten a session. PostgreSQL writes to the disk as it
// does for an operator.
func runImport(args []string) error {
	users := 1_000_000
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 1 || len(args) > 1 {
			return fmt.Errorf("%q is not a number of users", strings.Join(args, " "))
		}
		users = n
	}
	if !supported {
		return errNotHere
	}
	ctx, stop := untilInterrupted()
	defer stop()
	m := &moving{site: &site{}, users: users}
	defer m.Close()
	if err := m.open(ctx); err != nil {
		return err
	}
	return m.run(ctx)
}

type moving struct {
	*site
	dir   string
	users int
}

func (m *moving) open(ctx context.Context) (err error) {
	if m.dir, err = os.MkdirTemp("", "gatepost-import-"); err != nil {
		return err
	}
	m.onClose(func() { _ = os.RemoveAll(m.dir) })
	if err := os.Chmod(m.dir, 0o711); err != nil { // as root, PostgreSQL runs as another user, who needs access
		return err
	}
	m.program = filepath.Join(m.dir, "gatepost")
	if err := build(ctx, m.program); err != nil {
		return err
	}
	m.database, err = localpg.Start(ctx, localpg.Config{Dir: filepath.Join(m.dir, "database")})
	if err != nil {
		return err
	}
	m.onClose(func() { _ = m.database.Stop() })
	fmt.Fprintf(os.Stderr, "bench: %d users\n", m.users)
	return m.makeSource(ctx)
}

// makeSource makes the tables of Better Auth, and an empty database to come back into.
func (m *moving) makeSource(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, m.database.URL(localpg.Superuser))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range []string{`CREATE DATABASE empty`, `CREATE SCHEMA old`, `
		CREATE TABLE old."user" AS
		SELECT 'user' || i AS id, 'Ada Lovelace' AS name, 'user' || i || '@example.com' AS email, true AS "emailVerified",
		    NULL::text AS image, now() AS "createdAt", now() AS "updatedAt"
		FROM generate_series(1, $1::int) i`, `
		CREATE TABLE old.account AS
		SELECT 'account' || i AS id, 'user' || i AS "userId", 'user' || i AS "accountId", 'credential' AS "providerId",
		    md5(i::text) || ':' || repeat(md5('salt' || i), 4) AS password, now() AS "createdAt"
		FROM generate_series(1, $1::int) i`, `
		CREATE TABLE old.session AS
		SELECT 'session' || i AS id, 'user' || i AS "userId", 'token' || i AS token, now() + interval '7 days' AS "expiresAt",
		    now() AS "createdAt", '192.0.2.1' AS "ipAddress", 'Mozilla/5.0' AS "userAgent"
		FROM generate_series(10, $1::int, 10) i`,
		`CREATE INDEX ON old.account ("userId")`, `CREATE INDEX ON old.session ("userId")`,
		`ANALYZE old."user", old.account, old.session`,
	} {
		var values []any
		if strings.Contains(sql, "$1") {
			values = []any{pgx.QueryExecModeSimpleProtocol, m.users}
		}
		if _, err := conn.Exec(ctx, sql, values...); err != nil {
			return fmt.Errorf("make the source: %w", err)
		}
	}
	return nil
}

func (m *moving) run(ctx context.Context) error {
	here, empty := m.database.URL(localpg.Superuser), m.database.URL("empty")
	from := []string{"import", "better-auth", "--schema", "old", "--from", here}
	file := filepath.Join(m.dir, "users.jsonl")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "what\ttime\tusers a second\tmost memory")
	for _, step := range []struct {
		what, url string
		args      []string
	}{
		{"the schema", here, []string{"migrate"}},
		{"the schema of the empty database", empty, []string{"migrate"}},
		{"a dry run", here, append(from, "--dry-run")},
		{"the import", here, from},
		{"the same again: nothing is new", here, from},
		{"an export", here, []string{"export"}},
		{"an import of the export into an empty database", empty, []string{"import", "json", file}},
	} {
		took, memory, err := m.step(ctx, step.url, file, step.args)
		if err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		if step.args[0] != "migrate" {
			fmt.Fprintf(w, "%s\t%.0f s\t%.0f\t%s\n", step.what, took.Seconds(), float64(m.users)/took.Seconds(),
				megabytes(memory))
		}
	}
	return nil
}

// step runs one command. What an export prints goes into the file.
func (m *moving) step(ctx context.Context, url, file string, args []string) (took time.Duration, memory int64,
	err error) {
	var out bytes.Buffer
	cmd := command(ctx, m.program, args...)
	cmd.Env = append(cmd.Env, "DATABASE_URL="+url)
	cmd.Stdout, cmd.Stderr = &out, &out
	if args[0] == "export" {
		f, err := os.Create(file)
		if err != nil {
			return 0, 0, err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%w\n%s", err, out.String())
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Since(began), usage.Maxrss << 10, nil
}
