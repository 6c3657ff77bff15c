package migrations_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Earlier files were written before there was a rule, and were applied to tables without traffic.
const firstUnderTheRule = 10

// TestMigrationsKeepTheRule checks the text of each migration for what CONTRIBUTING.md asks.
func TestMigrationsKeepTheRule(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		b, err2 := os.ReadFile(name)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if version < firstUnderTheRule {
			continue
		}
		for _, fault := range faults(string(b)) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

var (
	comment   = regexp.MustCompile(`--[^\n]*`)
	space     = regexp.MustCompile(`\s+`)
	tableMade = regexp.MustCompile(`^CREATE TABLE (?:IF NOT EXISTS )?([\w."]+)`)
	tableMet  = regexp.MustCompile(`^(?:ALTER TABLE|DROP TABLE|` +
		`CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER .*? ON|CREATE (?:UNIQUE )?INDEX .*? ON|` +
		`CREATE RULE .*? TO|CREATE POLICY .*? ON|INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?|ANALYZE) ` +
		`(?:IF EXISTS )?(?:ONLY )?([\w."]+)`)
	references = regexp.MustCompile(`REFERENCES ([\w."]+)`)
)

// statements splits a file. A semicolon in a quoted text or in the body of a function ends no statement.
func statements(sql string) (list []string) {
	rest, one := comment.ReplaceAllString(sql, ""), ""
	for rest != "" {
		i := strings.IndexAny(rest, ";'$")
		if i < 0 {
			break
		}
		one, rest = one+rest[:i], rest[i:]
		quote := rest[:1]
		if found := regexp.MustCompile(`^\$\w*\$`).FindString(rest); found != "" {
			quote = found
		}
		if quote == ";" {
			list, one, rest = append(list, strings.TrimSpace(space.ReplaceAllString(one, " "))), "", rest[1:]
			continue
		}
		end := len(rest)
		if j := strings.Index(rest[len(quote):], quote); j >= 0 {
			end = len(quote) + j + len(quote)
		}
		one, rest = one+rest[:end], rest[end:]
	}
	if one = strings.TrimSpace(space.ReplaceAllString(one+rest, " ")); one != "" {
		list = append(list, one)
	}
	return list
}

// The effect of a statement on other connections.
const (
	free   = "free"   // blocks nothing
	strong = "strong" // blocks others by its lock on a table they use
	long   = "long"   // blocks nothing, and may take long
	data   = "data"   // locks rows
	apart  = "apart"  // cannot run in a transaction
)

// kinds are matched with the beginning of a statement. The first match counts.
var kinds = []struct {
	begins *regexp.Regexp
	kind   string
}{
	{regexp.MustCompile(`^(CREATE (UNIQUE )?INDEX|DROP INDEX|REINDEX( \w+)?) CONCURRENTLY\b`), apart},
	{regexp.MustCompile(`^ALTER TABLE (ONLY )?[\w."]+ VALIDATE CONSTRAINT \w+$`), long},
	{regexp.MustCompile(`^(ALTER|DROP) TABLE\b`), strong},
	{regexp.MustCompile(`^(CREATE (OR REPLACE )?(CONSTRAINT )?|DROP |ALTER )(TRIGGER|POLICY|RULE)\b`), strong},
	{regexp.MustCompile(`^CREATE (UNIQUE )?INDEX\b`), strong}, // on a table made in the same file
	{regexp.MustCompile(`^(INSERT|UPDATE|DELETE|WITH|DO|SELECT)\b`), data},
	{regexp.MustCompile(`^CREATE (TABLE|SEQUENCE|TYPE|VIEW|(OR REPLACE )?FUNCTION)\b`), free},
	{regexp.MustCompile(`^(COMMENT ON|GRANT|REVOKE|ANALYZE|(ALTER|DROP) FUNCTION)\b`), free},
}

// refused are statements, and clauses of ALTER TABLE, for tables with rows and traffic, each with its cure.
var refused = []struct {
	has, unless, cure string
}{
	{`^CREATE (UNIQUE )?INDEX\b`, `^CREATE (UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS\b`,
		"nobody can write while an index is built: CREATE INDEX CONCURRENTLY IF NOT EXISTS, alone in a file with " +
			"the line `-- +goose NO TRANSACTION`"},
	{`^DROP INDEX\b`, `^DROP INDEX CONCURRENTLY IF EXISTS\b`,
		"DROP INDEX CONCURRENTLY IF EXISTS, alone in a file with the line `-- +goose NO TRANSACTION`"},
	{`^ALTER TABLE \S+ (ADD|DROP) \w+`, `^ALTER TABLE \S+ (ADD|DROP) (COLUMN|CONSTRAINT)\b`, "write the word COLUMN"},
	{` ADD CONSTRAINT .*\b(CHECK|FOREIGN KEY)\b`, `\bNOT VALID$`,
		"the table is locked while each row is checked: add the constraint NOT VALID, and VALIDATE CONSTRAINT it in " +
			"the next file"},
	{` ADD CONSTRAINT .*\b(UNIQUE|PRIMARY KEY|EXCLUDE)\b`, `\bUSING INDEX\b`,
		"the table is locked while its index is built: a UNIQUE INDEX CONCURRENTLY does the same"},
	{` ADD COLUMN .*\b(REFERENCES|CHECK|UNIQUE|PRIMARY KEY)\b`, ``,
		"the table is locked while each row is checked: add the column, in the next file its constraint NOT VALID, " +
			"then VALIDATE CONSTRAINT"},
	{` ADD COLUMN .*(\bDEFAULT (\w+\.)?\w+\(|\bGENERATED\b|serial\b)`, `\bDEFAULT now\(\)`,
		"the table is written anew under a lock: a default that is the same for each row, as now() is, or none, and " +
			"another file that fills it"},
	{` ADD COLUMN .*\bNOT NULL\b`, `\bDEFAULT\b`,
		"a gate from before does not fill the column: give it a DEFAULT, or allow NULL"},
	{` ALTER (COLUMN )?\w+ (SET NOT NULL|(SET DATA )?TYPE)\b`, ``,
		"the table is read or written anew under a lock: for NOT NULL a CHECK NOT VALID, and VALIDATE CONSTRAINT in " +
			"the next file; for a type a new column"},
	{`^(TRUNCATE|LOCK|CLUSTER|VACUUM|REFRESH|REINDEX)\b| SET (LOGGED|UNLOGGED|TABLESPACE)\b`, ``,
		"it keeps everybody out for as long as it takes: there is no place for it in a migration"},
	{`^DO .*\b(ALTER TABLE|TRIGGER|INDEX|LOCK TABLE)\b`, ``,
		"a DO block hides what it locks: write the statements themselves, a file each"},
	{`^(SET|RESET|BEGIN|COMMIT|ROLLBACK|START)\b`, ``, "transactions and their limits are the runner's: leave it out"},
}

// takesAway matches what removes things that the release before still uses.
var takesAway = regexp.MustCompile(`^DROP TABLE\b|^ALTER TABLE \S+ (DROP COLUMN|RENAME)\b`)

// clauses are the parts of ALTER TABLE, each as a statement.
func clauses(statement string) []string {
	head := regexp.MustCompile(`^ALTER TABLE (IF EXISTS )?(ONLY )?[\w."]+ `).FindString(statement)
	if head == "" {
		return []string{statement}
	}
	words := strings.Fields(head)
	var list []string
	depth, from := 0, len(head)
	for i := from; i <= len(statement); i++ {
		switch {
		case i == len(statement) || statement[i] == ',' && depth == 0:
			list = append(list, "ALTER TABLE "+words[len(words)-1]+" "+strings.TrimSpace(statement[from:i]))
			from = i + 1
		case statement[i] == '(':
			depth++
		case statement[i] == ')':
			depth--
		}
	}
	return list
}

// cures are the faults of a statement on tables in use, each with its cure.
func cures(statement, whole string) (list []string) {
	for _, clause := range clauses(statement) {
		for _, r := range refused {
			if regexp.MustCompile(r.has).MatchString(clause) &&
				(r.unless == "" || !regexp.MustCompile(r.unless).MatchString(clause)) {
				list = append(list, r.cure)
			}
		}
		if takesAway.MatchString(clause) && !strings.Contains(whole, "\n-- gatepost: oldest ") {
			list = append(list, "a gate from before needs what this takes away: leave it for a later release, and "+
				"say then `-- gatepost: oldest N`, "+
				"the oldest version of the tables that a gate has to know")
		}
	}
	return list
}

// faults are what a migration must not do, each with its cure.
func faults(sql string) (list []string) {
	fault := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	noTransaction := strings.Contains(sql, "-- +goose NO TRANSACTION\n")
	if !strings.HasPrefix(sql, "-- +goose ") || !strings.Contains(sql, "-- +goose Up\n") {
		fault("the first line is `-- +goose Up`, after `-- +goose NO TRANSACTION` where it is needed")
	}
	if strings.Contains(sql, "-- +goose Down") {
		fault("there is no way down: a later migration mends what this one did")
	}
	made, count := map[string]bool{}, map[string]int{}
	all := statements(sql)
	for i, statement := range all {
		kind, known := kindOf(statement, made)
		var wrong []string
		if !onNew(statement, made) {
			wrong = cures(statement, sql)
		}
		if !known && len(wrong) == 0 {
			wrong = []string{"say in rules_test.go which lock it takes"}
		}
		for _, cure := range wrong {
			fault("%.60q: %s", statement, cure)
		}
		if kind == strong && slices.ContainsFunc(all[i+1:], func(later string) bool { return !onNew(later, made) }) {
			fault("%.60q: what follows is done while others wait for this lock: it has to be the last statement of "+
				"its file", statement)
		}
		count[kind]++
	}
	switch {
	case count[strong] > 1:
		fault("%d statements take locks that others wait for, the later ones while they hold the earlier: a file each",
			count[strong])
	case count[strong] > 0 && count[data]+count[long] > 0:
		fault("rows are changed or read in one transaction with a lock that others wait for: a file each")
	case (count[apart] > 0) != noTransaction || count[apart] > 1 || count[apart] > 0 && len(all) > 1:
		fault("what is done CONCURRENTLY stands alone in a file that has the line `-- +goose NO TRANSACTION`, and " +
			"nothing else does")
	}
	return list
}

// kindOf also notes new tables, which have no traffic yet.
func kindOf(statement string, made map[string]bool) (kind string, known bool) {
	if found := tableMade.FindStringSubmatch(statement); found != nil {
		made[found[1]] = true
		for _, other := range references.FindAllStringSubmatch(statement, -1) {
			if !made[other[1]] {
				return strong, true // on the table that it refers to
			}
		}
	}
	if onNew(statement, made) {
		return free, true
	}
	for _, k := range kinds {
		if k.begins.MatchString(statement) {
			return k.kind, true
		}
	}
	return "", false
}

// onNew reports whether a statement is only about tables that the same file makes.
func onNew(statement string, made map[string]bool) bool {
	found := tableMet.FindStringSubmatch(statement)
	if found == nil || !made[found[1]] {
		return false
	}
	others := references.FindAllStringSubmatch(statement, -1)
	return !slices.ContainsFunc(others, func(other []string) bool { return !made[other[1]] })
}

// Statements that would block others, and the cures that must be named.
func TestTheRuleNamesTheCure(t *testing.T) {
	t.Parallel()
	const up, apart = "-- +goose Up\n", "-- +goose NO TRANSACTION\n-- +goose Up\n"
	const add = `ALTER TABLE gatepost."user" ADD COLUMN `
	for sql, want := range map[string]string{
		// These have no fault.
		up + add + `a text, ADD COLUMN b int NOT NULL DEFAULT 0;`: "",
		up + add + `at timestamptz NOT NULL DEFAULT now();`:       "",
		up + `CREATE TABLE gatepost.x (a int, b text REFERENCES gatepost."user" (id));
			CREATE INDEX x_a ON gatepost.x (a);`: "",
		up + `CREATE TABLE gatepost.x (a int); CREATE INDEX x_a ON gatepost.x (a);
			ALTER TABLE gatepost.x ADD CHECK (a>0);`: "",
		up + `CREATE FUNCTION gatepost.f() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN DELETE FROM x; RETURN NULL; END $$;
			CREATE TRIGGER f AFTER UPDATE OF disabled_at ON gatepost."user"
				FOR EACH ROW EXECUTE FUNCTION gatepost.f();`: "",
		up + `ALTER TABLE gatepost.account ADD CONSTRAINT c CHECK (a IN ('x', 'y;')) NOT VALID;`: "",
		up + `ALTER TABLE gatepost.account VALIDATE CONSTRAINT c;`:                               "",
		up + `UPDATE gatepost.account SET a = 'b'; DELETE FROM gatepost.throttle;`:               "",
		apart + `CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON gatepost.account (user_id)
			WHERE provider_id = 'credential';`: "",
		apart + `DROP INDEX CONCURRENTLY IF EXISTS gatepost.i;`: "",
		up + "-- gatepost: oldest 12\n" +
			`ALTER TABLE gatepost.account DROP COLUMN scope;`: "",
		// A lock of one statement.
		up + `CREATE INDEX i ON gatepost.session (token);`:                      "CREATE INDEX CONCURRENTLY",
		apart + `CREATE INDEX CONCURRENTLY i ON gatepost.session (token);`:      "IF NOT EXISTS",
		up + `DROP INDEX gatepost.i;`:                                           "DROP INDEX CONCURRENTLY",
		up + add + `a text CHECK (a > '');`:                                     "constraint NOT VALID",
		up + add + `a int, ADD COLUMN b text REFERENCES gatepost.account (id);`: "constraint NOT VALID",
		up + add + `a uuid DEFAULT gen_random_uuid();`:                          "the same for each row",
		up + add + `a bigserial;`:                                               "the same for each row",
		up + add + `a text NOT NULL;`:                                           "give it a DEFAULT",
		up + `ALTER TABLE gatepost.account ADD a text;`:                         "the word COLUMN",
		up + `ALTER TABLE gatepost.account ADD CONSTRAINT c CHECK (a > 0),
			ADD CONSTRAINT d CHECK (b > 0) NOT VALID;`: "VALIDATE CONSTRAINT",
		up + `ALTER TABLE gatepost.account ADD CONSTRAINT c UNIQUE (a);`:          "UNIQUE INDEX CONCURRENTLY",
		up + `ALTER TABLE gatepost.account ALTER COLUMN scope SET NOT NULL;`:      "CHECK NOT VALID",
		up + `ALTER TABLE gatepost.account ALTER COLUMN scope TYPE varchar(9);`:   "a new column",
		up + `LOCK TABLE gatepost.account;`:                                       "no place for it",
		up + `DO $$ BEGIN ALTER TABLE gatepost.account ADD COLUMN a int; END $$;`: "hides what it locks",
		up + `SET LOCAL lock_timeout = 0;`:                                        "the runner's",
		up + `ALTER TABLE gatepost.account DROP COLUMN scope;`:                    "-- gatepost: oldest",
		up + `ALTER TABLE gatepost.account RENAME scope TO scopes;`:               "-- gatepost: oldest",
		up + `CREATE EXTENSION citext;`:                                           "which lock it takes",
		// Several statements.
		up + add + `a int; ALTER TABLE gatepost.account ADD COLUMN a int;`:            "a file each",
		up + add + `a int; CREATE TABLE gatepost.x (b int);`:                          "the last statement",
		up + `UPDATE gatepost."user" SET name = ''; ` + add + `a int;`:                "a file each",
		up + `ALTER TABLE gatepost.account VALIDATE CONSTRAINT c; ` + add + `a int;`:  "a file each",
		up + `CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON gatepost.session (token);`: "NO TRANSACTION",
		apart + `CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON gatepost.x (y);
			DELETE FROM gatepost.x;`: "stands alone",
		apart + add + `a int;`: "stands alone",
		add + `a int;`:         "the first line",
		up + add + "a int;\n-- +goose Down\nDROP TABLE x;": "no way down",
	} {
		found := strings.Join(faults(sql), "\n")
		if want == "" && found != "" || !strings.Contains(found, want) {
			t.Errorf("%s\ngot %q, want %q", sql, found, want)
		}
	}
}
