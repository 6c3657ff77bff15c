package importer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// alive are the sessions of the source that count, by their users.
func (w *world) alive(t *testing.T) (users string) {
	t.Helper()
	err := w.here.QueryRow(t.Context(), `SELECT coalesce(string_agg(user_id, ' ' ORDER BY user_id COLLATE "C"), '')
	    FROM gatepost.imported_session WHERE ended_at IS NULL AND expires_at > now()`).Scan(&users)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

// A database that is not the one that people came from, or lacks its table of sessions, ends no session and changes
// nobody: it is told before anything is done. Of people who are really gone there the sessions end.
func TestASourceThatIsAnotherOne(t *testing.T) {
	t.Parallel()
	const others = `DELETE FROM session; DELETE FROM account; DELETE FROM "user";
	    INSERT INTO "user" SELECT 'x' || i, '', 'x' || i || '@example.com', true FROM generate_series(1, 450) i;
	    INSERT INTO session VALUES ('o', now() + interval '1 day', 'o', now(), '', '', 'x7')`
	for name, c := range map[string]struct {
		change string
		from   func(*importer.Database)
		fault  string // empty: it is brought over
		alive  string
	}{
		"the same": {`UPDATE "user" SET name = 'Zoe'`, nil, "", "Ada1 Zoe1"},
		"another database": {others, nil, "people of this source are here, and it has none of them: nothing was changed here",
			"Ada1 Zoe1"},
		"some are gone, and many are new before the others": {`DELETE FROM session WHERE "userId" = 'Ada1'; DELETE FROM
		    account; DELETE FROM "user" WHERE id = 'Ada1'; INSERT INTO "user" SELECT 'A' || i, '', 'a' || i || '@example.com',
		    true FROM generate_series(1, 450) i`, nil, "", "Zoe1"},
		"the first is gone": {`DELETE FROM session WHERE "userId" = 'Ada1'; DELETE FROM account; DELETE FROM "user"
		    WHERE id = 'Ada1'`, nil, "", "Zoe1"},
		"the last is gone": {`DELETE FROM session WHERE "userId" = 'Zoe1'; DELETE FROM "user" WHERE id = 'Zoe1'`, nil, "",
			"Ada1"},
		"nobody has a session any more": {`DELETE FROM session`, nil, "", ""},
		"no table of sessions": {`UPDATE "user" SET name = 'Zoe'; ALTER TABLE session RENAME TO app_session`, nil,
			"the source has no table of sessions, and 2 that came from there are alive here: nothing was changed here",
			"Ada1 Zoe1"},
		"a table of sessions with another name": {`ALTER TABLE session RENAME TO app_session`, func(d *importer.Database) {
			d.Tables = map[string]string{"session": "app_session"}
		}, "", "Ada1 Zoe1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.old(t, `INSERT INTO "user" VALUES ('Zoe1', 'Zoe', 'zoe@example.com', true);
			    INSERT INTO session VALUES ('z', now() + interval '1 day', 'z', now(), '', '', 'Zoe1')`)
			w.run(t, w.betterAuth())
			before := w.users(t)
			w.old(t, c.change)
			from := w.betterAuth()
			if c.from != nil {
				c.from(&from.Database)
			}
			for _, dry := range []bool{true, false} {
				counts, err := w.store.Import(t.Context(), from, importer.Options{DryRun: dry})
				if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault) ||
					counts != importer.Counts{}) {
					t.Errorf("dry run %t: %v, %+v, want %q", dry, err, counts, c.fault)
				}
			}
			if got := w.alive(t); got != c.alive {
				t.Errorf("sessions are alive of %q, want %q", got, c.alive)
			}
			if after := w.users(t); c.fault != "" && !slices.Equal(after, before) {
				t.Errorf("changed: %d users", len(after))
			}
		})
	}
}
