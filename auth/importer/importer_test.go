package importer_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
)

func TestMain(m *testing.M) { authtest.Main(m) }

// world is a gate's database, and the source, which is a schema of it to save time.
type world struct {
	store *auth.Store
	here  *pgxpool.Pool
}

func newWorld(t *testing.T, tables string) *world {
	t.Helper()
	w := &world{}
	w.store, w.here = authtest.NewStore(t)
	w.old(t, `CREATE SCHEMA old; `+strings.ReplaceAll(tables, "CREATE TABLE ", "CREATE TABLE old."))
	return w
}

// old changes the source.
func (w *world) old(t *testing.T, sql string, args ...any) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), w.here, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `SET LOCAL search_path = old; `+sql,
			append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// now changes what is here.
func (w *world) now(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := w.here.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// told is what an import reports, one line a text.
func (w *world) run(t *testing.T, from importer.Source, change ...func(*importer.Options)) (importer.Counts, []string) {
	t.Helper()
	var told []string
	o := importer.Options{Report: func(l importer.Line) error {
		told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s%s: %s %s", l.Result, l.ID, l.Where, l.Field, l.Reason)))
		return nil
	}}
	for _, f := range change {
		f(&o)
	}
	counts, err := w.store.Import(t.Context(), from, o)
	if err != nil {
		t.Fatalf("import: %v (told %v)", err, told)
	}
	slices.Sort(told)
	return counts, told
}

// says is what an import gives as reasons, and its error.
func (w *world) says(t *testing.T, from importer.Source) string {
	t.Helper()
	var all []string
	_, err := w.store.Import(t.Context(), from, importer.Options{Report: func(l importer.Line) error {
		all = append(all, l.Reason)
		return nil
	}})
	if err != nil {
		all = append(all, err.Error())
	}
	return strings.Join(all, "\n")
}

// users are all users here with their ways in, one line each.
func (w *world) users(t *testing.T) (list []string) {
	t.Helper()
	rows, err := w.here.Query(t.Context(), `
		SELECT concat_ws('|', u.id, u.email, u.email_verified, u.name, u.image, u.role,
		    CASE WHEN u.disabled_at IS NOT NULL THEN 'disabled' END,
		    (SELECT string_agg(concat_ws('=', a.provider_id, a.issuer, a.account_id, left(a.password, 12)), ' '
		        ORDER BY a.provider_id) FROM gatepost.account a WHERE a.user_id = u.id))
		FROM gatepost."user" u ORDER BY u.id COLLATE "C"`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func sum(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// betterAuthHash is that of "correct horse battery staple", made by Better Auth itself.
const betterAuthHash = "00112233445566778899aabbccddeeff:" +
	"f5b22309b28fe412c82a4b2cab57498b8f8a42c849af16cb908974048f61c139" +
	"33421858db3a8f111430bdc493c7cef90f61f904061c77206e3820a2e8b11bc2"

// otherFactor is said of somebody with a second factor that is no authenticator app.
const otherFactor = "has a second factor that is not brought over: it is no authenticator app whose key the source " +
	"has, as codes by mail or SMS are none (--drop-second-factors brings them without)"

const betterAuthTables = `
	CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
	    "emailVerified" boolean NOT NULL, image text, "createdAt" timestamptz NOT NULL DEFAULT '2024-01-02 03:04:05Z',
	    "updatedAt" timestamptz NOT NULL DEFAULT now(), role text,
	    banned boolean, "banReason" text, "banExpires" timestamptz, "twoFactorEnabled" boolean);
	CREATE TABLE account (id text PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
	    "userId" text NOT NULL REFERENCES old."user", password text, "createdAt" timestamptz NOT NULL DEFAULT now());
	CREATE TABLE session (id text PRIMARY KEY, "expiresAt" timestamptz NOT NULL, token text NOT NULL UNIQUE,
	    "createdAt" timestamptz NOT NULL DEFAULT now(), "ipAddress" text, "userAgent" text,
	    "userId" text NOT NULL REFERENCES old."user", "impersonatedBy" text);
	CREATE TABLE "twoFactor" (id text PRIMARY KEY, secret text,
	    "userId" text NOT NULL REFERENCES old."user", verified boolean);`

func betterAuthWorld(t *testing.T) *world {
	w := newWorld(t, betterAuthTables)
	w.old(t, `INSERT INTO "user" VALUES ('Ada1', 'Ada', 'Ada@Example.com', true, 'https://example.com/ada.png')`)
	w.old(t, `INSERT INTO account VALUES ('a', 'Ada1', 'credential', 'Ada1', '`+betterAuthHash+`'),
	    ('b', '4711', 'github', 'Ada1', NULL)`)
	w.old(t, `INSERT INTO session VALUES ('s', now() + interval '1 day', 'gKTPfkL5eilyDg5FPOL13SsI4O0wuiWf', now(),
	    '192.0.2.1', 'Mozilla', 'Ada1')`)
	return w
}

func (w *world) betterAuth() importer.BetterAuth {
	return importer.BetterAuth{Database: importer.Database{URL: w.here.Config().ConnString(), Schema: "old"}}
}

const adaHere = "Ada1|ada@example.com|t|Ada|https://example.com/ada.png|user|" +
	"credential=local:credential=Ada1=001122334455 github=https://github.com=4711"

func TestBetterAuthIsBroughtOver(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	counts, told := w.run(t, w.betterAuth(), func(o *importer.Options) { o.DryRun = true })
	if counts.Created != 1 || counts.Sessions != 1 || len(w.users(t)) > 0 {
		t.Errorf("a dry run: %+v, users %v", counts, w.users(t))
	}
	same(t, "a dry run tells", told, "created Ada1:")

	counts, told = w.run(t, w.betterAuth())
	same(t, "users", w.users(t), adaHere)
	same(t, "told", told, "created Ada1:")
	if want := (importer.Counts{Read: 1, Created: 1, Sessions: 1}); counts != want || !counts.Whole() {
		t.Errorf("got %+v, want %+v", counts, want)
	}
	var created time.Time
	var session string
	err := w.here.QueryRow(t.Context(), `
		SELECT u.created_at, concat_ws('|', s.token, s.source, s.ip_address, s.user_agent)
		FROM gatepost."user" u JOIN gatepost.imported_session s ON s.user_id = u.id`).Scan(&created, &session)
	if want := sum("gKTPfkL5eilyDg5FPOL13SsI4O0wuiWf") + "|better-auth|192.0.2.1|Mozilla"; err != nil || session != want ||
		!created.Equal(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("made at %v, session %s, %v", created, session, err)
	}

	counts, told = w.run(t, w.betterAuth())
	if want := (importer.Counts{Read: 1, Unchanged: 1}); counts != want || len(told) > 0 {
		t.Errorf("again: got %+v %v, want %+v", counts, told, want)
	}
	same(t, "users", w.users(t), adaHere)
}

// What changed at the source is written where what is here is what the import wrote.
func TestWhatChangesAtTheSource(t *testing.T) {
	t.Parallel()
	newHash := strings.Replace(betterAuthHash, "0011", "9911", 1)
	for _, c := range []struct {
		name, old, now string // what is done there and here between two imports
		told           []string
		user           string
	}{
		{"nothing", ``, ``, nil, adaHere},
		{"a name", `UPDATE "user" SET name = 'Ada L.'`, ``, []string{"changed Ada1:"},
			strings.Replace(adaHere, "|Ada|", "|Ada L.|", 1)},
		{"a name here", ``, `UPDATE gatepost."user" SET name = 'Countess'`, nil,
			strings.Replace(adaHere, "|Ada|", "|Countess|", 1)},
		{"a name in both", `UPDATE "user" SET name = 'Ada L.'`, `UPDATE gatepost."user" SET name = 'Countess'`,
			[]string{"conflict Ada1: name was changed here, too: what is here stays"},
			strings.Replace(adaHere, "|Ada|", "|Countess|", 1)},
		{"the same name in both", `UPDATE "user" SET name = 'Countess'`, `UPDATE gatepost."user" SET name = 'Countess'`, nil,
			strings.Replace(adaHere, "|Ada|", "|Countess|", 1)},
		{"an address", `UPDATE "user" SET email = 'lovelace@example.com', "emailVerified" = false`, ``,
			[]string{"changed Ada1:"}, strings.Replace(adaHere, "ada@example.com|t", "lovelace@example.com|f", 1)},
		// The new address must not be taken for confirmed because the old one was.
		{"an address, and the old one confirmed here",
			`UPDATE "user" SET email = 'lovelace@example.com', "emailVerified" = false`,
			`UPDATE gatepost."user" SET email_verified = NOT email_verified`,
			[]string{"conflict Ada1: address was changed here, too: what is here stays"},
			strings.Replace(adaHere, "|t|", "|f|", 1)},
		{"an address that is taken", `UPDATE "user" SET email = 'eve@example.com'`,
			`INSERT INTO gatepost."user" (id, email) VALUES ('Zeve', 'eve@example.com')`,
			[]string{"conflict Ada1: address is the address of the user Zeve here"}, adaHere},
		{"a password", `UPDATE account SET password = '` + newHash + `' WHERE id = 'a'`, ``, []string{"changed Ada1:"},
			strings.Replace(adaHere, "=0011", "=9911", 1)},
		{"a password in both", `UPDATE account SET password = '` + newHash + `' WHERE id = 'a'`,
			`UPDATE gatepost.account SET password = '$argon2id$' WHERE password <> ''`,
			[]string{"conflict Ada1: password was changed here, too: what is here stays"},
			strings.Replace(adaHere, "=001122334455", "=$argon2id$", 1)},
		{"a role", `UPDATE "user" SET role = 'admin,editor'`, ``, []string{"changed Ada1:"},
			strings.Replace(adaHere, "|user|", "|admin,editor|", 1)},
		{"a ban", `UPDATE "user" SET banned = true`, ``, []string{"changed Ada1:"},
			strings.Replace(adaHere, "|user|", "|user|disabled|", 1)},
		{"a ban that is over", `UPDATE "user" SET banned = true, "banExpires" = now() - interval '1 s'`, ``, nil, adaHere},
		{"a new account", `INSERT INTO account VALUES ('c', '99', 'google', 'Ada1')`, ``, []string{"changed Ada1:"},
			adaHere + " google=https://accounts.google.com=99"},
		{"an account that is gone", `DELETE FROM account WHERE id = 'b'`, ``, []string{"changed Ada1:"},
			strings.TrimSuffix(adaHere, " github=https://github.com=4711")},
		{"an account that is there twice", `INSERT INTO account VALUES ('c', '4711', 'github', 'Ada1')`, ``, nil, adaHere},
		{"a password that is gone", `DELETE FROM account WHERE id = 'a'`, ``, []string{"changed Ada1:"},
			strings.Replace(adaHere, "=001122334455", "", 1)},
		{"an account that is gone here", ``, `DELETE FROM gatepost.account WHERE provider_id = 'github'`, nil,
			strings.TrimSuffix(adaHere, " github=https://github.com=4711")},
		{"every way in is gone", `DELETE FROM account`, ``, []string{"changed Ada1:",
			"conflict Ada1: password is gone at the source, and the only way in here: it stays"},
			strings.TrimSuffix(adaHere, " github=https://github.com=4711")},
		{"a second factor", `UPDATE "user" SET "twoFactorEnabled" = true`, ``, []string{
			"barred Ada1: password no longer lets them in here, as they have a second factor there now; they choose a new " +
				"one by mail",
			"refused Ada1:  " + otherFactor,
		}, strings.Replace(adaHere, "=001122334455", "", 1)},
		{"a second factor, and a password of this place", `UPDATE "user" SET "twoFactorEnabled" = true`,
			`UPDATE gatepost.account SET password = '$argon2id$' WHERE password <> ''`, []string{
				"refused Ada1:  " + otherFactor,
			}, strings.Replace(adaHere, "=001122334455", "=$argon2id$", 1)},
		{"they are gone here", `UPDATE "user" SET name = 'Ada L.'`, `DELETE FROM gatepost."user"`,
			[]string{"deleted Ada1:  was deleted here, and stays so"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.run(t, w.betterAuth())
			w.old(t, c.old)
			w.now(t, c.now)
			_, dry := w.run(t, w.betterAuth(), func(o *importer.Options) { o.DryRun = true })
			_, told := w.run(t, w.betterAuth())
			same(t, "told", told, c.told...)
			same(t, "a dry run told", dry, c.told...)
			users := slices.DeleteFunc(w.users(t), func(s string) bool { return strings.HasPrefix(s, "Z") })
			if c.user == "" && len(users) > 0 || c.user != "" && (len(users) != 1 || users[0] != c.user) {
				t.Errorf("got %v, want %s", users, c.user)
			}
			if _, again := w.run(t, w.betterAuth()); len(again) > 0 && !slices.Equal(again, slices.DeleteFunc(told,
				func(s string) bool { return strings.HasPrefix(s, "changed") || strings.HasPrefix(s, "barred") })) {
				t.Errorf("again it told %v", again)
			}
		})
	}
}

// A second import brings back no session that has ended here, and ends those that have ended there.
func TestSessionsOfTheSource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, old, now string
		alive          bool
	}{
		{"nothing", ``, ``, true},
		{"ended there", `DELETE FROM session`, ``, false},
		{"expired there", `UPDATE session SET "expiresAt" = now() - interval '1 s'`, ``, false},
		{"their password was changed there", `UPDATE account SET password = replace(password, '0011', '9911')`, ``, false},
		{"their password was changed there, and they signed in again", `UPDATE account SET password = replace(password,
		    '0011', '9911'); UPDATE session SET token = 'x'`, ``, true},
		{"ended here", ``, `UPDATE gatepost.imported_session SET ended_at = now()`, false},
		{"banned there", `UPDATE "user" SET banned = true`, ``, false},
		{"disabled here", ``, `UPDATE gatepost."user" SET disabled_at = now()`, false},
		{"disabled and enabled here", ``, `UPDATE gatepost."user" SET disabled_at = now(); UPDATE gatepost."user" SET
		    disabled_at = NULL`, false},
		{"deleted here", ``, `DELETE FROM gatepost."user"`, false},
		{"a second factor was added there", `UPDATE "user" SET "twoFactorEnabled" = true`, ``, false},
		{"impersonated", `DELETE FROM session; INSERT INTO session VALUES ('t', now() + interval '1 d', 'x', now(), '', '',
		    'Ada1', 'Root')`, ``, false},
		{"the password was changed here",
			`INSERT INTO session VALUES ('t', now() + interval '1 d', 'x', now(), '', '', 'Ada1')`,
			`UPDATE gatepost.import_record SET closed_at = now(); UPDATE gatepost.imported_session SET ended_at = now()`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.run(t, w.betterAuth())
			w.old(t, c.old)
			w.now(t, c.now)
			w.run(t, w.betterAuth())
			var alive bool
			if err := w.here.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM gatepost.imported_session s
			    JOIN gatepost."user" u ON u.id = s.user_id
			    WHERE ended_at IS NULL AND expires_at > now() AND disabled_at IS NULL)`).Scan(&alive); err != nil {
				t.Fatal(err)
			}
			if alive != c.alive {
				t.Errorf("a session is alive: %t", alive)
			}
		})
	}
}

// A person who is brought over without their second factor on request stays so, and a password that was taken is given
// back when there is no second factor any more.
func TestSecondFactorsThatComeAndGo(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	const with, without = `UPDATE "user" SET "twoFactorEnabled" = true`, `UPDATE "user" SET "twoFactorEnabled" = false`
	drop := func(o *importer.Options) { o.DropSecondFactors = true }
	opens := func(want bool, when string) {
		t.Helper()
		if w.opens(t, "ada@example.com", "correct horse battery staple") != want {
			t.Errorf("%s their password opens: %t", when, !want)
		}
	}
	w.run(t, w.betterAuth())
	w.old(t, with)
	if counts, _ := w.run(t, w.betterAuth()); counts.Barred != 1 || counts.Whole() {
		t.Errorf("%+v", counts)
	}
	opens(false, "with a second factor")
	w.old(t, without)
	w.run(t, w.betterAuth())
	opens(true, "without it") // and is hashed anew by that
	w.old(t, with)
	w.run(t, w.betterAuth())
	opens(false, "with it again")
	w.run(t, w.betterAuth(), drop)
	opens(true, "when it is dropped")
	w.run(t, w.betterAuth())
	opens(true, "after it was dropped")
}

// A sign-in hashes a password anew. It is still the source's: a change there is no conflict.
func TestASignInIsNoChangeHere(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.run(t, w.betterAuth())
	if !w.opens(t, "ada@example.com", "correct horse battery staple") || w.hash(t, "Ada1")[:8] != "$argon2i" {
		t.Fatal("it is not hashed anew")
	}
	if counts, told := w.run(t, w.betterAuth()); counts.Unchanged != 1 || len(told) > 0 {
		t.Errorf("then %+v %v", counts, told)
	}
	w.old(t, `UPDATE account SET password = '`+strings.Replace(betterAuthHash, "0011", "9911", 1)+`' WHERE id = 'a'`)
	counts, told := w.run(t, w.betterAuth())
	if counts.Changed != 1 || !counts.Whole() || w.hash(t, "Ada1")[:4] != "9911" {
		t.Errorf("after a change at the source: %+v %v", counts, told)
	}
}

// Nobody at the source is a wrong source, not the end of every session.
func TestASourceWithoutAnybody(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.run(t, w.betterAuth())
	w.old(t, `DELETE FROM session; DELETE FROM account; DELETE FROM "user"`)
	counts, err := w.store.Import(t.Context(), w.betterAuth(), importer.Options{})
	var alive int
	if scan := w.here.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.imported_session
	    WHERE ended_at IS NULL`).Scan(&alive); !errors.Is(err, importer.ErrNobody) || scan != nil || alive != 1 {
		t.Errorf("%v, %+v, %d sessions, %v", err, counts, alive, scan)
	}
}

// The tables of Auth.js, as its adapter has them, say nothing of when a session was made.
func TestSessionsOfAuthJS(t *testing.T) {
	t.Parallel()
	for last, made := range map[string]string{"30 days": "1 hour", "90 days": "1 hour", "20 days": "10 days"} {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, `
				CREATE TABLE users (id serial PRIMARY KEY, name text, email text, "emailVerified" timestamptz, image text);
				CREATE TABLE sessions (id serial PRIMARY KEY, "userId" integer NOT NULL, expires timestamptz NOT NULL,
				    "sessionToken" text NOT NULL)`)
			w.old(t, `INSERT INTO users (email) VALUES ('ada@example.com')`)
			w.old(t, `INSERT INTO sessions ("userId", expires, "sessionToken") VALUES (1, now() + interval '`+last+`', 'x')`)
			w.run(t, importer.AuthJS{Database: w.betterAuth().Database})
			var about bool
			err := w.here.QueryRow(t.Context(), `SELECT now() - created_at - interval '`+made+`' BETWEEN '-1 min' AND '1 min'
			    FROM gatepost.imported_session WHERE user_id = '1'`).Scan(&about)
			if err != nil || !about {
				t.Errorf("it was not made %s ago (%v)", made, err)
			}
		})
	}
}

// Somebody who cannot be taken is named, with the reason, and nothing of them is written.
func TestWhoCannotBeTaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, fault string }{
		{"no address", `{"id":"x"}`, "has no e-mail address"},
		{"no id", `{"email":"x@example.com"}`, "has no id"},
		{"a NUL in the id", `{"id":"a\u0000b","email":"x@example.com"}`, "has an id that cannot be one here"},
		{"blanks around the id", `{"id":" first","email":"x@example.com"}`, "has an id that cannot be one here"},
		{"a malformed address", `{"id":"x","email":"x@"}`, "has an address that cannot be one here: it has not the form"},
		{"another encoding", "{\"id\":\"x\",\"email\":\"x@example.com\",\"name\":\"Ren\xe9\"}", "the file is not UTF-8"},
		{"a field that would be left out", `{"id":"x","email":"x@example.com","banned":true}`,
			`has a field "banned" that gives nothing here (is it disabled?)`},
		{"no JSON", `{"id":"x"`, "cannot be read: it is no JSON at its byte 9"},
		{"the address of another record", `{"id":"x","email":"FIRST@example.com"}`, "has the address of another record"},
		{"the address of a user here", `{"id":"x","email":"here@example.com"}`, "has the address of the user h1 here"},
		{"the id of another record", `{"id":"first","email":"x@example.com"}`,
			"has an id that another record before it has"},
		{"the id of a user here", `{"id":"h1","email":"x@example.com"}`,
			"has the id of a user here who did not come from there"},
		{"the account of another", `{"id":"x","email":"x@example.com","accounts":[{"provider":"github","subject":"1"}]}`,
			"has the github account of the user first here"},
		{"a role", `{"id":"x","email":"x@example.com","roles":["a b"]}`,
			"has a role that cannot be one here: use letters, digits and _ . : -"},
		{"a hash cut short", `{"id":"x","email":"x@example.com","password":"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ"}`,
			"has a password that cannot be verified here: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ``)
			w.now(t, `INSERT INTO gatepost."user" (id, email) VALUES ('h1', 'here@example.com')`)
			lines := `{"id":"first","email":"first@example.com","accounts":[{"provider":"github","subject":"1"}]}` + "\n" +
				c.line + "\n" + `{"id":"last","email":"last@example.com"}` + "\n"
			for _, dry := range []bool{true, false} {
				counts, told := w.run(t, importer.JSON{File: file(t, lines)}, func(o *importer.Options) { o.DryRun = dry })
				refused := slices.DeleteFunc(told, func(s string) bool { return !strings.HasPrefix(s, "refused") })
				if len(refused) != 1 || !strings.Contains(refused[0], "line 2") || !strings.Contains(refused[0], c.fault) {
					t.Errorf("dry run %t: told %q, want %q", dry, refused, c.fault)
				}
				if counts.Created != 2 || counts.Refused != 1 || counts.Whole() {
					t.Errorf("dry run %t: %+v", dry, counts)
				}
			}
			if users := w.users(t); len(users) != 3 {
				t.Errorf("users: %v", users)
			}
		})
	}
}

// A source that goes away half-way has brought over what it gave, and the next import goes on.
func TestASourceThatGoesAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, betterAuthTables)
	w.old(t, `INSERT INTO "user" SELECT 'u' || i, '', 'u' || i || '@example.com', false
	    FROM generate_series(1000, 1999) i`)
	ctx, cancel := context.WithCancel(t.Context())
	counts, err := w.store.Import(ctx, w.betterAuth(), importer.Options{Progress: func(read, _ int64) {
		if read == 400 {
			w.now(t, `SELECT 1`)
			cancel()
		}
	}})
	if err == nil || counts.Created < 400 || counts.Created > 600 || int(counts.Created) != len(w.users(t)) {
		t.Errorf("%+v, %v, %d users", counts, err, len(w.users(t)))
	}
	more, _ := w.run(t, w.betterAuth())
	if more.Unchanged != counts.Created || more.Created+counts.Created != 1000 || len(w.users(t)) != 1000 {
		t.Errorf("then %+v", more)
	}
}

// A weak hash is wrapped once, still opens the account, and follows the source as what the import wrote.
func TestWeakHashesAreWrapped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	line := func(md5 string) string {
		return file(t, `{"id":"weak","email":"weak@example.com","hasher":"md5","password":"`+md5+`"}`+"\n"+
			`{"id":"strong","email":"strong@example.com","password":"`+password.Dummy+`"}`+"\n")
	}
	first := line("88e4ddd2402d92d50e1879d6ecd9ffd4") // of "correct horse battery"
	w.run(t, importer.JSON{File: first})
	for i, want := range []int64{1, 0} {
		if n, err := w.store.WrapWeak(t.Context(), nil); n != want || err != nil {
			t.Errorf("run %d wrapped %d, %v", i, n, err)
		}
	}
	var stored string
	if err := w.here.QueryRow(t.Context(), `SELECT password FROM gatepost.account
	    WHERE user_id = 'weak'`).Scan(&stored); err != nil ||
		!strings.HasPrefix(stored, "$wrap") || strings.Contains(stored, "88e4ddd2") {
		t.Errorf("stored: %s, %v", stored, err)
	}
	if counts, told := w.run(t, importer.JSON{File: first}); counts.Unchanged != 2 || len(told) > 0 {
		t.Errorf("again: %+v %v", counts, told)
	}
	if counts, told := w.run(t, importer.JSON{File: line("0d107d09f5bbe40cade3de5c71e9e9b7")}); counts.Changed != 1 ||
		!counts.Whole() {
		t.Errorf("after a change at the source: %+v %v", counts, told)
	}
	for p, right := range map[secret.Password]bool{"letmein": true, "correct horse": false} {
		_, err := w.store.SignIn(t.Context(), auth.Credentials{Email: "weak@example.com", Password: p})
		if (err == nil) != right {
			t.Errorf("%t: %v", right, err)
		}
	}
	w.now(t, `UPDATE gatepost.account SET password = '$argon2id$' WHERE user_id = 'weak'`)
	if counts, _ := w.run(t, importer.JSON{File: first}); counts.Conflicts != 1 {
		t.Errorf("after a change in both: %+v", counts)
	}
}

// What an export writes makes the same users in an empty gate.
func TestAnExportIsImportedAgain(t *testing.T) {
	t.Parallel()
	from := betterAuthWorld(t)
	from.old(t, `INSERT INTO "user" VALUES ('odd', E'O''Hara\\\n', 'odd@example.com', false,
	    NULL, now(), now(), 'admin,editor', true, NULL, now() + interval '1 day')`)
	from.old(t, `INSERT INTO "user" VALUES ('none', '', 'none@example.com', true)`)
	from.run(t, from.betterAuth())
	from.now(t, `UPDATE gatepost."user" SET role = '' WHERE id = 'none'`)
	var lines, sql strings.Builder
	e := json.NewEncoder(&lines)
	err := from.store.ExportAll(t.Context(), false, false, func(u importer.Exported) error {
		sql.WriteString(importer.BetterAuthSQL(u))
		return e.Encode(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	to := newWorld(t, ``)
	if counts, told := to.run(t, importer.JSON{File: file(t, lines.String())}); counts.Created != 3 || !counts.Whole() {
		t.Errorf("%+v %v", counts, told)
	}
	same(t, "users", to.users(t), from.users(t)...)

	back := newWorld(t, strings.ReplaceAll(betterAuthTables, `, role text`, `, "unused" text, role text`))
	back.old(t, `ALTER TABLE account ADD COLUMN "updatedAt" timestamptz;`+
		strings.TrimPrefix(importer.BetterAuthBegin, "BEGIN;")+sql.String()+
		strings.TrimSuffix(importer.BetterAuthEnd(), "COMMIT;\n"))
	back.run(t, back.betterAuth())
	want := from.users(t)
	for i, s := range want { // Better Auth knows nobody without a role
		if strings.HasPrefix(s, "none|") {
			want[i] = strings.TrimSuffix(s, "|") + "|user"
		}
	}
	same(t, "users by way of Better Auth", back.users(t), want...)
}

// What of somebody is left out on request is told, and their session does not stand for their second factor.
func TestWhatIsDroppedIsTold(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.old(t, `UPDATE "user" SET "twoFactorEnabled" = true; UPDATE account SET password = 'x' WHERE id = 'a'`)
	counts, told := w.run(t, w.betterAuth(), func(o *importer.Options) {
		o.DropPasswords, o.DropSecondFactors = true, true
	})
	same(t, "told", told, "created Ada1:", "note Ada1:  is brought over without the password, which cannot be "+
		"verified here: it is not a hash of a kind that is verified",
		"note Ada1:  is brought over without the second factor: "+
			"it is no authenticator app whose key the source has, as codes by mail or SMS are none")
	if counts.Created != 1 || counts.Sessions != 0 || !counts.Whole() {
		t.Errorf("%+v", counts)
	}
}
