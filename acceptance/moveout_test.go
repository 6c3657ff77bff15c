package acceptance_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
)

// What goes to Better Auth needs the columns of its plugin admin for bans and roles. Without that plugin it fails as a
// whole, rather than let in who is barred, until the operator leaves them out, which is told.
func TestTheWayOutToBetterAuth(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	db := authtest.Pool(t, url)
	if _, err := db.Exec(t.Context(), betterAuthTables+`;
	    ALTER TABLE old."user" ADD "updatedAt" timestamptz;
	    ALTER TABLE old.account ADD "createdAt" timestamptz, ADD "updatedAt" timestamptz;
	    INSERT INTO gatepost."user" (id, name, email, role, disabled_at)
	    VALUES ('ada', 'Ada', 'ada@example.com', 'user', NULL),
	        ('eve', 'O''Eve', 'eve@example.com', 'admin', NULL), ('bob', 'Bob', 'bob@example.com', 'user', now());
	    INSERT INTO gatepost.account (id, user_id, issuer, provider_id, account_id, password)
	        VALUES ('1', 'ada', 'local:credential', 'credential', 'ada', '`+betterAuthHash+`'),
	            ('2', 'eve', 'local:credential', 'credential', 'eve', '$argon2id$v=19$m=19456,t=2,p=1$x$y'),
	            ('3', 'bob', 'local:credential', 'credential', 'bob', '$argon2id$v=19$m=19456,t=2,p=1$x$y')`,
		pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	const columns = `ALTER TABLE old."user" ADD role text, ADD banned boolean, ADD "banExpires" timestamptz;`
	for _, c := range []struct {
		flags, before, fault, rows, said string
	}{
		{"", "", `column "role"`, "", "2 passwords are in another form than Better Auth's own: it verifies them only as " +
			"docs/move-in/out.md says\n"},
		{"--no-admin-plugin", "", "", "ada:1 eve:1", "1 passwords are in another form than Better Auth's own: it verifies " +
			"them only as docs/move-in/out.md says\n1 users are written without their roles\n1 disabled users are left out\n"},
		{"", columns, "", "ada:1:user bob:1:user:banned eve:1:admin", "2 passwords are"},
	} {
		var out, said bytes.Buffer
		args := append([]string{"gatepost", "export", "--format", "better-auth"}, strings.Fields(c.flags)...)
		if code := run(context.Background(), args, []string{"DATABASE_URL=" + url}, strings.NewReader(""), &out,
			&said); code != 0 || !strings.Contains(said.String(), c.said) {
			t.Errorf("%q: code %d, said %q, want %q", c.flags, code, &said, c.said)
		}
		got, err := afterSQL(t, url, `SET search_path = old; `+c.before+out.String())
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) ||
			got != c.rows {
			t.Errorf("%q: %v; there are %q, want %q", c.flags, err, got, c.rows)
		}
	}
}

// afterSQL runs statements, as psql does with them, and returns who is at Better Auth then, with how many accounts.
func afterSQL(t *testing.T, url, sql string) (rows string, err error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	if _, ended := conn.Exec(t.Context(), `ROLLBACK`); ended != nil { // of what has failed
		t.Fatal(ended)
	}
	if scanned := conn.QueryRow(t.Context(), `
		WITH gone AS (DELETE FROM old.account RETURNING "userId"), left_ AS (DELETE FROM old."user" u RETURNING u.*)
		SELECT coalesce(string_agg(concat_ws(':', u.id, (SELECT count(*) FROM gone a WHERE a."userId" = u.id),
		    to_jsonb(u)->>'role', CASE WHEN to_jsonb(u)->>'banned' = 'true' THEN 'banned' END), ' ' ORDER BY u.id), '')
		FROM left_ u`).Scan(&rows); scanned != nil {
		t.Fatal(scanned)
	}
	return rows, err
}
