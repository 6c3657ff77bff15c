package importer_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// A column that says yes or no may be of any type. What is neither brings nobody: it may be a ban.
func TestColumnsThatSayYesOrNo(t *testing.T) {
	t.Parallel()
	const free, banned, refused = "1|a@example.com|f||user", "1|a@example.com|f||user|disabled", ""
	for kind, values := range map[string]map[string]string{
		"boolean":     {`true`: banned, `false`: free, `NULL`: free},
		"timestamptz": {`'2024-01-01'`: banned, `'infinity'`: banned, `NULL`: free},
		"timestamp":   {`'2024-01-01'`: banned, `'10000-01-01'`: banned, `NULL`: free},
		"date":        {`'2024-01-01'`: banned, `'infinity'`: banned, `NULL`: free},
		"integer":     {`1`: banned, `0`: free, `2`: refused, `-1`: refused, `NULL`: free},
		"bigint":      {`1704164645000`: banned, `1`: banned, `0`: free},
		"numeric":     {`1.00`: banned, `0.0`: free, `'NaN'`: refused},
		"text": {`'yes'`: banned, `' TRUE '`: banned, `'On'`: banned, `'y'`: banned, `'no'`: free, `''`: free,
			`'off'`: free, `'N'`: free, `'2024-01-01T10:00:00Z'`: banned, `'2024-01-01'`: banned, `'ja'`: refused,
			`'spam'`: refused, `'null'`: refused},
		`"char"`: {`'Y'`: banned, `'f'`: free, `'x'`: refused},
		"bit(1)": {`B'1'`: banned, `B'0'`: free},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, `CREATE TABLE users (id text PRIMARY KEY, email text, disabled `+kind+`)`)
			for value, want := range values {
				w.now(t, `DELETE FROM gatepost."user"; DELETE FROM gatepost.import_record`)
				w.old(t, `DELETE FROM users; INSERT INTO users VALUES ('1', 'a@example.com', `+value+`)`)
				said := w.says(t, importer.AuthJS{Database: w.betterAuth().Database})
				if got := strings.Join(w.users(t), "\n"); got != want || (want == refused) != strings.Contains(said,
					`in the column "disabled" of the table "old"."users", which is neither yes nor no`) {
					t.Errorf("%s: here is %q, want %q; it said %q", value, got, want, said)
				}
			}
		})
	}
}

// So may one of Better Auth's, also of a second factor.
func TestColumnsOfBetterAuthThatSayYesOrNo(t *testing.T) {
	t.Parallel()
	for column, table := range map[string]string{`"emailVerified"`: `"user"`, "banned": `"user"`,
		`"twoFactorEnabled"`: `"user"`, "verified": `"twoFactor"`} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.old(t, `INSERT INTO "twoFactor" VALUES ('t', 'x', 'Ada1', false); ALTER TABLE `+table+` ALTER `+column+
				` TYPE text USING 'maybe'`)
			if said := w.says(t, w.betterAuth()); !strings.Contains(said, `has "maybe" in the column "`+
				strings.Trim(column, `"`)) || len(w.users(t)) > 0 {
				t.Errorf("it said %q", said)
			}
		})
	}
}

// A time may be in a column of any type for times and numbers. What cannot be read is told with its column and type
// before anything is done.
func TestColumnsWithTimes(t *testing.T) {
	t.Parallel()
	const ms = ` * 1000`
	epoch := func(s, more string) string { return `(extract(epoch FROM ` + s + `)` + more + `)` }
	plain := func(s string) string { return s }
	for kind, c := range map[string]struct {
		using func(string) string // the SQL of a column as one of the type
		fault bool
	}{
		"timestamptz(3)":          {plain, false},
		"timestamp":               {plain, false},
		"date":                    {plain, false},
		"integer":                 {func(s string) string { return epoch(s, ``) }, false},
		"bigint":                  {func(s string) string { return epoch(s, ms) }, false},
		"numeric(20, 3)":          {func(s string) string { return epoch(s, ms) }, false},
		"double precision":        {func(s string) string { return epoch(s, ``) }, false},
		"text":                    {plain, true},
		"time without time zone":  {plain, true},
		"character varying(1000)": {plain, true},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.old(t, `UPDATE "user" SET banned = true, "banExpires" = '2036-02-03';
			    INSERT INTO "user" VALUES ('Old', '', 'old@example.com', true, NULL, '2024-01-02', now(), NULL, true, '',
			        now() - interval '2 days'), ('Zoe', '', 'zoe@example.com', true, NULL, '2024-01-02', now(), NULL, false, '',
			        NULL);
			    INSERT INTO session VALUES ('y', now() + interval '2 days', 'y', now(), '', '', 'Zoe'),
			        ('z', now() - interval '2 days', 'z', now(), '', '', 'Zoe');
			    UPDATE session SET token = 'x' WHERE id = 's';
			    ALTER TABLE "user" ALTER "createdAt" DROP DEFAULT; ALTER TABLE session ALTER "createdAt" DROP DEFAULT`)
			for _, column := range []string{`"user" ALTER "createdAt"`, `"user" ALTER "banExpires"`,
				`session ALTER "expiresAt"`} {
				_, name, _ := strings.Cut(column, " ALTER ")
				w.old(t, `ALTER TABLE `+column+` TYPE `+kind+` USING `+c.using(name)+`::`+kind)
			}
			said := w.says(t, w.betterAuth())
			if c.fault {
				base, _, _ := strings.Cut(kind, "(")
				if !strings.Contains(said, `the column "createdAt" of the table "old"."user" of the source has times as `+base) ||
					len(w.users(t)) > 0 {
					t.Errorf("it said %q", said)
				}
				return
			}
			var got string
			err := w.here.QueryRow(t.Context(), `
				SELECT string_agg(concat_ws(' ', id, created_at::date, disabled_at IS NOT NULL, disabled_until::date), '; '
				    ORDER BY id COLLATE "C") || '; ' || (SELECT string_agg(token, ' ') FROM gatepost.imported_session)
				FROM gatepost."user"`).Scan(&got)
			want := "Ada1 2024-01-02 t 2036-02-03; Old 2024-01-02 f; Zoe 2024-01-02 f; " + sum("y")
			if err != nil || got != want {
				t.Errorf("here is %s, want %s; %v; it said %q", got, want, err, said)
			}
		})
	}
}

// A number is read as what it can be: a ban to the end of time is no ban until 1978, and 0 is no time.
func TestTimesAsNumbers(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.old(t, `ALTER TABLE "user" ALTER "banExpires" TYPE bigint USING NULL`)
	for number, want := range map[string]string{"0": "t", "NULL": "t", "253402300799": "t 9999-12-31",
		"253402300799000":     "t 9999-12-31",
		"9223372036854775807": "t 9999-12-31", "8640000000000000": "t 9999-12-31", "1704164645000": "f", "1704164645": "f",
		"-1": "f", "4102444800": "t 2100-01-01", "4102444800000": "t 2100-01-01"} {
		w.now(t, `DELETE FROM gatepost."user"; DELETE FROM gatepost.import_record`)
		w.old(t, `UPDATE "user" SET banned = true, "banExpires" = `+number)
		w.run(t, w.betterAuth())
		var got string
		err := w.here.QueryRow(t.Context(), `SELECT concat_ws(' ', disabled_at IS NOT NULL,
		    (disabled_until AT TIME ZONE 'UTC')::date) FROM gatepost."user"`).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s: %s, want %s, %v", number, got, want, err)
		}
	}
}
