package database_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// sqlStates are codes of every class in PostgreSQL's appendix of error codes, and of one that is nobody's, by what they
// are answered with.
var sqlStates = map[string][]string{
	"waiting helps": {"08000", "08003", "08006", "08001", "08004", "08P01", "25006", "25P03", "25P04", "28000", "28P01",
		"3D000", "40000", "40001", "40002",
		"40003", "40P01", "53000", "53100", "53200", "53300", "53400", "55006", "55P03", "57000", "57014", "57P01",
		"57P02", "57P03", "57P04",
		"57P05", "58000", "58030", "72000", "HV00N"},
	"a rule": {"22001", "22021", "22P05", "23000", "23001", "23502", "23503", "23505", "23514", "23P01", "44000",
		"P0001", "U0001", "99999"},
	"broken": {"01000", "02000", "03000", "09000", "0A000", "0B000", "0F000", "0L000", "0P000", "0Z000", "10608",
		"20000", "21000", "22000", "22003", "22008", "22012",
		"22P02", "24000", "25000", "25P02", "26000", "27000", "2B000", "2D000", "2F000", "34000", "38000", "39000",
		"3B000", "3F000", "42000", "42501",
		"42601", "42703", "42P01", "42P05", "54000", "55000", "F0000", "HV000", "P0000", "P0002", "P0003", "P0004",
		"XX000", "XX001", "XX002"},
}

// raising has a change of a user fail with the SQLSTATE that stands in a table; each try is counted.
func raising(t *testing.T, d *database.DB) {
	t.Helper()
	exec(t, d, `CREATE TABLE raised (code text)`)
	exec(t, d, `CREATE SEQUENCE tries`)
	exec(t, d, `CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE state text := (SELECT code FROM raised);
		BEGIN
			PERFORM nextval('tries');
			IF state <> '' THEN RAISE EXCEPTION 'no' USING ERRCODE = state; END IF;
			RETURN NEW;
		END $$`)
	exec(t, d, `CREATE TRIGGER raise BEFORE UPDATE ON gatepost."user" FOR EACH ROW EXECUTE FUNCTION raise()`)
}

// ways are those in which pages change something.
var ways = map[string]func(*database.DB, context.Context, string) error{
	"a transaction": func(d *database.DB, ctx context.Context, sql string) error {
		return d.Transact(ctx, "change", func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		})
	},
	"a batch": func(d *database.DB, ctx context.Context, sql string) error {
		return d.Batch(ctx, "change", func(b *pgx.Batch) { b.Queue(sql) })
	},
	"a statement": func(d *database.DB, ctx context.Context, sql string) error {
		return d.Repeat(ctx, "change", func(ctx context.Context) error {
			_, err := d.Pages.Exec(ctx, sql)
			return err
		})
	},
}

const rename = `UPDATE gatepost."user" SET name = 'Lovelace'`

// Whatever PostgreSQL answers is what waiting mends, a rule that stands against the deed, or a fault; an outage is none
// of them.
func TestEverySQLSTATEHasItsAnswer(t *testing.T) {
	t.Parallel()
	d, log := newDB(t)
	raising(t, d)
	for want, codes := range sqlStates {
		for _, code := range codes {
			exec(t, d, `DELETE FROM raised`)
			exec(t, d, `INSERT INTO raised VALUES ($1)`, code)
			for way, change := range ways {
				if got := answer(change(d, t.Context(), rename)); got != want {
					t.Errorf("%s in %s: got %s, want %s", code, way, got, want)
				}
			}
		}
	}
	exec(t, d, `DELETE FROM raised`)
	for way, change := range ways {
		if err := change(d, t.Context(), rename); err != nil {
			t.Errorf("%s afterwards: %v", way, err)
		}
	}
	if strings.Contains(log.String(), "PostgreSQL does not answer") {
		t.Errorf("an outage was declared: %s", log.String())
	}
}

// answer is what an error is answered with, as sqlStates names it.
func answer(err error) string {
	var refused *database.RefusedError
	switch {
	case errors.As(err, &refused) && errors.Is(err, database.ErrUnavailable):
		return "both: " + err.Error()
	case errors.As(err, &refused) && refused.Rule:
		return "a rule"
	case refused != nil:
		return "broken"
	case errors.Is(err, database.ErrUnavailable):
		return "waiting helps"
	}
	return fmt.Sprint(err)
}

// Who only met others is tried once more, and no more.
func TestADeadlockIsTriedAgainOnce(t *testing.T) {
	t.Parallel()
	d, _ := newDB(t)
	raising(t, d)
	for code, want := range map[string]int{"40P01": 2, "40001": 2, "23514": 1, "53100": 1, "42501": 1} {
		for way, change := range ways {
			exec(t, d, `DELETE FROM raised`)
			exec(t, d, `INSERT INTO raised VALUES ($1)`, code)
			exec(t, d, `ALTER SEQUENCE tries RESTART`)
			if err := change(d, t.Context(), rename); err == nil {
				t.Errorf("%s: no error", code)
			}
			var n int
			if err := d.Pages.QueryRow(t.Context(), `SELECT nextval('tries') - 1`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			if n != want {
				t.Errorf("%s, %s: tried %d times, want %d", way, code, n, want)
			}
		}
	}
}

// The sentence for the operator names the table and the constraint, and what to do.
func TestARefusalNamesItsCauseAndCure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		rule bool
		want []string
	}{
		"the app's table": {`
			CREATE TABLE public.orders (owner text CONSTRAINT orders_owner REFERENCES gatepost."user");
			INSERT INTO public.orders SELECT id FROM gatepost."user"`,
			true, []string{"public.orders", "orders_owner", "ON DELETE CASCADE", "23503"}},
		"the operator's trigger": {`
			CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
				'BEGIN RAISE EXCEPTION ''admins stay''; END';
			CREATE TRIGGER keep BEFORE DELETE ON gatepost."user" FOR EACH ROW EXECUTE FUNCTION keep()`,
			true, []string{"trigger", "admins stay", "P0001"}},
		"a missing table": {`
			ALTER TABLE gatepost.familiar RENAME TO forgotten;
			CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
				'BEGIN PERFORM 1 FROM gatepost.familiar; RETURN OLD; END';
			CREATE TRIGGER look BEFORE DELETE ON gatepost."user" FOR EACH ROW EXECUTE FUNCTION look()`,
			false, []string{"gatepost check", "42P01"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := newDB(t)
			conn, err := d.Pages.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, err = conn.Conn().PgConn().Exec(t.Context(), c.sql).ReadAll()
			conn.Release()
			if err != nil {
				t.Fatal(err)
			}
			for way, change := range ways {
				err := change(d, t.Context(), `DELETE FROM gatepost."user"`)
				var refused *database.RefusedError
				if !errors.As(err, &refused) || refused.Rule != c.rule {
					t.Fatalf("%s: %v", way, err)
				}
				for _, w := range c.want {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%s: %q says nothing of %q", way, err, w)
					}
				}
			}
			var left int
			if err := d.Pages.QueryRow(t.Context(), `SELECT count(*) FROM gatepost."user"`).Scan(&left); err != nil ||
				left != 1 {
				t.Errorf("something was deleted: %d users are left, %v", left, err)
			}
		})
	}
}
