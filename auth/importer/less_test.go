package importer_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// missed is what is told of fields that the source says nothing of any more.
func missed(what string) string {
	return "note :  the source said " + what + " of people who are here, and says nothing of that now: it stays as it " +
		"is here; is a file, a column or a flag missing, as --api, --hashes, --issuer or --column?"
}

// A run that says less than the one before, as a file, a column or a flag is missing, takes nothing from anybody: no
// ban, no role, no account at a provider, no password. What is missing is told, and the run after that, which says
// everything, changes what has changed.
func TestARunThatSaysLess(t *testing.T) {
	t.Parallel()
	const hash = "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"
	type sources func(*testing.T, *world) (whole, less, changed importer.Source)
	fromFiles := func(make func(name string) importer.Source, whole, less, changed string) sources {
		return func(t *testing.T, _ *world) (importer.Source, importer.Source, importer.Source) {
			return make(file(t, whole)), make(file(t, less)), make(file(t, changed))
		}
	}
	csv := func(name string) importer.Source { return importer.CSV{File: name} }
	json := func(name string) importer.Source { return importer.JSON{File: name} }
	clerk := func(api string, without bool) importer.Source {
		c := importer.Clerk{File: file(t, "id,primary_email_address,verified_email_addresses,password_digest,"+
			"password_hasher\n1,a@example.com,a@example.com,"+hash+",bcrypt\n2,b@example.com,,,\n"), WithoutAPI: without}
		if api != "" {
			c.API = file(t, api)
		}
		return c
	}
	const api = `{"id":"1","banned":true,"image_url":"https://example.com/a.png","public_metadata":{"role":"admin"},` +
		`"external_accounts":[{"provider":"oauth_google","provider_user_id":"77"}]}` + "\n"
	const apiOfTwo = `{"id":"2","banned":false,"image_url":"","public_metadata":{},"external_accounts":[],` +
		`"two_factor_enabled":false}` + "\n"
	const auth0 = `{"user_id":"auth0|1","email":"a@example.com","email_verified":true,"blocked":true,` +
		`"app_metadata":{"roles":["admin"]},"identities":[{"provider":"google-oauth2","user_id":"77"}],"multifactor":[]}`
	const all = "1|a@example.com|t||https://example.com/a.png|admin|disabled|credential=local:credential=1=$2b$10$nFguV " +
		"google=https://accounts.google.com=77"
	for name, c := range map[string]struct {
		sources sources
		missing string // what is told to be, of the source
		also    string // what is told of somebody
		user    string // who is here after the first run, and after the second
		after   string // and after the third
	}{
		"Clerk without the API": {func(*testing.T, *world) (_, _, _ importer.Source) {
			return clerk(api+apiOfTwo, false), clerk("", true), clerk(`{"id":"1","banned":false}`+"\n"+apiOfTwo, false)
		}, "accounts, disabled, image, roles", "without a file of the API nobody knows who is banned", all,
			"1|a@example.com|t||user|credential=local:credential=1=$2b$10$nFguV"},
		"Clerk without a page of the API": {func(*testing.T, *world) (_, _, _ importer.Source) {
			return clerk(api+apiOfTwo, false), clerk(apiOfTwo, false), clerk(`{"id":"1","banned":false}`+"\n"+apiOfTwo, false)
		}, "accounts, disabled, image, roles", "note 1line 2:  is not in the file of the API: ", all,
			"1|a@example.com|t||user|credential=local:credential=1=$2b$10$nFguV"},
		"Auth0 without the hashes": {func(*testing.T, *world) (_, _, _ importer.Source) {
			lines := file(t, auth0)
			return importer.Auth0{File: lines, Hashes: file(t, `{"_id":"1","passwordHash":"`+hash+`"}`)},
				importer.Auth0{File: lines},
				importer.Auth0{File: lines, Hashes: file(t, `{"_id":"1","passwordHash":"`+strings.Replace(hash, "$nF", "$nG", 1)+
					`"}`)}
		}, "password", "", "auth0|1|a@example.com|t||admin|disabled|credential=local:credential=auth0|1=$2b$10$nFguV " +
			"google=https://accounts.google.com=77", "auth0|1|a@example.com|t||admin|disabled|" +
			"credential=local:credential=auth0|1=$2b$10$nGguV google=https://accounts.google.com=77"},
		"Auth0 with the dump of others": {func(*testing.T, *world) (_, _, _ importer.Source) {
			lines := file(t, auth0)
			return importer.Auth0{File: lines, Hashes: file(t, `{"_id":"1","passwordHash":"`+hash+`"}`)},
				importer.Auth0{File: lines, Hashes: file(t, `{"_id":"2","passwordHash":"`+hash+`"}`)},
				importer.Auth0{File: lines, Hashes: file(t, `{"_id":"1","passwordHash":""}`)}
		}, "password", "note auth0|1line 1:  is not in the dump with the hashes: ",
			"auth0|1|a@example.com|t||admin|disabled|credential=local:credential=auth0|1=$2b$10$nFguV " +
				"google=https://accounts.google.com=77",
			"auth0|1|a@example.com|t||admin|disabled|credential=local:credential=auth0|1 google=https://accounts.google.com=77"},
		"Auth0 without fields": {func(*testing.T, *world) (_, _, _ importer.Source) {
			return importer.Auth0{File: file(t, auth0)},
				importer.Auth0{File: file(t, `{"user_id":"auth0|1","email":"a@example.com","multifactor":[]}`)},
				importer.Auth0{File: file(t, `{"user_id":"auth0|1","email":"a@example.com","email_verified":false,"blocked":false,`+
					`"identities":[],"app_metadata":{},"multifactor":[]}`)}
		}, "accounts, disabled, email_verified, roles", "",
			"auth0|1|a@example.com|t||admin|disabled|google=https://accounts.google.com=77",
			"auth0|1|a@example.com|f||user|google=https://accounts.google.com=77"}, // the only way in stays
		"CSV without columns": {fromFiles(csv,
			"id,email,email_verified,name,image,roles,disabled,password,accounts,second_factor\n1,a@example.com,true,A,"+
				"https://example.com/a.png,admin,true,"+hash+",google:77,false\n",
			"id,email\n1,a@example.com\n",
			"id,email,email_verified,name,image,roles,disabled,password,accounts,second_factor\n1,a@example.com,false,,,,false,"+
				hash+",,false\n"),
			"accounts, disabled, email_verified, image, name, password, roles", "",
			"1|a@example.com|t|A|https://example.com/a.png|admin|disabled|credential=local:credential=1=$2b$10$nFguV " +
				"google=https://accounts.google.com=77",
			"1|a@example.com|f||user|credential=local:credential=1=$2b$10$nFguV"},
		"JSON without fields": {fromFiles(json, `{"id":"1","email":"a@example.com","email_verified":true,"roles":["admin"],`+
			`"disabled":true,"password":"`+hash+`","accounts":[{"provider":"google","subject":"77"}]}`,
			`{"id":"1","email":"a@example.com"}`,
			`{"id":"1","email":"a@example.com"}`+"\n"+`{"id":"2","email":"b@","email_verified":true,"roles":["admin"],`+
				`"disabled":true,"password":"","accounts":[]}`),
			"accounts, disabled, email_verified, password, roles", "",
			"1|a@example.com|t||admin|disabled|credential=local:credential=1=$2b$10$nFguV google=https://accounts.google.com=77",
			"1|a@example.com|f||user|credential=local:credential=1=$2b$10$nFguV"}, // the only way in stays
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ``)
			whole, less, changed := c.sources(t, w)
			w.run(t, whole)
			same(t, "at first", w.users(t)[:1], c.user)
			for _, dry := range []bool{true, false} {
				counts, told := w.run(t, less, func(o *importer.Options) { o.DryRun = dry })
				lines := strings.Join(told, "\n")
				if want := missed(c.missing); !slices.Contains(told, want) ||
					c.also != "" && !strings.Contains(lines, c.also) {
					t.Errorf("dry run %t: told\n%s\nwant\n%s\n%s", dry, lines, want, c.also)
				}
				if counts.Changed > 0 || !counts.Whole() {
					t.Errorf("dry run %t: %+v", dry, counts)
				}
			}
			same(t, "after less", w.users(t)[:1], c.user)
			w.run(t, changed)
			same(t, "after a change", w.users(t)[:1], c.after)
		})
	}
}

// So does a database that lacks a column or a table by now, or of whose accounts a run was not told whose they are.
func TestADatabaseThatSaysLess(t *testing.T) {
	t.Parallel()
	const hash = "$2a$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu"
	const supabase = "00000000-0000-0000-0000-000000000001"
	corp := map[string]string{"corp": "https://id.example.com"}
	betterAuth := func(d importer.Database) importer.Source { return importer.BetterAuth{Database: d} }
	authJS := func(d importer.Database) importer.Source {
		d.Columns = map[string]string{"user.password": "hashed"}
		return importer.AuthJS{Database: d}
	}
	// ada is banned, an administrator, and has a password and accounts at github and corp.
	const ada = betterAuthTables + `
	    INSERT INTO old."user" VALUES ('1', 'Ada', 'a@example.com', true, 'https://example.com/a.png', now(), now(),
	        'admin', true, '', now() + interval '1 day');
	    INSERT INTO old.account VALUES ('a', '1', 'credential', '1', '` + hash + `'), ('b', '1', 'github', '1', NULL),
	        ('c', '2', 'corp', '1', NULL)`
	const here = "1|a@example.com|t|Ada|https://example.com/a.png|admin|disabled|corp=https://id.example.com=2 " +
		"credential=local:credential=1=$2a$04$mIJxf github=https://github.com=1"
	for name, c := range map[string]struct {
		tables        string
		from, without func(importer.Database) importer.Source // without: nil: as from
		change        string
		missing       string
		users         [2]string // after the first run, and after the second if that is another one
	}{
		"Better Auth: a ban": {ada, betterAuth, nil, `ALTER TABLE "user" RENAME banned TO is_banned`, "disabled",
			[2]string{here}},
		"Better Auth: when a ban ends": {ada, betterAuth, nil, `ALTER TABLE "user" RENAME "banExpires" TO ends`,
			"disabled_until", [2]string{here}},
		"Better Auth: a role, a name and a picture": {ada, betterAuth, nil, `ALTER TABLE "user" DROP role, DROP name,
		    DROP image`, "image, name, roles", [2]string{here}},
		"Better Auth: a password": {ada, betterAuth, nil, `ALTER TABLE account RENAME password TO hash`, "password",
			[2]string{here}},
		"Better Auth: an issuer": {ada, betterAuth, func(d importer.Database) importer.Source {
			d.Issuers = nil
			return importer.BetterAuth{Database: d}
		}, ``, "accounts at corp", [2]string{here}},
		"Better Auth: an issuer, and an account is gone there": {ada, betterAuth, func(d importer.Database) importer.Source {
			d.Issuers = nil
			return importer.BetterAuth{Database: d}
		}, `DELETE FROM account WHERE id = 'b'`, "accounts at corp", [2]string{here,
			strings.TrimSuffix(here, " github=https://github.com=1")}},
		"Auth.js: whatever it may lack": {`CREATE TABLE users (id text PRIMARY KEY, name text, email text,
		        "emailVerified" timestamptz, image text, hashed text, role text, disabled boolean);
		    CREATE TABLE accounts ("userId" text, provider text, "providerAccountId" text);
		    INSERT INTO old.users VALUES ('1', 'Ada', 'a@example.com', now(), 'https://example.com/a.png', '` + hash + `',
		        'admin', true);
		    INSERT INTO old.accounts VALUES ('1', 'github', '1'), ('1', 'corp', '2')`, authJS,
			func(d importer.Database) importer.Source {
				d.Issuers = nil
				return importer.AuthJS{Database: d}
			}, `DROP TABLE accounts; ALTER TABLE users DROP name, DROP "emailVerified", DROP image, DROP role, DROP disabled`,
			"accounts, disabled, email_verified, image, name, password, roles", [2]string{here}},
		"Supabase: whatever it may lack": {`CREATE TABLE users (id uuid PRIMARY KEY, email text, email_confirmed_at
		        timestamptz, encrypted_password text, created_at timestamptz, banned_until timestamptz,
		        raw_app_meta_data jsonb, raw_user_meta_data jsonb);
		    CREATE TABLE identities (provider_id text, user_id uuid, provider text);
		    INSERT INTO old.users VALUES ('` + supabase + `', 'a@example.com', now(), '` + hash + `', now(), 'infinity',
		        '{"role":"admin"}', '{"name":"Ada","picture":"https://example.com/a.png"}');
		    INSERT INTO old.identities VALUES ('1', '` + supabase + `', 'github'), ('2', '` + supabase + `', 'corp')`,
			func(d importer.Database) importer.Source { return importer.Supabase{Database: d} },
			func(d importer.Database) importer.Source {
				d.Issuers = nil
				return importer.Supabase{Database: d}
			}, `DROP TABLE identities; ALTER TABLE users DROP banned_until, DROP raw_app_meta_data, DROP raw_user_meta_data`,
			"accounts, disabled, image, name, roles", [2]string{strings.NewReplacer("1|a@", supabase+"|a@", "credential=1=",
				"credential="+supabase+"=").Replace(here)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.tables)
			d := importer.Database{URL: w.here.Config().ConnString(), Schema: "old", Issuers: corp}
			w.run(t, c.from(d))
			same(t, "at first", w.users(t), c.users[0])
			w.old(t, c.change)
			less := c.without
			if less == nil {
				less = c.from
			}
			for _, dry := range []bool{true, false} {
				_, told := w.run(t, less(d), func(o *importer.Options) { o.DryRun = dry })
				if !slices.Contains(told, missed(c.missing)) {
					t.Errorf("dry run %t: told %q, want %q", dry, told, missed(c.missing))
				}
			}
			same(t, "after less", w.users(t), cmp.Or(c.users[1], c.users[0]))
		})
	}
}

// Who was left out for a second factor is not brought over by a run that cannot know of it, and who lost their password
// for one does not get it back.
func TestARunThatCannotKnowOfSecondFactors(t *testing.T) {
	t.Parallel()
	const hash = "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"
	const none = `{"id":"1","two_factor_enabled":false}` + "\n" + `{"id":"2"}`
	w := newWorld(t, ``)
	clerk := func(api string, without bool) importer.Clerk {
		c := importer.Clerk{File: file(t, "id,primary_email_address,password_digest,password_hasher\n1,a@example.com,"+hash+
			",bcrypt\n2,b@example.com,,\n"), WithoutAPI: without}
		if api != "" {
			c.API = file(t, api)
		}
		return c
	}
	w.run(t, clerk(strings.Replace(none, "false", "true", 1), false))
	same(t, "at first", w.users(t), "2|b@example.com|f||user")
	if said := w.says(t, clerk("", false)); !strings.Contains(said, "say --api FILE") {
		t.Errorf("without the API it says %s", said)
	}
	if said := w.says(t, clerk(`{"id":"2"}`, false)); !strings.Contains(said, "whether they are banned or have a second "+
		"factor is unknown") {
		t.Errorf("without a page of the API it says %s", said)
	}
	same(t, "without the API", w.users(t), "2|b@example.com|f||user")

	const ada = "1|a@example.com|f||user|credential=local:credential=1=$2b$10$nFguV"
	w.run(t, clerk(none, false))
	same(t, "with none", w.users(t)[:1], ada)
	w.run(t, clerk(strings.Replace(none, "false", "true", 1), false))
	barred := strings.TrimSuffix(ada, "=$2b$10$nFguV")
	same(t, "with one", w.users(t)[:1], barred)
	_, told := w.run(t, clerk("", true))
	same(t, "not known", w.users(t)[:1], barred)
	if !slices.Contains(told, missed("second factor")) {
		t.Errorf("told %q", told)
	}
	w.run(t, clerk(none, false))
	same(t, "with none again", w.users(t)[:1], ada)
}
