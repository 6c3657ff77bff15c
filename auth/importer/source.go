package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
	// Issuers are the issuers of providers that the source knows by a name of its own, as "keycloak". One at which
	// nobody has an account there stops the import: it is likely misspelt.
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
// mark, and which of them are times.
type want struct {
	key      string
	optional bool
	names    []string
	columns  []string
	times    []string
}

// reader is an open source.
type reader struct {
	tx     pgx.Tx
	from   Database
	tables map[string]*table
	unsaid unsaid
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
	if err != nil { // pgx gives a line to each address that it tried
		return fmt.Errorf("the source: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it has written nothing
	// With row_security off, a read that would miss rows fails.
	if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '0', true),
	    set_config('idle_in_transaction_session_timeout', '0', true),
	    set_config('row_security', 'off', true)`); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	r := &reader{tx, d, map[string]*table{}, nil}
	faults := d.misspelt(wants)
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

// misspelt are the names in Tables and Columns that no table and no column of the source has.
func (d Database) misspelt(wants []want) (faults []error) {
	var tables, columns []string
	for _, w := range wants {
		tables = append(tables, w.key)
		for _, c := range w.columns {
			columns = append(columns, w.key+"."+strings.TrimSuffix(c, "?"))
		}
	}
	for _, named := range []struct {
		flag  string
		given map[string]string
		known []string
	}{{"--table", d.Tables, tables}, {"--column", d.Columns, columns}} {
		for _, name := range slices.Sorted(maps.Keys(named.given)) {
			if !slices.Contains(named.known, name) {
				faults = append(faults, fmt.Errorf("%s %s=%s names nothing of this source%s; it has %s", named.flag, name,
					named.given[name], meant(name, named.known), strings.Join(named.known, ", ")))
			}
		}
	}
	return faults
}

// find finds a table and its columns in the catalogue. The gate's own tables, which a role of its name would find
// first, are none of the source's unless their schema is named.
func (r *reader) find(ctx context.Context, w want) (*table, error) {
	names := w.names
	if named := r.from.Tables[w.key]; named != "" {
		names = []string{named}
	}
	var found relation
	err := r.tx.QueryRow(ctx, `
		SELECT c.oid, n.nspname::text, c.relname::text, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname = ANY ($1)
		    AND (n.nspname = $2 OR $2 = '' AND n.nspname = ANY (current_schemas(false)) AND n.nspname <> 'gatepost')
		ORDER BY array_position($1, c.relname::text), array_position(current_schemas(false), n.nspname) LIMIT 1`,
		names, r.from.Schema).Scan(&found.oid, &found.schema, &found.name, &found.entered)
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
	t := &table{pgx.Identifier{found.schema, found.name}.Sanitize(), map[string]string{}, map[string]string{}}
	return t, r.findColumns(ctx, w, t, found)
}

// relation is a table or a view of the source.
type relation struct {
	oid          uint32
	schema, name string
	entered      bool // the role may use its schema
}

// readable fails if the role of the import sees less of a table than is there: what it does not see would be taken for
// missing, as a second factor.
func (r *reader) readable(ctx context.Context, t *table, of relation, needed []string) error {
	var role string
	var granted, filtered bool
	err := r.tx.QueryRow(ctx, `
		SELECT current_user::text, $2 AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS c (name)
		    WHERE NOT pg_catalog.has_column_privilege($1::oid, c.name, 'SELECT')), pg_catalog.row_security_active($1::oid)`,
		of.oid, of.entered, needed).Scan(&role, &granted, &filtered)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	role = pgx.Identifier{role}.Sanitize()
	switch {
	case !of.entered:
		return fmt.Errorf("the source has the table %s, which its role %s may not read; run there: GRANT USAGE ON "+
			"SCHEMA %s TO %[2]s; GRANT SELECT ON %[1]s TO %[2]s", t.name, role, pgx.Identifier{of.schema}.Sanitize())
	case !granted:
		return fmt.Errorf("the source has the table %s, which its role %s may not read; run there: GRANT SELECT ON "+
			"%[1]s TO %[2]s", t.name, role)
	case filtered:
		return fmt.Errorf("the source hides rows of the table %s from its role %s (row-level security); use the owner's "+
			"role, or run there: ALTER ROLE %[2]s BYPASSRLS", t.name, role)
	}
	return nil
}

// findColumns finds the columns of a table, by the names that were given, or by the usual ones in either spelling.
func (r *reader) findColumns(ctx context.Context, w want, t *table, of relation) error {
	there, err := r.catalogue(ctx, of.oid)
	if err != nil {
		return err
	}
	var missing, needed []string
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
		needed = append(needed, found)
	}
	if len(missing) > 0 {
		return fmt.Errorf("the table %s of the source has no column %s; if it is called otherwise there, say --column "+
			"%s.%s=NAME", t.name, strings.Join(missing, ", "), w.key, missing[0])
	}
	for _, column := range w.times {
		if kind := t.types[column]; kind != "" && !slices.Contains(timeTypes, kind) {
			return fmt.Errorf("the column %s of the table %s of the source has times as %s, which cannot be read: make "+
				"a view there that has them as timestamp with time zone, and say --table %s=NAME", t.columns[column], t.name, kind,
				w.key)
		}
	}
	return r.readable(ctx, t, of, needed)
}

// timeTypes are those that moment reads.
var timeTypes = []string{"timestamp with time zone", "timestamp without time zone", "date", "integer", "bigint",
	"numeric", "double precision"}

// catalogue returns the types of a table's columns, also of those that the role may not read.
func (r *reader) catalogue(ctx context.Context, oid uint32) (types map[string]string, err error) {
	rows, err := r.tx.Query(ctx, `
		SELECT a.attname::text, pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL)
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped`, oid)
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
	inside := false // of capitals, as in credentialID
	for _, c := range s {
		capital := 'A' <= c && c <= 'Z'
		if capital {
			if !inside {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		inside = capital
		b.WriteRune(c)
	}
	return b.String()
}

// has reports whether the source has a column, as in "user.role", or a table, as in "session.".
func (r *reader) has(name string) bool {
	table, column, _ := strings.Cut(name, ".")
	t := r.tables[table]
	return t != nil && (column == "" || t.columns[column] != "")
}

// text is the SQL of a column as text; empty if the table or the column is missing, or the row has none.
func (t *table) text(alias, column string) string {
	if t == nil || t.columns[column] == "" {
		return `''`
	}
	return `coalesce(` + alias + `.` + t.columns[column] + `::text, '')`
}

// cell is text, cut where a person with so much is refused (Person.bound).
func (t *table) cell(alias, column string) string {
	return fmt.Sprintf(`left(%s, %d)`, t.text(alias, column), cellMost+1)
}

// moment is the SQL of a column with a time, which may be without a zone (UTC then); null if it is missing.
func (t *table) moment(alias, column string) string {
	if t == nil || t.columns[column] == "" {
		return `NULL::timestamptz`
	}
	name := alias + `.` + t.columns[column]
	switch t.types[column] {
	case "timestamp without time zone", "date":
		name = `(` + name + `::timestamp AT TIME ZONE 'UTC')`
	case "integer", "bigint", "numeric", "double precision":
		name = sinceEpoch(name)
	}
	return database.Readable(name)
}

// lastSecond is the last one that has four digits for its year, since 1970. A number above it are milliseconds, which
// are later than January 1978 then.
const lastSecond = "253402300799"

// sinceEpoch is the SQL of a time as a number of seconds or milliseconds since 1970; null for 0, which is what many
// write for none.
func sinceEpoch(number string) string {
	n := number + `::numeric`
	return `CASE WHEN ` + n + ` <> 0 THEN to_timestamp(greatest(least(CASE WHEN ` + n + ` > ` + lastSecond + ` THEN ` + n +
		` / 1000 ELSE ` + n + ` END, ` + lastSecond + `), 0)::float8) END`
}

// truth is the SQL of a column that says yes or no, as a text for says.
func (t *table) truth(alias, column string) string {
	if t != nil && (strings.HasPrefix(t.types[column], "timestamp") || t.types[column] == "date") {
		return `CASE WHEN ` + alias + `.` + t.columns[column] + ` IS NULL THEN '' ELSE 't' END`
	}
	return `left(` + t.text(alias, column) + `, 40)`
}

// says reads what a column says of somebody, yes or no. A time says yes, and null no. Something else may be a ban: they
// are refused.
func (t *table) says(p *Person, column, value string) (yes bool) {
	yes, err := readTruth(value)
	if err != nil {
		p.fail(fmt.Errorf("has %q in the column %s of the table %s, which is neither yes nor no", value, t.columns[column],
			t.name))
	}
	return yes
}

// readTruth reads yes or no as PostgreSQL and people write it.
func readTruth(value string) (yes bool, err error) {
	value = strings.TrimSpace(value)
	switch strings.ToLower(value) {
	case "", "f", "false", "n", "no", "off":
		return false, nil
	case "t", "true", "y", "yes", "on", "infinity":
		return true, nil
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil && (n == 0 || n == 1 || n >= 1e8) { // or a time since 1970
		return n != 0, nil
	}
	var at time.Time
	return true, readTime("", value, &at)
}
