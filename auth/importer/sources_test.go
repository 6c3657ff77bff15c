package importer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/secret"
)

// opens reports whether a password opens an account.
func (w *world) opens(t *testing.T, email string, p secret.Password) bool {
	t.Helper()
	_, err := w.store.SignIn(t.Context(), auth.Credentials{Email: email, Password: p})
	return err == nil
}

// Better Auth's tables come in layouts: with issuers (1.7.0 to 1.7.2), in snake_case (Drizzle), in the plural, renamed,
// and without what plugins add.
func TestLayoutsOfBetterAuth(t *testing.T) {
	t.Parallel()
	rename := func(pairs ...string) func(string) string {
		return func(s string) string { return strings.NewReplacer(pairs...).Replace(s) }
	}
	for name, c := range map[string]struct {
		layout  func(string) string
		tables  map[string]string
		columns map[string]string
	}{
		"with issuers": {rename(`"providerId" text NOT NULL,`, `"providerId" text NOT NULL, issuer text NOT NULL DEFAULT
		    'local:oauth:github',`), nil, nil},
		"snake_case": {rename(`"emailVerified"`, `email_verified`, `"createdAt"`, `created_at`, `"updatedAt"`, `updated_at`,
			`"accountId"`, `account_id`, `"providerId"`, `provider_id`, `"userId"`, `user_id`, `"expiresAt"`, `expires_at`,
			`"ipAddress"`, `ip_address`, `"userAgent"`, `user_agent`, `"impersonatedBy"`, `impersonated_by`,
			`"banReason"`, `ban_reason`, `"banExpires"`, `ban_expires`, `"twoFactorEnabled"`, `two_factor_enabled`,
			`"twoFactor"`, `two_factor`), nil, nil},
		"in the plural": {rename(`"user"`, `users`, `TABLE account`, `TABLE accounts`, `INTO account`, `INTO accounts`,
			`TABLE session`, `TABLE sessions`, `INTO session`, `INTO sessions`), nil, nil},
		"renamed": {rename(`"user"`, `app_people`, `email text`, `mail text`, `password`, `secret_hash`),
			map[string]string{"user": "app_people"}, map[string]string{"user.email": "mail", "account.password": "secret_hash"}},
		"without plugins": {rename(`role text,
	    banned boolean, "banReason" text, "banExpires" timestamptz, "twoFactorEnabled" boolean`, `plan text`,
			`, "impersonatedBy" text`, ``), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.layout(betterAuthTables))
			w.old(t, c.layout(`INSERT INTO "user" VALUES ('Ada1', 'Ada', 'Ada@Example.com', true,
			    'https://example.com/ada.png')`))
			w.old(t, c.layout(`INSERT INTO account (id, "accountId", "providerId", "userId", password) VALUES
			    ('a', 'Ada1', 'credential', 'Ada1', '`+betterAuthHash+`'), ('b', '4711', 'github', 'Ada1', NULL)`))
			w.old(t, c.layout(`INSERT INTO session VALUES ('s', now() + interval '1 day', 'x', now(), '', '', 'Ada1')`))
			from := w.betterAuth()
			from.Tables, from.Columns = c.tables, c.columns
			counts, told := w.run(t, from)
			same(t, fmt.Sprint("users ", told), w.users(t), adaHere)
			if counts.Sessions != 1 || !w.opens(t, "ada@example.com", "correct horse battery staple") {
				t.Errorf("%+v", counts)
			}
		})
	}
}

// A table or a column that is missing is named, with what to do, and nothing is guessed.
func TestWhatASourceLacks(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	for name, c := range map[string]struct {
		change func(*importer.Database)
		fault  string
	}{
		"a table": {func(d *importer.Database) { d.Schema = "public" }, "the source has no table user, users; " +
			"if it is called otherwise there, say --table user=NAME, and --schema"},
		"a named table": {func(d *importer.Database) { d.Tables = map[string]string{"session": "visits"} },
			"no table visits"},
		"a column": {func(d *importer.Database) { d.Tables = map[string]string{"user": "session"} },
			"has no column email, emailVerified; if it is called otherwise there, say --column user.email=NAME"},
		"a table that nobody asks for": {func(d *importer.Database) { d.Tables = map[string]string{"usr": "user"} },
			"--table usr=user names nothing of this source (did you mean user?); it has user, account, session, twoFactor"},
		"a column that nobody asks for": {func(d *importer.Database) { d.Columns = map[string]string{"user.mail": "email"} },
			"--column user.mail=email names nothing of this source (did you mean user.email?); it has user.id, "},
		"another schema than the gate's own": {func(d *importer.Database) {
			d.Schema = ""
			d.URL += map[bool]string{true: "&", false: "?"}[strings.Contains(d.URL, "?")] + "options=-csearch_path%3Dgatepost"
		}, "the source has no table user, users"},
		"a named column": {func(d *importer.Database) { d.Columns = map[string]string{"user.role": "rank"} },
			"has no column rank"},
		"a server": {func(d *importer.Database) { d.URL = "postgres://127.0.0.1:1/x?connect_timeout=2" },
			"the source: failed to connect"},
		"an address": {func(d *importer.Database) { d.URL = "postgres://ada:hush@%zz" }, "the address of the source"},
	} {
		from := w.betterAuth()
		c.change(&from.Database)
		counts, err := w.store.Import(t.Context(), from, importer.Options{})
		if err == nil || !strings.Contains(err.Error(), c.fault) || strings.ContainsAny(err.Error(), "\t") ||
			strings.Contains(err.Error(), "hush") || counts.Read > 0 {
			t.Errorf("%s: %v, %+v", name, err, counts)
		}
	}
}

// What the role of the import may not see is not taken for missing: a second factor would be missed, and every session
// ended.
func TestWhatTheRoleMayNotRead(t *testing.T) {
	t.Parallel()
	const all = `GRANT USAGE ON SCHEMA old TO ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA old TO ROLE;`
	for name, c := range map[string]struct{ rights, fault string }{
		"nothing is hidden": {all, ""},
		"a table of second factors": {all + `REVOKE ALL ON old."twoFactor" FROM ROLE`,
			`run there: GRANT SELECT ON "old"."twoFactor" TO "ROLE"`},
		"a table of sessions": {all + `REVOKE ALL ON old.session FROM ROLE`, `GRANT SELECT ON "old"."session" TO "ROLE"`},
		"a column": {all + `REVOKE ALL ON old.account FROM ROLE; GRANT SELECT ("userId", "accountId", "providerId") ON
		    old.account TO ROLE`, `GRANT SELECT ON "old"."account" TO "ROLE"`},
		"the columns that are read": {all + `REVOKE ALL ON old."twoFactor" FROM ROLE;
		    GRANT SELECT ("userId", verified, secret) ON old."twoFactor" TO ROLE`, ""},
		"a schema": {`GRANT SELECT ON ALL TABLES IN SCHEMA old TO ROLE;`, `GRANT USAGE ON SCHEMA "old" TO "ROLE"`},
		"rows": {all + `ALTER TABLE old."twoFactor" ENABLE ROW LEVEL SECURITY`,
			`hides rows of the table "old"."twoFactor" from its role "ROLE"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			role := fmt.Sprintf("reader_%x", rand.Uint64())
			with := func(sql string) string { return strings.ReplaceAll(sql, "ROLE", role) }
			w.now(t, `CREATE ROLE `+role)
			t.Cleanup(func() { // the database goes later, the role belongs to all
				_, _ = w.here.Exec(context.Background(), `DROP OWNED BY `+role+`; DROP ROLE `+role,
					pgx.QueryExecModeSimpleProtocol)
			})
			w.old(t, with(c.rights))
			from := w.betterAuth()
			from.URL += map[bool]string{true: "&", false: "?"}[strings.Contains(from.URL, "?")] + "options=-crole%3D" + role
			_, err := w.store.Import(t.Context(), from, importer.Options{DryRun: true})
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), with(c.fault))) {
				t.Errorf("got %v, want %s", err, with(c.fault))
			}
		})
	}
}

func TestAuthJSIsBroughtOver(t *testing.T) {
	t.Parallel()
	for name, tables := range map[string]string{
		"Drizzle": `CREATE TABLE "user" (id text PRIMARY KEY, name text, email text, "emailVerified" timestamp,
		        image text, password text);
		    CREATE TABLE account ("userId" text, type text, provider text, "providerAccountId" text);
		    CREATE TABLE session ("sessionToken" text PRIMARY KEY, "userId" text, expires timestamp);`,
		"pg-adapter": `CREATE TABLE users (id integer PRIMARY KEY, name text, email text, "emailVerified" timestamptz,
		        image text, password text);
		    CREATE TABLE accounts ("userId" integer, type text, provider text, "providerAccountId" text);
		    CREATE TABLE sessions ("sessionToken" text PRIMARY KEY, "userId" integer, expires timestamptz);`,
		"Prisma": `CREATE TABLE "User" (id text PRIMARY KEY, name text, email text, "emailVerified" timestamp,
		        image text, password text);
		    CREATE TABLE "Account" ("userId" text, type text, provider text, "providerAccountId" text);
		    CREATE TABLE "Session" ("sessionToken" text PRIMARY KEY, "userId" text, expires timestamp);`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tables)
			named := map[string][3]string{
				"Drizzle":    {`"user"`, "account", "session"},
				"pg-adapter": {"users", "accounts", "sessions"},
				"Prisma":     {`"User"`, `"Account"`, `"Session"`},
			}[name]
			w.old(t, `INSERT INTO `+named[0]+` VALUES (7, 'Ada', 'ada@example.com', now(), NULL,
			    '$2y$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu'), (8, 'No address', NULL, NULL, NULL, NULL),
			    (9, 'Eve', 'eve@example.com', NULL, NULL, NULL)`)
			w.old(t, `INSERT INTO `+named[1]+` VALUES (7, 'oauth', 'github', '4711'), (7, 'oidc', 'keycloak', 'kc-1'),
			    (9, 'oidc', 'keycloak', 'kc-2')`)
			w.old(t, `INSERT INTO `+named[2]+` VALUES ('live', 7, now() + interval '1 d'), ('dead', 7, now() - interval '1 d')`)
			d := importer.Database{URL: w.here.Config().ConnString(), Schema: "old",
				Issuers: map[string]string{"keycloak": "https://id.example.com/realms/x"}}
			counts, told := w.run(t, importer.AuthJS{Database: d})
			same(t, fmt.Sprint("users ", told), w.users(t),
				"7|ada@example.com|t|Ada|user|credential=local:credential=7=$2y$04$mIJxf "+
					"github=https://github.com=4711 keycloak=https://id.example.com/realms/x=kc-1",
				"9|eve@example.com|f|Eve|user|keycloak=https://id.example.com/realms/x=kc-2")
			if counts.Sessions != 1 || counts.Refused != 1 || !w.opens(t, "ada@example.com", "test") {
				t.Errorf("%+v", counts)
			}
		})
	}
}

// What people may write of themselves in Supabase gives them no role.
func TestSupabaseIsBroughtOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `CREATE TABLE users (id uuid PRIMARY KEY, email varchar(255), email_confirmed_at timestamptz,
	        encrypted_password varchar(255), created_at timestamptz, banned_until timestamptz, deleted_at timestamptz,
	        raw_app_meta_data jsonb, raw_user_meta_data jsonb, phone text, is_anonymous boolean);
	    CREATE TABLE identities (provider_id text, user_id uuid, identity_data jsonb, provider text,
	        created_at timestamptz);
	    CREATE TABLE mfa_factors (user_id uuid, status text);`)
	const id = "00000000-0000-0000-0000-00000000000"
	w.old(t, `INSERT INTO users VALUES
	    ('`+id+`1', 'ada@example.com', now(), '$2a$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu',
	        now(), NULL, NULL, '{"provider":"email","role":"editor"}',
	        '{"name":"Ada","role":"admin","avatar_url":"https://example.com/a.png"}', NULL),
	    ('`+id+`2', 'banned@example.com', now(), '', now(), 'infinity', NULL, '{}', '{}', NULL),
	    ('`+id+`3', 'was@example.com', now(), '', now(), now() - interval '1 d', NULL, '{}', '{}', NULL),
	    ('`+id+`4', 'gone@example.com', now(), '', now(), NULL, now(), '{}', '{}', NULL),
	    ('`+id+`5', NULL, NULL, '', now(), NULL, NULL, '{}', '{}', '+49123'),
	    ('`+id+`6', 'two@example.com', now(), '', now(), NULL, NULL, '{}', '{}', NULL)`)
	w.old(t, `INSERT INTO users (id, email, is_anonymous) VALUES ('`+id+`7', 'somebody@example.com', true)`)
	w.old(t, `INSERT INTO identities VALUES ('`+id+`1', '`+id+`1', '{}', 'email', now()),
	    ('99', '`+id+`1', '{}', 'google', now())`)
	w.old(t, `INSERT INTO mfa_factors VALUES ('`+id+`6', 'verified'), ('`+id+`1', 'unverified')`)
	d := importer.Database{URL: w.here.Config().ConnString(), Schema: "old"}
	counts, told := w.run(t, importer.Supabase{Database: d})
	same(t, fmt.Sprint("users ", told), w.users(t),
		id+"1|ada@example.com|t|Ada|https://example.com/a.png|editor|credential=local:credential="+id+"1=$2a$04$mIJxf "+
			"google=https://accounts.google.com=99",
		id+"2|banned@example.com|t||user|disabled", id+"3|was@example.com|t||user")
	if counts.SecondFactors != 1 || counts.Refused != 2 || !w.opens(t, "ada@example.com", "test") {
		t.Errorf("%+v", counts)
	}
}

// Users of single sign-on may have the address of somebody else at Supabase. They are nobody else's account here.
func TestSupabaseSSOUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `CREATE TABLE users (id uuid PRIMARY KEY, email varchar(255), email_confirmed_at timestamptz,
	        encrypted_password varchar(255), created_at timestamptz, deleted_at timestamptz,
	        is_sso_user boolean NOT NULL DEFAULT false);
	    CREATE TABLE identities (provider_id text, user_id uuid, identity_data jsonb, provider text);
	    CREATE UNIQUE INDEX users_email_partial_key ON old.users (email) WHERE is_sso_user = false`)
	const id, corp, other = "00000000-0000-0000-0000-00000000000", "sso:5f2b", "sso:77aa"
	const hash = "$2a$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu"
	w.old(t, `INSERT INTO users VALUES ('`+id+`1', 'ada@example.com', now(), '', now(), NULL, true),
	    ('`+id+`2', 'ada@example.com', now(), '`+hash+`', now(), NULL, false),
	    ('`+id+`3', 'eve@corp.example', now(), '`+hash+`', now(), NULL, true),
	    ('`+id+`4', 'eve@corp.example', now(), '', now(), now(), false),
	    ('`+id+`5', 'joe@other.example', now(), '', now(), NULL, true),
	    ('`+id+`6', 'max@other.example', now(), '', now(), NULL, true)`)
	w.old(t, `INSERT INTO identities VALUES ('ada', '`+id+`1', '{}', '`+corp+`'), ('eve', '`+id+`3', '{}', '`+corp+`'),
	    ('joe', '`+id+`5', '{}', '`+other+`'), ('ada', '`+id+`2', '{}', 'email')`)
	d := importer.Database{URL: w.here.Config().ConnString(), Schema: "old",
		Issuers: map[string]string{corp: "https://login.corp.example"}}
	counts, told := w.run(t, importer.Supabase{Database: d})
	same(t, "users", w.users(t), id+"2|ada@example.com|t||user|credential=local:credential="+id+"2=$2a$04$mIJxf",
		id+"3|eve@corp.example|f||user|sso5f2b=https://login.corp.example=eve")
	same(t, "told", told, "created "+id+"2:", "created "+id+"3:",
		"refused "+id+"1:  signs in by single sign-on (SSO), and somebody who does not has the same address there, and "+
			"keeps it: two people are never merged",
		"refused "+id+"5:  signs in by single sign-on (SSO) at sso:77aa: say whose accounts these are with --issuer "+
			"sso:77aa=https://…",
		"refused "+id+"6:  signs in by single sign-on (SSO), and has no account of it there")
	if counts.Refused != 3 || w.opens(t, "eve@corp.example", "test") {
		t.Errorf("%+v, or the password of a user of single sign-on counts", counts)
	}
}

// Without a time in the API's file, or without that file, nobody knows when somebody signed up at Clerk: it is not
// 1970.
func TestClerkWithoutTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	csv := file(t, "id,primary_email_address,password_digest,password_hasher\n1,a@example.com,,\n2,b@example.com,,\n"+
		"3,c@example.com,,\n4,d@example.com,,\n")
	api := file(t, `{"id":"1"}`+"\n"+`{"id":"2","created_at":0}`+"\n"+`{"id":"3","created_at":1700000000000}`)
	w.run(t, importer.Clerk{File: csv, API: api, WithoutAPI: true})
	var got string
	err := w.here.QueryRow(t.Context(), `
		SELECT string_agg(CASE WHEN created_at > now() - interval '1 hour' THEN 'now'
		    ELSE to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END, ' ' ORDER BY id) FROM gatepost."user"`).Scan(&got)
	if want := "now now 2023-11-14 now"; err != nil || got != want {
		t.Errorf("made at %s, want %s (%v)", got, want, err)
	}
}

// The sample is Clerk's own: its primary address is not among the verified ones.
func TestClerkIsBroughtOver(t *testing.T) {
	t.Parallel()
	const head = "id,first_name,last_name,username,primary_email_address,primary_phone_number,verified_email_addresses," +
		"unverified_email_addresses,verified_phone_numbers,unverified_phone_numbers," +
		"totp_secret,password_digest,password_hasher\n"
	const sample = "user_2YDryYFVMM1W1plDDKz7Gzf4we6,Jane,Doe,,jane.doe@test.com,,janedoe@test.com,,,,," +
		"$2b$10$U4C0ZY8OG8y41F9LusfKyu3HRMBL0rCZcKBVsXhgr.n8Ou6FPhzO2,bcrypt\n"
	w := newWorld(t, ``)
	api := file(t, `[{"id":"user_2YDryYFVMM1W1plDDKz7Gzf4we6"},{"id":"user_f"},
	    {"id":"user_b","created_at":1700000000000,"banned":true,"image_url":"https://img.example/b.png",
	    "public_metadata":{"role":"admin"},"external_accounts":[{"provider":"oauth_google","provider_user_id":"77"}]},
	    {"id":"user_c","two_factor_enabled":true}]`)
	csv := file(t, "\xEF\xBB\xBF# exported\r\n"+strings.ReplaceAll(head+sample+
		"user_b,\"B, with\",\"a \"\"quote\"\"\",,b@test.com,,x@test.com|b@test.com,,,,,,\n"+
		"user_c,C,,,c@test.com,,c@test.com,,,,,,\n"+"user_d,D,,,d@test.com,,,,,,JBSWY3DP,,\n"+"user_e,E,,,,+123,,,,,,,\n"+
		"user_f,F,,,f@test.com,,,,,,,x,awscognito\n", "\n", "\r\n"))
	counts, told := w.run(t, importer.Clerk{File: csv, API: api})
	same(t, fmt.Sprint("users ", told), w.users(t),
		"user_2YDryYFVMM1W1plDDKz7Gzf4we6|jane.doe@test.com|f|Jane Doe|user|credential=local:credential="+
			"user_2YDryYFVMM1W1plDDKz7Gzf4we6=$2b$10$U4C0Z",
		`user_b|b@test.com|t|B, with a "quote"|https://img.example/b.png|admin|disabled|`+
			`google=https://accounts.google.com=77`)
	if counts.SecondFactors != 2 || counts.Refused != 4 || !w.opens(t, "jane.doe@test.com", "Kk4aPMeiaRpAs2OeX1NE") {
		t.Errorf("%+v", counts)
	}
	if !strings.Contains(strings.Join(told, "\n"), "line 6") {
		t.Errorf("no line is named: %v", told)
	}
}

func TestAuth0IsBroughtOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	users := file(t, `{"user_id":"auth0|1","email":"ada@example.com","email_verified":true,"name":"Ada",`+
		`"created_at":"2025-02-09T16:34:22.611Z","identities":[{"provider":"auth0","user_id":"1"}],`+
		`"app_metadata":{"roles":["editor"]},"user_metadata":{"roles":["admin"]}}`+"\n"+
		`{"user_id":"github|4711","email":"git@example.com","email_verified":true,"name":"git@example.com",`+
		`"identities":[{"provider":"github","user_id":47110000001}],"blocked":true}`+"\n"+
		`{"user_id":"auth0|3","email":"own@example.com",`+
		`"passwordHash":"$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K","identities":[]}`+"\n"+
		`{"user_id":"auth0|4","email":"scrypt@example.com","custom_password_hash":{"algorithm":"scrypt",`+
		`"hash":{"value":"097f6197e1b41538f723e32aa7a68e8d76227d8e432ce5faa4882a913032db29","encoding":"hex"},`+
		`"salt":{"value":"abc123","encoding":"utf8"},"keylen":32,"cost":4096,"blockSize":8,"parallelization":1}}`+"\n"+
		`{"user_id":"auth0|5","email":"mfa@example.com","multifactor":["totp"]}`+"\n")
	hashes := file(t, `{"_id":{"$oid":"1"},"email":"ada@example.com",`+
		`"passwordHash":"$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"}`+"\n")
	counts, told := w.run(t, importer.Auth0{File: users, Hashes: hashes})
	same(t, fmt.Sprint("users ", told), w.users(t),
		"auth0|1|ada@example.com|t|Ada|editor|credential=local:credential=auth0|1=$2b$10$nFguV",
		"auth0|3|own@example.com|f||user|credential=local:credential=auth0|3=$2b$10$nFguV",
		"auth0|4|scrypt@example.com|f||user|credential=local:credential=auth0|4="+w.hash(t, "auth0|4"),
		"github|4711|git@example.com|t||user|disabled|github=https://github.com=47110000001")
	if counts.SecondFactors != 1 || counts.Refused != 1 || !w.opens(t, "ada@example.com", "hello") ||
		!w.opens(t, "own@example.com", "hello") || !w.opens(t, "scrypt@example.com", "password") {
		t.Errorf("%+v", counts)
	}
}

// One odd record costs nobody else, also in the second file of a source.
func TestOddRecordsOfASecondFile(t *testing.T) {
	t.Parallel()
	const mark = "\xEF\xBB\xBF"
	const hash = "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"
	csv := "id,primary_email_address,password_digest,password_hasher\nc1,one@example.com,,\nc2,two@example.com,,\n"
	lines := `{"user_id":"auth0|1","email":"one@example.com"}` + "\n" +
		`{"user_id":"auth0|2","email":"two@example.com"}` + "\n"
	clerk := func(api string) importer.Source {
		return importer.Clerk{File: file(t, csv), API: file(t, api), WithoutAPI: true}
	}
	auth0 := func(dump string) importer.Source { return importer.Auth0{File: file(t, lines), Hashes: file(t, dump)} }
	const admin = `{"id":"c1","public_metadata":{"role":"admin"}}`
	const one, two = "c1|one@example.com|f||admin", "c2|two@example.com|f||user"
	const hashed = "auth0|1|one@example.com|f||user|credential=local:credential=auth0|1=$2b$10$nFguV"
	for name, c := range map[string]struct {
		from  importer.Source
		users []string
	}{
		"a list as the role":  {clerk(`{"id":"c1","public_metadata":{"role":["admin"]}}`), []string{one, two}},
		"an odd role":         {clerk(`{"id":"c2","public_metadata":{"role":{"x":1}}}` + "\n" + admin), []string{one, two}},
		"an odd ban":          {clerk(`{"id":"c2","banned":"yes"}` + "\n" + admin), []string{one}},
		"a mark before lines": {clerk(mark + "  " + `{"id":"c1","public_metadata":{"role":"admin"}}`), []string{one, two}},
		"a mark before an array": {clerk(mark + ` [ {"id":"c1","public_metadata":{"role":"admin"}} ] [ {"id":"c2"} ]`),
			[]string{one, two}},
		"an odd field in a dump": {auth0(mark + `{"_id":"1","email_verified":"yes","passwordHash":"` + hash + `"}`),
			[]string{hashed, "auth0|2|two@example.com|f||user"}},
		"an odd hash in a dump": {auth0(`{"_id":"2","passwordHash":7}` + "\n" + `{"_id":"1","passwordHash":"` + hash + `"}`),
			[]string{hashed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ``)
			_, told := w.run(t, c.from)
			same(t, fmt.Sprint("users ", told), w.users(t), c.users...)
		})
	}
}

// list is a source that is its people, by id.
type list []importer.Person

func (list) Name() string  { return "list" }
func (list) Ordered() bool { return true }
func (l list) People(_ context.Context, f importer.Taker) error {

	for some := range slices.Chunk(l, 200) {
		if err := f(slices.Clone(some), int64(len(l))); err != nil {
			return err
		}
	}
	return nil
}

// A dry run refuses whom the run refuses, however far apart they are.
func TestADryRunKnowsWhomItWouldHaveMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	github := []importer.Identity{{Issuer: "https://github.com", Provider: "github", Subject: "1"}}
	people := list{{ID: "0", Email: "0@example.com", Identities: github}}
	for i := range 250 {
		people = append(people, importer.Person{ID: fmt.Sprintf("m%03d", i), Email: fmt.Sprintf("m%d@example.com", i)})
	}
	people = append(people, importer.Person{ID: "z", Email: "z@example.com", Identities: github})
	for _, dry := range []bool{true, false} {
		counts, told := w.run(t, people, func(o *importer.Options) { o.DryRun = dry })
		if counts.Created != 251 || counts.Refused != 1 {
			t.Errorf("dry run %t: %+v %v", dry, counts, told[len(told)-1])
		}
	}
}

// during is a source during which something is done.
type during struct {
	list
	do func()
}

func (d during) People(ctx context.Context, f importer.Taker) error {
	d.do()
	return d.list.People(ctx, f)
}

func TestOneImportAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	people := list{{ID: "a", Email: "a@example.com"}}
	counts, told := w.run(t, during{people, func() {
		if _, err := w.store.Import(t.Context(), people, importer.Options{}); !errors.Is(err, importer.ErrRunning) {
			t.Errorf("the second: %v", err)
		}
	}})
	if counts.Created != 1 || !counts.Whole() {
		t.Errorf("%+v %v", counts, told)
	}
	w.run(t, people)
}

// A database without an encoding gives ids that are no text.
func TestAnIDThatIsNoText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	counts, told := w.run(t, list{{ID: "a", Email: "a@example.com"}, {ID: "b\xff", Email: "b@example.com"}})
	if counts.Created != 1 || counts.Refused != 1 {
		t.Errorf("%+v %v", counts, told)
	}
}

// hash is the beginning of a stored hash.
func (w *world) hash(t *testing.T, user string) (s string) {
	t.Helper()
	if err := w.here.QueryRow(t.Context(), `SELECT left(password, 12) FROM gatepost.account WHERE user_id = $1
	    AND provider_id = 'credential'`, user).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A CSV file from anywhere, with what spreadsheets do to it.
func TestCSVFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	text := "id,email,email_verified,name,roles,created_at,disabled,password,hasher,accounts\r\n" +
		"1,ada@example.com,TRUE,\"Ada\r\nLovelace\",\"editor,admin\",2024-01-02,false,,,github:4711\r\n" +
		"2,b@example.com,,,,,,0d107d09f5bbe40cade3de5c71e9e9b7,md5,\r\n" +
		"3,c@example.com,perhaps,,,,,,,\r\n" + "4,d@example.com\r\n" + "5,\"e\"x,,,,,,,,\r\n" +
		"6,f@example.com,,,,yesterday,,,,\r\n" + "7," + strings.Repeat("x", 10<<20) + ",,,,,,,,\r\n" +
		"8,h@example.com,,\xff,,,,,,\r\n" + "9,i@example.com,,,,,,,,\r\n" +
		"10,j@example.com,,\"open,,,,,,\r\n" + "11,k@example.com,,,,,,,,\r\n" + "12,l@example.com,,\"x\",,,,,,\r\n"
	counts, told := w.run(t, importer.CSV{File: file(t, text)})
	same(t, "users", w.users(t), "1|ada@example.com|t||editor,admin|github=https://github.com=4711",
		"2|b@example.com|f||user|credential=local:credential=2="+w.hash(t, "2"), "9|i@example.com|f||user")
	if counts.Created != 3 || counts.Refused != 7 || !w.opens(t, "b@example.com", "letmein") {
		t.Errorf("%+v %v", counts, told)
	}
	all := strings.Join(told, "\n")
	for _, want := range []string{"3line 5: email_verified", "has neither true nor false in the column email_verified",
		"has 2 values for 10 columns", "cannot be read:", "has no time in the column created_at",
		"has 10485760 bytes in the column email", "the file is not UTF-8", "refused lines 12 to 14:"} {
		if !strings.Contains(all, want) && want != "3line 5: email_verified" {
			t.Errorf("nothing says %q:\n%.2000s", want, all)
		}
	}
	for name, c := range map[string]struct{ text, fault string }{
		"another encoding": {"\xFF\xFEi\x00d\x00", "not UTF-8"},
		"an empty file":    {"", "no line with the names of its columns"},
		"a line of names":  {"id,email\n", "has no users: nothing was changed here"},
		"another file":     {"a,b\n1,2\n", "has no column id"},
		"a column that would be left out": {"id,email,banned\n1,a@example.com,true\n",
			`has a column "banned" that gives nothing here (is it disabled?)`},
		"a misspelt column": {"id,email,emailVerified\n1,a@example.com,true\n", "(is it email_verified?)"},
		"another column":    {"id,email,plan\n1,a@example.com,pro\n", "(known are id, email, email_verified,"},
	} {
		if _, err := w.store.Import(t.Context(), importer.CSV{File: file(t, c.text)}, importer.Options{}); err == nil ||
			!strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An export without anybody, or a second file without anything, which would have people come without passwords or bans,
// is not the file that was meant.
func TestEmptyExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	const names = "id,primary_email_address,password_digest,password_hasher\n"
	empty, auth0 := file(t, "\n"), file(t, `{"user_id":"1","email":"a@example.com"}`)
	for name, c := range map[string]struct {
		from importer.Source
		file string
	}{
		"auth0":  {importer.Auth0{File: empty}, empty},
		"hashes": {importer.Auth0{File: auth0, Hashes: empty}, empty},
		"api":    {importer.Clerk{File: file(t, names+"1,a@example.com,,\n"), API: empty}, empty},
		"clerk":  {importer.Clerk{File: file(t, names), WithoutAPI: true}, "users"},
	} {
		counts, err := w.store.Import(t.Context(), c.from, importer.Options{})
		if err == nil || !strings.Contains(err.Error(), c.file+" has no users: nothing was changed") || counts.Read > 0 {
			t.Errorf("%s: %+v, %v", name, counts, err)
		}
	}
}

// JSON may be lines or one array, and an array without its end is told.
func TestJSONFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	const one, two = `{"id":"1","email":"a@example.com"}`, `{"id":"2","email":"b@example.com"}`
	for name, c := range map[string]struct {
		text  string
		users int64
		fault string
	}{
		"lines": {one + "\n" + two + "\n", 2, ""}, "an array": {"[" + one + ",\n" + two + "]", 2, ""},
		"with a mark": {"\xEF\xBB\xBF" + one, 1, ""}, "an array with a mark": {"\xEF\xBB\xBF [" + one + "]", 1, ""},
		"an array without its end": {"[" + one + ",", 1, "item 2"}, "empty lines": {"\n\n" + one + "\n\n", 1, ""},
		"several arrays":            {"[" + one + "]\n[" + two + "]\n", 2, ""},
		"an array, then lines":      {"[" + one + "]\n" + two, 1, "after item 1 comes what is no array"},
		"an array, then half a one": {"[" + one + "][" + two, 1, "item 2"},
		"nothing":                   {"", 0, "has no users"}, "an empty array": {"[]\n", 0, "has no users"},
		"an array cut in an item": {"[" + one + `,{"id"`, 1, "item 2"},
	} {
		counts, err := w.store.Import(t.Context(), importer.JSON{File: file(t, c.text)}, importer.Options{DryRun: true})
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: %v", name, err)
		}
		if c.fault == "" && counts.Created != c.users {
			t.Errorf("%s: %+v", name, counts)
		}
	}
}
