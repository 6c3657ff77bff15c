package migrations_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/migrations"
)

func TestMain(m *testing.M) { authtest.Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestEightAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	applied := make(chan int, 8)
	for range 8 {
		go func() {
			conn, err := pgx.Connect(context.Background(), url)
			if err != nil {
				t.Error(err)
				applied <- 0
				return
			}
			defer conn.Close(context.Background())
			n, err := migrations.Up(context.Background(), conn)
			if err == nil {
				err = migrations.Check(context.Background(), conn)
			}
			if err != nil {
				t.Error(err)
			}
			applied <- n
		}()
	}
	total := 0
	for range 8 {
		total += <-applied
	}
	entries, _ := os.ReadDir(".")
	files := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".sql") {
			files++
		}
	}
	if total != files {
		t.Errorf("%d migrations were applied, want %d", total, files)
	}
}

func TestMigratingLeavesTheAppsTablesAlone(t *testing.T) {
	t.Parallel()
	conn := connect(t, authtest.NewEmptyDatabase(t))
	exec(t, conn, `CREATE TABLE "user" (mine int); CREATE TABLE goose_db_version (mine int)`)
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `SELECT a.mine, b.mine FROM public."user" a, public.goose_db_version b`)
	if n, err := migrations.Up(t.Context(), conn); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

// Rows that a new constraint does not allow are named, with what to do.
func TestRowsInTheWayAreNamed(t *testing.T) {
	t.Parallel()
	conn := connect(t, authtest.NewEmptyDatabase(t))
	if _, err := (migrations.Set{To: 12}).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `
		INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com');
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id) VALUES
			('1', 'a', 'credential', 'a', 'ada'),
			('2', 'b', 'credential', 'b', 'ada')`)
	_, err := migrations.Up(t.Context(), conn)
	wants(t, err, "0013_credential", "(user_id)=(ada)", "delete such rows", "gatepost migrate")
	exec(t, conn, `DELETE FROM gatepost.account WHERE id = '1'`)
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Error(err)
	}
}

// A user from an earlier version may have no address. They can be disabled, and enabled only once they have one.
func TestAUserWithoutAnAddressCanBeDisabled(t *testing.T) {
	t.Parallel()
	conn := connect(t, authtest.NewEmptyDatabase(t))
	if _, err := (migrations.Set{To: 13}).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `INSERT INTO gatepost."user" (id, email) VALUES ('ada', '')`)
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `UPDATE gatepost."user" SET disabled_at = now()`)
	if _, err := conn.Exec(t.Context(), `UPDATE gatepost."user" SET disabled_at = NULL`); err == nil {
		t.Error("somebody without an address is enabled")
	}
	exec(t, conn, `UPDATE gatepost."user" SET disabled_at = NULL, email = 'ada@example.com'`)
}

func TestStatusOfAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	conn := connect(t, authtest.NewEmptyDatabase(t))
	list, err := migrations.Status(t.Context(), conn)
	if err != nil || len(list) == 0 || list[0].Applied || list[0].Name != "tables" {
		t.Errorf("got %v, %v", list, err)
	}
	if err := migrations.Check(t.Context(), conn); err == nil ||
		!strings.Contains(err.Error(), "run `gatepost migrate`") {
		t.Errorf("check: %v", err)
	}
}

// Each state of a database that cannot be used, and the words that its error must have.
func TestAnUnusableDatabaseIsASentence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		want []string
	}{
		"newer": {"INSERT INTO gatepost.goose_db_version (version_id, is_applied) VALUES (9999, true)",
			[]string{"version 9999", "newer Gatepost"}},
		"missing table": {"DROP TABLE gatepost.session", []string{"gatepost.session does not exist",
			"DROP SCHEMA gatepost CASCADE", "gatepost migrate"}},
		"read-only": {"SET default_transaction_read_only = on", []string{"read-only", "list all hosts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, authtest.NewDatabase(t))
			exec(t, conn, c.sql)
			wants(t, migrations.Check(t.Context(), conn), c.want...)
		})
	}
}

// A pooler hands out another server's connection, which does not know the prepared statements.
func TestAPoolerThatMixesUpStatementsIsASentence(t *testing.T) {
	t.Parallel()
	conn := connect(t, authtest.NewDatabase(t))
	if err := migrations.Check(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, "DISCARD ALL")
	wants(t, migrations.Check(t.Context(), conn), "pooler", "default_query_exec_mode=exec", "DATABASE_URL")
}

func wants(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want it to say %q", err, w)
		}
	}
}

func TestMissingRightsAreNamedWithTheirCure(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	owner := connect(t, url)
	var role string
	if err := owner.QueryRow(t.Context(), "SELECT 'poor_' || current_database()").Scan(&role); err != nil {
		t.Fatal(err)
	}
	exec(t, owner, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() { _, _ = owner.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	poor := connect(t, strings.Replace(url, "user=gatepost", "user="+role, 1))
	_, err := migrations.Up(t.Context(), poor)
	wants(t, err, "GRANT CREATE ON DATABASE", role)

	if _, err := migrations.Up(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	wants(t, migrations.Check(t.Context(), poor), "GRANT", role)
	exec(t, owner, "GRANT USAGE ON SCHEMA gatepost TO "+role+"; GRANT SELECT ON ALL TABLES IN SCHEMA gatepost TO "+role)
	wants(t, migrations.Check(t.Context(), poor), "may not read and write", "gatepost.session",
		"GRANT SELECT, INSERT, UPDATE, DELETE")
	exec(t, owner, "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gatepost TO "+role)
	if err := migrations.Check(t.Context(), poor); err != nil {
		t.Errorf("with all rights: %v", err)
	}
	if n, err := migrations.Up(t.Context(), poor); n != 0 || err != nil {
		t.Errorf("a role without DDL needs none when nothing is pending: %d, %v", n, err)
	}
}
