package importer_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// Whatever the source is, a second import changes nobody who has not changed there, brings over what has, and leaves
// what was changed here as well, which it tells each time.
func TestASecondImportOfEverySource(t *testing.T) {
	t.Parallel()
	const supabase = "00000000-0000-0000-0000-00000000000"
	type source func(*testing.T, *world) (from importer.Source, change func())
	inFile := func(text string, from func(name string) importer.Source) source {
		return func(t *testing.T, _ *world) (importer.Source, func()) {
			name := file(t, text)
			return from(name), func() {
				if err := os.WriteFile(name, []byte(strings.NewReplacer("Ada", "Ada B", "Bob", "Bob C").Replace(text)),
					0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	inTables := func(sql, change string, from func(importer.Database) importer.Source) source {
		return func(t *testing.T, w *world) (importer.Source, func()) {
			w.old(t, sql)
			return from(importer.Database{URL: w.here.Config().ConnString(), Schema: "old"}), func() { w.old(t, change) }
		}
	}
	record := func(id, name string) string {
		return `{"user_id":"` + id + `","email":"` + id + `@example.com","name":"` + name + `","identities":[]}` + "\n"
	}
	for name, c := range map[string]struct {
		ids    [2]string
		at     [2]string // where the report says that they are
		tables string
		source source
	}{
		"supabase": {[2]string{supabase + "1", supabase + "2"}, [2]string{}, `CREATE TABLE users (id uuid PRIMARY KEY,
		        email varchar(255), email_confirmed_at timestamptz, encrypted_password varchar(255), created_at timestamptz,
		        raw_user_meta_data jsonb);
		    CREATE TABLE identities (provider_id text, user_id uuid, identity_data jsonb, provider text);`,
			inTables(`INSERT INTO users VALUES ('`+supabase+`1', 'a@example.com', now(), '', now(), '{"name":"Ada"}'),
			    ('`+supabase+`2', 'b@example.com', now(), '', now(), '{"name":"Bob"}')`,
				`UPDATE users SET raw_user_meta_data = replace(replace(raw_user_meta_data::text, 'Ada', 'Ada B'), 'Bob',
				    'Bob C')::jsonb`,
				func(d importer.Database) importer.Source { return importer.Supabase{Database: d} })},
		"authjs": {[2]string{"1", "2"}, [2]string{}, `CREATE TABLE "user" (id text PRIMARY KEY, name text, email text,
		        "emailVerified" timestamp, image text);
		    CREATE TABLE account ("userId" text, type text, provider text, "providerAccountId" text);
		    CREATE TABLE session ("sessionToken" text PRIMARY KEY, "userId" text, expires timestamp);`,
			inTables(`INSERT INTO "user" VALUES ('1', 'Ada', 'a@example.com'), ('2', 'Bob', 'b@example.com')`,
				`UPDATE "user" SET name = replace(replace(name, 'Ada', 'Ada B'), 'Bob', 'Bob C')`,
				func(d importer.Database) importer.Source { return importer.AuthJS{Database: d} })},
		"clerk": {[2]string{"1", "2"}, [2]string{"line 2", "line 3"}, ``, inFile(
			"id,first_name,last_name,primary_email_address,password_digest,"+
				"password_hasher\n1,Ada,,a@example.com,,\n2,Bob,,b@example.com,,\n",
			func(name string) importer.Source { return importer.Clerk{File: name, WithoutAPI: true} })},
		"auth0": {[2]string{"a", "b"}, [2]string{"line 1", "line 2"}, ``, inFile(record("a", "Ada")+record("b", "Bob"),
			func(name string) importer.Source { return importer.Auth0{File: name} })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.tables)
			from, change := c.source(t, w)
			people := func(told []string) (list []string) { // without what is said of the source as a whole
				for _, line := range told {
					if !strings.HasPrefix(line, "note") {
						list = append(list, line)
					}
				}
				return list
			}
			again := func(what string, want ...string) {
				t.Helper()
				_, told := w.run(t, from)
				same(t, what, people(told), want...)
			}
			first, second := c.ids[0]+c.at[0]+":", c.ids[1]+c.at[1]+":"
			again("at first", "created "+first, "created "+second)
			again("unchanged")
			change()
			w.now(t, `UPDATE gatepost."user" SET name = 'Robert' WHERE id = $1`, c.ids[1])
			conflict := "conflict " + second + " name was changed here, too: what is here stays"
			again("changed", "changed "+first, conflict)
			again("afterwards", conflict)
			users := strings.Join(w.users(t), "\n")
			if !strings.Contains(users, "|Ada B|") || !strings.Contains(users, "|Robert|") {
				t.Errorf("here are now\n%s", users)
			}
		})
	}
}
