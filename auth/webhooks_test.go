package auth_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/secret"
)

// wanted has the triggers write events, as a gate with an address does.
func wanted(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `INSERT INTO gatepost.webhook_wanted DEFAULT VALUES`); err != nil {
		t.Fatal(err)
	}
}

// tells are the events so far, which it deletes: types, and why sessions ended.
func tells(t *testing.T, db *pgxpool.Pool) string {
	t.Helper()
	rows, err := db.Query(t.Context(), `DELETE FROM gatepost.webhook_event
		RETURNING concat_ws('=', type, data ->> 'reason') || coalesce(data ->> 'changed', '')`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

// An import is of many, whom the app mostly knows: it is told of them where that is wanted.
func TestAnImportTellsTheAppWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	wanted(t, db)
	for _, c := range []struct {
		people int
		told   bool
		want   string
	}{{2, false, ""}, {4, true, "user.created user.created"}} {
		if _, err := s.Import(t.Context(), brokenSource{c.people, nil}, importer.Options{Webhooks: c.told}); err != nil {
			t.Fatal(err)
		}
		if got := tells(t, db); got != c.want {
			t.Errorf("of %d people: %q, want %q", c.people, got, c.want)
		}
	}
}

// The app is told why a session ended, where the deed is one that knows. What changes nothing that an app sees, as a
// new password, is told by the sessions that it ends.
func TestTheAppIsToldWhySessionsEnd(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.SessionsPerUser = 2 })
	wanted(t, db)
	u, err := s.CreateUser(t.Context(), auth.NewUser{Email: "ada@example.com", Password: "a quiet river at noon"})
	if err != nil {
		t.Fatal(err)
	}
	if got := tells(t, db); got != "user.created" {
		t.Errorf("a new user: %q", got)
	}
	var last secret.Token
	signIn := func(presented secret.Token) {
		t.Helper()
		i, err := s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: "a quiet river at noon",
			Presented: presented})
		if err != nil {
			t.Fatal(err)
		}
		last = i.Session
	}
	for i, c := range []struct {
		deed func() error
		want string
	}{
		{func() error { signIn(""); return nil }, ""},
		{func() error { signIn(last); return nil }, "session.ended=replaced"},
		{func() error { signIn(""); signIn(""); return nil }, "session.ended=too-many"},
		{func() error { return s.SignOut(t.Context(), last, secret.Client{}) }, "session.ended=signed-out"},
		{func() error { _, err := s.EndSessions(t.Context(), u.ID); return err }, "session.ended=revoked"},
		{func() error { signIn(""); return s.SetPassword(t.Context(), u.ID, "another quiet river") },
			"session.ended=new-password"},
		{func() error { return s.SetRoles(t.Context(), u.ID, []string{"admin"}) }, `user.updated["roles"]`},
		{func() error { return s.DeleteUser(t.Context(), u.ID) }, "user.deleted"},
	} {
		if err := c.deed(); err != nil {
			t.Fatal(i, err)
		}
		if got := tells(t, db); got != c.want {
			t.Errorf("deed %d: %q, want %q", i, got, c.want)
		}
	}
}
