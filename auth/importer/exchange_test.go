package importer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// Addresses that changed hands at the source do so here, in one run, wherever nobody else has one of them.
func TestAddressesThatChangeHands(t *testing.T) {
	t.Parallel()
	// Of is SQL that gives users of the source the addresses of letters, in one statement.
	of := func(pairs string) string {
		sql := `UPDATE "user" SET email = id || '@x.example';`
		for pair := range strings.FieldsSeq(pairs) {
			id, letter, _ := strings.Cut(pair, "=")
			sql += `UPDATE "user" SET email = '` + letter + `@example.com' WHERE id = '` + id + `';`
		}
		return sql
	}
	stays := func(id, reason string) string { return "conflict " + id + ": address " + reason }
	const changedHere = "was changed here, too: what is here stays"
	for _, c := range []struct {
		name, old, now string
		told           []string
		users          string // who has which address here then
	}{
		{"an exchange", of("a=b m=m z=a b=z"), ``, []string{"changed a:", "changed b:", "changed z:"}, "a=b b=z m=m z=a"},
		{"two exchanges", of("a=z z=a b=m m=b"), ``, []string{"changed a:", "changed b:", "changed m:", "changed z:"},
			"a=z b=m m=b z=a"},
		{"a chain", of("a=new b=a m=b z=z"), ``, []string{"changed a:", "changed b:", "changed m:"}, "a=new b=a m=b z=z"},
		{"a chain from its end", of("a=b b=m m=z z=new"), ``,
			[]string{"changed a:", "changed b:", "changed m:", "changed z:"}, "a=b b=m m=z z=new"},
		{"one of two confirmed theirs here", of("a=b b=a m=m z=z"),
			`UPDATE gatepost."user" SET email_verified = false WHERE id = 'b'`,
			[]string{stays("a", "is the address of the user b here"), stays("b", changedHere)}, "a=a b=b m=m z=z"},
		{"one of two has another here", of("a=b b=a m=m z=z"),
			`UPDATE gatepost."user" SET email = 'own@example.com' WHERE id = 'b'`,
			[]string{"changed a:", stays("b", changedHere)}, "a=b b=own m=m z=z"},
		{"a chain that somebody else's address ends", of("a=b b=m m=theirs z=z"),
			`INSERT INTO gatepost."user" (id, email) VALUES ('theirs', 'theirs@example.com')`,
			[]string{stays("a", "is the address of the user b here"), stays("b", "is the address of the user m here"),
				stays("m", "is the address of the user theirs here")}, "a=a b=b m=m theirs=theirs z=z"},
		{"an exchange, and more", of("a=b b=a m=m z=z") + `UPDATE "user" SET name = 'New' WHERE id = 'b'`, ``,
			[]string{"changed a:", "changed b:"}, "a=b b=a m=m z=z"},
		{"one of them may take back the address that another waits for", of("a=b b=z z=new m=own"),
			`INSERT INTO gatepost.verification (id, identifier, value, user_id, email, claims, expires_at)
			     VALUES ('v', 'undo-change-email:b', 'x', 'b', 'own@example.com', true, now() + interval '1 day')`,
			[]string{"changed a:", "changed b:", "changed z:", stays("m", "is the address of the user b here")},
			"a=b b=z m=m z=new"},
		{"one of two was deleted here", of("a=b b=a m=m z=z"), `DELETE FROM gatepost."user" WHERE id = 'b'`,
			[]string{"changed a:", "deleted b:  was deleted here, and stays so"}, "a=b m=m z=z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, betterAuthTables)
			// More people than a batch has stand between a and z.
			w.old(t, `INSERT INTO "user" SELECT id, '', id || '@example.com', true FROM unnest('{a,b,m,z}'::text[]) id;
			    INSERT INTO "user" SELECT 'n' || i, '', 'n' || i || '@x.example', true FROM generate_series(1, 250) i`)
			w.run(t, w.betterAuth())
			w.old(t, strings.Replace(c.old, `SET email = id || '@x.example'`,
				`SET email = id || '@x.example' WHERE length(id) = 1`, 1))
			w.now(t, c.now)
			_, dry := w.run(t, w.betterAuth(), func(o *importer.Options) { o.DryRun = true })
			counts, told := w.run(t, w.betterAuth())
			same(t, "told", told, c.told...)
			same(t, "a dry run told", dry, c.told...)
			var have []string
			for _, u := range w.users(t) {
				id, rest, _ := strings.Cut(u, "|")
				if letter, _, _ := strings.Cut(rest, "@example.com"); len(id) == 1 || id == "theirs" {
					have = append(have, id+"="+letter)
				}
			}
			if got := strings.Join(have, " "); got != c.users {
				t.Errorf("got %s, want %s", got, c.users)
			}
			if sum := counts.Changed + counts.Unchanged + counts.Deleted; sum != 254 {
				t.Errorf("%+v is about %d people", counts, sum)
			}
			if _, again := w.run(t, w.betterAuth()); !slices.Equal(again, slices.DeleteFunc(told,
				func(s string) bool { return strings.HasPrefix(s, "changed") })) {
				t.Errorf("again it told %v", again)
			}
		})
	}
}
