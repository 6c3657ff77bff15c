package session_test

import (
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/session"
)

func TestMain(m *testing.M) { authtest.Main(m) }

// What Lookup reads is in the list of what decides, and the triggers of the database are those that the list makes: a
// new deciding column cannot be forgotten at one of the three places.
func TestWhatDecidesIsTold(t *testing.T) {
	t.Parallel()
	db := authtest.NewPool(t)
	listed := session.Deciding()
	delete(listed, "gatepost.account.password") // Lookup does not read it; its change ends sessions
	read := readBy(t, db, session.LookupSQL())
	maps.Copy(read, readBy(t, db, session.LookupImportedSQL()))
	maps.Copy(read, readBy(t, db, session.LookupTokenSQL()))
	if !maps.Equal(read, listed) {
		t.Errorf("Lookup reads\n%v, and the list has\n%v", read, listed)
	}
	for name, want := range session.Tellers() {
		var got string
		err := db.QueryRow(t.Context(),
			`SELECT prosrc FROM pg_proc WHERE proname = $1 AND pronamespace = 'gatepost'::regnamespace`,
			name).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s is\n%s\nand the list makes\n%s\n%v", name, got, want, err)
		}
	}
}

// readBy are the columns that a look-up reads, as table.column, in whatever way the statement names them: those that
// PostgreSQL notes for a view made of it. The id of a row is left out, as it never changes.
func readBy(t *testing.T, db *pgxpool.Pool, sql string) map[string]bool {
	t.Helper()
	if _, err := db.Exec(t.Context(), `DROP VIEW IF EXISTS public.lookup;
		CREATE VIEW public.lookup AS SELECT count(*) FROM (`+sql+`) AS found`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(t.Context(), `
		SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) FROM pg_rewrite w
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
		    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
		JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE w.ev_class = 'public.lookup'::regclass AND a.attname <> 'id'`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(columns) == 0 {
		t.Fatal(columns, err)
	}
	read := map[string]bool{}
	for _, column := range columns {
		read[column] = true
	}
	return read
}
