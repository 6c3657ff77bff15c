package migrations_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/migrations"
)

// What is ahead of a database is said without a change to it.
func TestWhatIsAheadOfADatabase(t *testing.T) {
	t.Parallel()
	conn := connect(t, authtest.NewEmptyDatabase(t))
	all, err := migrations.Ahead(t.Context(), conn)
	if err != nil || len(all) == 0 || all[0].Version != 1 {
		t.Fatalf("an empty one: %v, %v", all, err)
	}
	var made bool
	err = conn.QueryRow(t.Context(), `SELECT to_regnamespace('gatepost') IS NOT NULL`).Scan(&made)
	if err != nil || made {
		t.Errorf("the schema was made: %t, %v", made, err)
	}
	if _, err := (migrations.Set{To: 34}).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if list, err := migrations.Ahead(t.Context(), conn); err != nil || len(list) != len(all)-34 || list[0].Version != 35 {
		t.Errorf("an older one: %v, %v", list, err)
	}
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if list, err := migrations.Ahead(t.Context(), conn); err != nil || len(list) > 0 {
		t.Errorf("a current one: %v, %v", list, err)
	}
}

// Where the migrations would fail for a right, or as nothing can be written, that is said beforehand.
func TestMigrationsThatWouldFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after, says string }{
		"no right on the database": {"", "", "run `GRANT CREATE ON DATABASE"},
		"no right on the schema": {"CREATE SCHEMA gatepost", "GRANT USAGE ON SCHEMA gatepost TO %[1]s",
			"run `GRANT USAGE, CREATE ON SCHEMA gatepost TO"},
		"another owner": {"CREATE SCHEMA gatepost; CREATE TABLE gatepost.x ()", "GRANT ALL ON SCHEMA gatepost TO %[1]s",
			"run `ALTER TABLE gatepost.\"x\" OWNER TO"},
		"read-only": {"", "ALTER ROLE %[1]s SET default_transaction_read_only = on", "is read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := authtest.NewEmptyDatabase(t)
			owner := connect(t, url)
			role := "ahead_" + strings.ReplaceAll(strings.ReplaceAll(name, " ", "_"), "-", "_")
			exec(t, owner, "CREATE ROLE "+role+" LOGIN; "+c.before)
			if c.after != "" {
				exec(t, owner, fmt.Sprintf(c.after, role))
			}
			list, err := migrations.Ahead(t.Context(), connect(t, url+"&user="+role))
			if err == nil || !strings.Contains(err.Error(), c.says) || len(list) == 0 {
				t.Errorf("%v, %v", list, err)
			}
		})
	}
}

// A database whose encoding has no room for every name is refused beforehand, with what to do.
func TestAnotherEncodingIsRefused(t *testing.T) {
	t.Parallel()
	conn := connect(t, authtest.NewEmptyDatabase(t))
	exec(t, conn, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
	latin := conn.Config().Copy()
	latin.Database, latin.RuntimeParams["client_encoding"] = "latin", "UTF8"
	other, err := pgx.ConnectConfig(t.Context(), latin)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.WithoutCancel(t.Context()))
	for what, do := range map[string]func() error{
		"ahead": func() error { _, err := migrations.Ahead(t.Context(), other); return err },
		"up":    func() error { _, err := migrations.Up(t.Context(), other); return err },
	} {
		err := do()
		if err == nil || !strings.Contains(err.Error(), "LATIN1") || !strings.Contains(err.Error(), "ENCODING 'UTF8'") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
