package auth_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
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

// raising is a database where renaming somebody fails with the SQLSTATE that stands in a table; each try is counted.
func raising(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	exec(t, db, `CREATE TABLE raised (code text)`)
	exec(t, db, `CREATE SEQUENCE tries`)
	exec(t, db, `CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE state text := (SELECT code FROM raised);
		BEGIN
			PERFORM nextval('tries');
			IF state <> '' THEN RAISE EXCEPTION 'no' USING ERRCODE = state; END IF;
			RETURN NEW;
		END $$`)
	exec(t, db, `CREATE TRIGGER raise BEFORE UPDATE ON gatepost."user" FOR EACH ROW EXECUTE FUNCTION raise()`)
}

// Whatever PostgreSQL answers is what waiting mends, a rule that stands against the deed, or a fault; an outage is none
// of them.
func TestEverySQLSTATEHasItsAnswer(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	token := signUp(t, s, "ada@example.com")
	raising(t, db)
	for want, codes := range sqlStates {
		for _, code := range codes {
			exec(t, db, `DELETE FROM raised`)
			exec(t, db, `INSERT INTO raised VALUES ($1)`, code)
			err := s.Rename(t.Context(), token, "Lovelace", here)
			var refused *database.RefusedError
			got := fmt.Sprint(err)
			switch {
			case errors.As(err, &refused) && errors.Is(err, database.ErrUnavailable):
				got = "both: " + got
			case errors.As(err, &refused) && refused.Rule:
				got = "a rule"
			case refused != nil:
				got = "broken"
			case errors.Is(err, database.ErrUnavailable):
				got = "waiting helps"
			}
			if got != want {
				t.Errorf("%s: got %s, want %s", code, got, want)
			}
			eventually(t, "nobody takes PostgreSQL for away", func() bool { return !auth.Down(s) })
		}
	}
	exec(t, db, `DELETE FROM raised`)
	if err := s.Rename(t.Context(), token, "Lovelace", here); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if strings.Contains(log.String(), "PostgreSQL does not answer") {
		t.Errorf("an outage was declared: %s", log.String())
	}
}

// Who only met others is tried once more, and no more.
func TestADeadlockIsTriedAgainOnce(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	v, err := s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	raising(t, db)
	tries := func(code string, do func() error) (n int) {
		t.Helper()
		exec(t, db, `DELETE FROM raised`)
		exec(t, db, `INSERT INTO raised VALUES ($1)`, code)
		exec(t, db, `ALTER SEQUENCE tries RESTART`)
		if err := do(); err == nil {
			t.Errorf("%s: no error", code)
		}
		if err := db.QueryRow(t.Context(), `SELECT nextval('tries') - 1`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for code, want := range map[string]int{"40P01": 2, "40001": 2, "23514": 1, "53100": 1, "42501": 1} {
		if n := tries(code, func() error { return s.SetRoles(t.Context(), v.User.ID, []string{"editor"}) }); n != want {
			t.Errorf("set-role, %s: tried %d times, want %d", code, n, want)
		}
		if n := tries(code, func() error { return s.Rename(t.Context(), token, "Lovelace", here) }); n != want {
			t.Errorf("rename, %s: tried %d times, want %d", code, n, want)
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
			s, db := authtest.NewStore(t)
			token := signUp(t, s, "ada@example.com")
			v, err := s.Lookup(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := db.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, err = conn.Conn().PgConn().Exec(t.Context(), c.sql).ReadAll()
			conn.Release()
			if err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{"delete": s.DeleteUser(t.Context(), v.User.ID),
				"delete-account": s.DeleteAccount(t.Context(), token, goodPassword, here)} {
				var refused *database.RefusedError
				if !errors.As(err, &refused) || refused.Rule != c.rule {
					t.Fatalf("%s: %v", what, err)
				}
				for _, w := range c.want {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%s: %q says nothing of %q", what, err, w)
					}
				}
			}
			if !alive(t, s, token) {
				t.Error("something was deleted")
			}
		})
	}
}
