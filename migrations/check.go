package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Usable fails, in one sentence, when a Gatepost that knows the tables cannot work on the database: it is
// read-only, a table is gone, or a right is missing. Additions of a newer version do not matter, unless that
// version says so.
func Usable(ctx context.Context, conn *pgx.Conn) error { return Set{}.usable(ctx, conn) }

func (s Set) usable(ctx context.Context, conn *pgx.Conn) error {
	if _, err := s.status(ctx, conn); err != nil {
		return err
	}
	return checkAccess(ctx, conn)
}

func checkAccess(ctx context.Context, conn *pgx.Conn) error {
	if err := checkWritable(ctx, conn); err != nil {
		return err
	}
	return checkTables(ctx, conn)
}

func checkWritable(ctx context.Context, conn *pgx.Conn) error {
	var readOnly string
	if err := conn.QueryRow(ctx, `SELECT current_setting('transaction_read_only')`).Scan(&readOnly); err != nil {
		return explain(ctx, conn, err)
	}
	if readOnly == "on" {
		return errReadOnly(conn.Config().Database)
	}
	return nil
}

// checkEncoding refuses a database that cannot keep every text. A pooler that says nothing of it is believed.
func checkEncoding(conn *pgx.Conn) error {
	encoding, name := conn.PgConn().ParameterStatus("server_encoding"), conn.Config().Database
	if encoding == "" || encoding == "UTF8" {
		return nil
	}
	return fmt.Errorf("database %q keeps text as %s, and Gatepost needs UTF8, for names in every script: make another "+
		"with `CREATE DATABASE gatepost TEMPLATE template0 ENCODING 'UTF8'`, and name it in DATABASE_URL", name, encoding)
}

// checkOwner checks that the role may change the tables: that it may make the schema, or make tables in it and owns
// those that are there.
func checkOwner(ctx context.Context, conn *pgx.Conn) error {
	if err := checkWritable(ctx, conn); err != nil {
		return err
	}
	var exists, makesSchema, makesTables bool
	var foreign string
	err := conn.QueryRow(ctx, `
		SELECT to_regnamespace('gatepost') IS NOT NULL, has_database_privilege(current_database(), 'CREATE'),
		    coalesce(has_schema_privilege(to_regnamespace('gatepost')::oid, 'CREATE'), false),
		    coalesce((SELECT min(relname) FROM pg_class WHERE relnamespace = to_regnamespace('gatepost')
		        AND relkind IN ('r', 'p') AND NOT pg_has_role(relowner, 'USAGE')), '')`).
		Scan(&exists, &makesSchema, &makesTables, &foreign)
	switch {
	case err != nil:
		return explain(ctx, conn, err)
	case !exists && !makesSchema:
		return errLacksRight(conn, errors.New("it may not make the schema gatepost"), mayCreate(conn))
	case exists && !makesTables:
		return errLacksRight(conn, errors.New("it may not make tables in the schema gatepost"),
			fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA gatepost TO %q", conn.Config().User))
	case foreign != "":
		return errLacksRight(conn, fmt.Errorf("it is not the owner of the table gatepost.%s", foreign),
			fmt.Sprintf("ALTER TABLE gatepost.%q OWNER TO %q", foreign, conn.Config().User))
	}
	return nil
}

func errReadOnly(database string) error {
	return fmt.Errorf("database %q is read-only, a standby perhaps: "+
		"point DATABASE_URL at the primary, or list all hosts", database)
}

// checkTables checks that each table exists and that the role has the rights on it.
func checkTables(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `
		SELECT t.name, to_regclass(t.name) IS NOT NULL,
		       coalesce(has_table_privilege(to_regclass(t.name), 'SELECT')
		            AND has_table_privilege(to_regclass(t.name), 'INSERT')
		            AND has_table_privilege(to_regclass(t.name), 'UPDATE')
		            AND has_table_privilege(to_regclass(t.name), 'DELETE'), false)
		FROM unnest($1::text[]) AS t (name)`,
		[]string{`gatepost."user"`, "gatepost.session", "gatepost.challenge", "gatepost.account",
			"gatepost.verification", "gatepost.throttle", "gatepost.familiar",
			"gatepost.signup_browser", "gatepost.outbox", "gatepost.acme", "gatepost.audit_event",
			"gatepost.encryption_key", "gatepost.provider_flow", "gatepost.logout_token", "gatepost.provider_token"})
	if err != nil {
		return explain(ctx, conn, err)
	}
	var missing, closed []string
	var name string
	var exists, allowed bool
	_, err = pgx.ForEachRow(rows, []any{&name, &exists, &allowed}, func() error {
		if !exists {
			missing = append(missing, name)
		} else if !allowed {
			closed = append(closed, name)
		}
		return nil
	})
	switch {
	case err != nil:
		return explain(ctx, conn, err)
	case len(missing) > 0:
		return fmt.Errorf("the table %s does not exist although its migration was applied: restore it from a "+
			"backup, or, to start again with no users, run `DROP SCHEMA gatepost CASCADE` in psql and then "+
			"`gatepost migrate`", strings.Join(missing, ", "))
	case len(closed) > 0:
		return fmt.Errorf("the database role %q may not read and write %s: as the owner run `GRANT USAGE ON SCHEMA "+
			"gatepost TO %[1]q; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gatepost TO %[1]q`",
			conn.Config().User, strings.Join(closed, ", "))
	}
	return nil
}

// explain turns an error of PostgreSQL's into advice on how to solve it.
func explain(_ context.Context, conn *pgx.Conn, err error) error {
	switch sqlState(err) {
	case "42501": // insufficient_privilege
		return errLacksRight(conn, err, mayCreate(conn))
	case "42P05", "26000": // duplicate_prepared_statement, invalid_sql_statement_name
		return fmt.Errorf("a pooler in between does not keep prepared statements apart (%w): add "+
			"default_query_exec_mode=exec to DATABASE_URL", err)
	case "25006": // read_only_sql_transaction
		return fmt.Errorf("%w (%w)", errReadOnly(conn.Config().Database), err)
	}
	return err
}

// errLacksRight says which right a role lacks, and cure is the command that gives it.
func errLacksRight(conn *pgx.Conn, cause error, cure string) error {
	return fmt.Errorf("the database role %[1]q lacks a right in database %[2]q (%[3]w): as the owner run `%[4]s`, or run "+
		"`gatepost migrate` once as the owner and grant %[1]q USAGE on the schema gatepost and SELECT, INSERT, UPDATE, "+
		"DELETE on its tables", conn.Config().User, conn.Config().Database, cause, cure)
}

// mayCreate is the command by which a role may make the schema.
func mayCreate(conn *pgx.Conn) string {
	return fmt.Sprintf("GRANT CREATE ON DATABASE %q TO %q", conn.Config().Database, conn.Config().User)
}
