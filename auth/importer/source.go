package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/database"
)

// Database is a source that is a PostgreSQL database. It is only read, as it is at one moment.
type Database struct {
	// URL is where it is, as libpq and pgx take it.
	URL string
	// Schema is the schema of its tables. Empty: the first of the search path that has them.
	Schema string
	// Tables and Columns say what tables and columns are called that have other names than usual, as in "user" →
	// "app_users" and "user.email" → "mail". Usual are the names of the source, in camelCase, in snake_case, and in
	// the plural.
	Tables, Columns map[string]string
	// Issuers are the issuers of providers that the source knows by a name of its own, as "keycloak".
	Issuers map[string]string
}

// table is a table of a source: what it is called there, and its columns by the names that a source's file has for
// them.
type table struct {
	name    string // quoted, with its schema
	columns map[string]string
	types   map[string]string
}

// want is a table of a source: its names, first the usual one, and its columns, those that it may lack with a question
// mark.
type want struct {
	key      string
	optional bool
	names    []string
	columns  []string
}

// reader is an open source.
type reader struct {
	tx     pgx.Tx
	from   Database
	tables map[string]*table
}

// open connects to the source, finds its tables and runs f in one snapshot.
func (d Database) open(ctx context.Context, wants []want, f func(*reader) error) error {
	pool, err := pgxpool.ParseConfig(d.URL) // a URL may have settings of pools
	if err != nil {
		return fmt.Errorf("the address of the source: %w", err)
	}
	config := pool.ConnConfig
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.RuntimeParams["timezone"] = "UTC"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it has written nothing
	if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '0', true),
	    set_config('idle_in_transaction_session_timeout', '0', true)`); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	r := &reader{tx, d, map[string]*table{}}
	var faults []error
	for _, w := range wants {
		t, err := r.find(ctx, w)
		if err != nil {
			faults = append(faults, err)
		}
		r.tables[w.key] = t
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	return f(r)
}

// find finds a table and its columns in the catalogue.
func (r *reader) find(ctx context.Context, w want) (*table, error) {
	names := w.names
	if named := r.from.Tables[w.key]; named != "" {
		names = []string{named}
	}
	var schema, name string
	err := r.tx.QueryRow(ctx, `
		SELECT table_schema, table_name FROM information_schema.tables
		WHERE table_name = ANY ($1) AND (table_schema = $2 OR $2 = '' AND table_schema = ANY (current_schemas(false)))
		ORDER BY array_position($1, table_name::text), array_position(current_schemas(false), table_schema::name) LIMIT 1`,
		names, r.from.Schema).Scan(&schema, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		if w.optional && r.from.Tables[w.key] == "" {
			return nil, nil
		}
		return nil, fmt.Errorf("the source has no table %s; if it is called otherwise there, say --table %s=NAME, and "+
			"--schema if it is in another schema", strings.Join(names, ", "), w.key)
	}
	if err != nil {
		return nil, fmt.Errorf("the source: %w", err)
	}
	t := &table{pgx.Identifier{schema, name}.Sanitize(), map[string]string{}, map[string]string{}}
	return t, r.findColumns(ctx, w, t, schema, name)
}

// findColumns finds the columns of a table, by the names that were given, or by the usual ones in either spelling.
func (r *reader) findColumns(ctx context.Context, w want, t *table, schema, name string) error {
	there, err := r.catalogue(ctx, schema, name)
	if err != nil {
		return err
	}
	var missing []string
	for _, column := range w.columns {
		column, optional := strings.CutSuffix(column, "?")
		found := ""
		for _, spelling := range r.spellings(w.key, column) {
			if there[spelling] != "" {
				found = spelling
				break
			}
		}
		if found == "" {
			if named := r.from.Columns[w.key+"."+column]; named != "" || !optional {
				missing = append(missing, cmp.Or(named, column))
			}
			continue
		}
		t.columns[column], t.types[column] = pgx.Identifier{found}.Sanitize(), there[found]
	}
	if len(missing) > 0 {
		return fmt.Errorf("the table %s of the source has no column %s; if it is called otherwise there, say --column "+
			"%s.%s=NAME", t.name, strings.Join(missing, ", "), w.key, missing[0])
	}
	return nil
}

func (r *reader) catalogue(ctx context.Context, schema, name string) (types map[string]string, err error) {
	rows, err := r.tx.Query(ctx, `
		SELECT column_name::text, data_type::text FROM information_schema.columns
		WHERE table_schema = $1 AND table_name = $2`, schema, name)
	if err != nil {
		return nil, fmt.Errorf("the source: %w", err)
	}
	types = map[string]string{}
	var column, kind string
	_, err = pgx.ForEachRow(rows, []any{&column, &kind}, func() error { types[column] = kind; return nil })
	if err != nil {
		return nil, fmt.Errorf("the source: %w", err)
	}
	return types, nil
}

// spellings are what a column may be called.
func (r *reader) spellings(table, column string) []string {
	if named := r.from.Columns[table+"."+column]; named != "" {
		return []string{named}
	}
	return slices.Compact([]string{column, snake(column), strings.ToLower(column)})
}

// snake is a name in camelCase as one in snake_case.
func snake(s string) string {
	var b strings.Builder
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// text is the SQL of a column as text; empty if the table or the column is missing, or the row has none.
func (t *table) text(alias, column string) string {
	if t == nil || t.columns[column] == "" {
		return `''`
	}
	return `coalesce(` + alias + `.` + t.columns[column] + `::text, '')`
}

// moment is the SQL of a column with a time, which may be without a zone (UTC then); null if it is missing.
func (t *table) moment(alias, column string) string {
	if t == nil || t.columns[column] == "" {
		return `NULL::timestamptz`
	}
	name := alias + `.` + t.columns[column]
	switch t.types[column] {
	case "timestamp without time zone":
		name = `(` + name + ` AT TIME ZONE 'UTC')`
	case "integer", "bigint": // Auth.js has seconds in places
		name = `to_timestamp(` + name + `)`
	}
	return database.Readable(name)
}

// truth is the SQL of a column that says yes or no. A time says yes, and null no.
func (t *table) truth(alias, column string) string {
	if t == nil || t.columns[column] == "" {
		return `false`
	}
	name := alias + `.` + t.columns[column]
	if kind := t.types[column]; strings.HasPrefix(kind, "timestamp") {
		return name + ` IS NOT NULL`
	}
	return `coalesce(` + name + `::text IN ('t', 'true', '1'), false)`
}
