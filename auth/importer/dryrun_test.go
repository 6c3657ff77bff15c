package importer_test

import (
	"regexp"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// whose is who has something already. A dry run writes nobody down, so it does not know who would have it.
var whose = regexp.MustCompile(`(the user [a-z0-9]+ here|another record)$`)

// A dry run tells what the run does, also where it depends on what was written many records before.
func TestADryRunTellsWhatTheRunDoes(t *testing.T) {
	t.Parallel()
	const somebody = `INSERT INTO "user" VALUES ('zz', '', 'zz@example.com', true);`
	for name, c := range map[string]struct {
		old  string // what is done there between two imports
		told []string
	}{
		"a new user with an address that was left": {somebody + `UPDATE "user" SET email = 'new@example.com' WHERE id = 'a';
		    UPDATE "user" SET email = 'a@example.com' WHERE id = 'zz'`, []string{"changed a:", "created zz:"}},
		"two spellings of one address": {`UPDATE "user" SET email = 'Same@example.com' WHERE id = 'a';
		    UPDATE "user" SET email = 'same@example.com' WHERE id = 'z'`,
			[]string{"changed a:", "conflict z: address is the address of X"}},
		"two spellings, close to each other": {`UPDATE "user" SET email = 'Same@example.com' WHERE id = 'a';
		    UPDATE "user" SET email = 'same@example.com' WHERE id = 'm'`,
			[]string{"changed a:", "conflict m: address is the address of X"}},
		"a spelling of the address of a new user": {`INSERT INTO "user" VALUES ('b', '', 'Same@example.com', true);
		    UPDATE "user" SET email = 'same@example.com' WHERE id = 'z'`,
			[]string{"conflict z: address is the address of X", "created b:"}},
		"a new user with a spelling of a new address": {
			somebody + `UPDATE "user" SET email = 'Same@example.com' WHERE id = 'a';
		    UPDATE "user" SET email = 'same@example.com' WHERE id = 'zz'`,
			[]string{"changed a:", "refused zz:  has the address of X"}},
		"an account that was left": {somebody + `UPDATE account SET "userId" = 'zz' WHERE id = 'gh'`,
			[]string{"changed a:", "created zz:"}},
		"an account that was added before": {somebody + `INSERT INTO account VALUES ('1', '99', 'google', 'a', NULL),
		    ('2', '99', 'google', 'zz', NULL)`, []string{"changed a:", "refused zz:  has the google account of X"}},
		"an account of a new user, and then of another": {`INSERT INTO "user" VALUES ('b', '', 'b@example.com', true);
		    INSERT INTO account VALUES ('1', '99', 'google', 'b', NULL), ('2', '99', 'google', 'z', NULL)`,
			[]string{"conflict z: identity is the google account of X", "created b:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, betterAuthTables)
			w.old(t, `INSERT INTO "user" SELECT id, '', id || '@example.com', true FROM unnest('{a,m,z}'::text[]) id;
			    INSERT INTO "user" SELECT 'n' || i, '', 'n' || i || '@x.example', true FROM generate_series(1, 250) i;
			    INSERT INTO account VALUES ('pw', 'a', 'credential', 'a', '`+betterAuthHash+`'),
			        ('gh', '4711', 'github', 'a', NULL)`)
			w.run(t, w.betterAuth())
			w.old(t, c.old)
			foreseen, dry := w.run(t, w.betterAuth(), func(o *importer.Options) { o.DryRun = true })
			counts, told := w.run(t, w.betterAuth())
			for what, lines := range map[string][]string{"the run told": told, "the dry run told": dry} {
				for i, line := range lines {
					lines[i] = field.ReplaceAllString(whose.ReplaceAllString(line, "X"), "identity")
				}
				same(t, what, lines, c.told...)
			}
			if foreseen != counts {
				t.Errorf("foreseen %+v, done %+v", foreseen, counts)
			}
		})
	}
}

// field is the name of an identity's, which has a digest.
var field = regexp.MustCompile(`identity [\w-]+`)
