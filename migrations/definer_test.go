package migrations_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/migrations"
)

// A function with the rights of its owner works for the triggers of our tables alone. The role of an app that shares
// the database, as docs/database.md has it, cannot put it on a table of its own and so end the sessions of others, take
// names, or forge what webhooks tell.
func TestNoOtherTableGetsOurRights(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	owner := connect(t, url)
	if _, err := migrations.Up(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	var role string
	if err := owner.QueryRow(t.Context(), "SELECT 'app_' || current_database()").Scan(&role); err != nil {
		t.Fatal(err)
	}
	exec(t, owner, "CREATE ROLE "+role+" LOGIN; CREATE SCHEMA app AUTHORIZATION "+role+`;
		GRANT USAGE ON SCHEMA gatepost TO `+role+`;
		GRANT SELECT (id, name, email, role), UPDATE (username, disabled_at, name) ON gatepost."user" TO `+role)
	t.Cleanup(func() { _, _ = owner.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	app := connect(t, strings.Replace(url, "user=gatepost", "user="+role, 1))
	exec(t, app, `CREATE TABLE app.mine (id text, user_id text, username text, expires_at timestamptz)`)
	rows, err := owner.Query(t.Context(), `SELECT proname::text FROM pg_proc WHERE prosecdef
		AND pronamespace = 'gatepost'::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	functions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(functions) < 4 {
		t.Fatal(functions, err)
	}
	for _, f := range functions {
		_, err := app.Exec(t.Context(), `CREATE TRIGGER `+f+` AFTER UPDATE ON app.mine FOR EACH ROW
			EXECUTE FUNCTION gatepost.`+f+`()`)
		if err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", f, err)
		}
	}
	// On our tables they work whoever writes there.
	exec(t, owner, `INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com');
		INSERT INTO gatepost.webhook_wanted DEFAULT VALUES;
		INSERT INTO gatepost.session (id, token, user_id, expires_at, idle_seconds)
			VALUES ('s', 'hash', 'ada', now() + interval '1 hour', 3600)`)
	exec(t, app, `UPDATE gatepost."user" SET username = 'ada', disabled_at = now()`)
	var sessions, names, events int
	if err := owner.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM gatepost.session),
		(SELECT count(*) FROM gatepost.username_taken), (SELECT count(*) FROM gatepost.webhook_event)`).
		Scan(&sessions, &names, &events); err != nil || sessions != 0 || names != 1 || events != 2 {
		t.Errorf("%d sessions, %d names, %d events, %v", sessions, names, events, err)
	}
}
