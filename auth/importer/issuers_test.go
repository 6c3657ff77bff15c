package importer_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// An issuer of a provider at which nobody has an account is misspelt, and accounts would be left out for it.
func TestIssuersThatNameNothing(t *testing.T) {
	t.Parallel()
	const user = `"id":"1","email":"a@example.com"`
	w := newWorld(t, betterAuthTables+`
	    CREATE TABLE accounts ("userId" text, provider text, "providerAccountId" text);
	    CREATE TABLE auth_users (id text, email text, email_confirmed_at timestamptz, encrypted_password text,
	        created_at timestamptz);
	    CREATE TABLE authjs_sessions ("userId" text, "sessionToken" text, expires timestamptz);
	    CREATE TABLE identities (user_id text, provider text, provider_id text);`)
	w.old(t, `
		INSERT INTO "user" VALUES ('1', 'Ada', 'a@example.com', true);
		INSERT INTO account VALUES ('a', '1', 'credential', '1', NULL), ('b', '4711', 'keycloak', '1', NULL);
		INSERT INTO accounts VALUES ('1', 'keycloak', '4711');
		INSERT INTO auth_users VALUES ('1', 'a@example.com');
		INSERT INTO identities VALUES ('1', 'keycloak', '4711'), ('1', 'email', '1')`)
	files := map[string]string{
		"csv":  file(t, "id,email,accounts\n1,a@example.com,keycloak:4711\n"),
		"json": file(t, `{`+user+`,"accounts":[{"provider":"keycloak","subject":"4711"}]}`),
		"auth0": file(t, `{"user_id":"1","email":"a@example.com","identities":[{"provider":"keycloak","user_id":"4711"},`+
			`{"provider":"auth0","user_id":"1"}]}`),
		"clerk": file(t, "id,primary_email_address,password_digest,password_hasher\n1,a@example.com,,\n"),
		"api":   file(t, `{"id":"1","external_accounts":[{"provider":"oauth_keycloak","provider_user_id":"4711"}]}`),
	}
	database := func(issuers map[string]string) importer.Database {
		return importer.Database{URL: w.here.Config().ConnString(), Schema: "old", Issuers: issuers,
			Tables: map[string]string{}}
	}
	for name, source := range map[string]func(issuers map[string]string) importer.Source{
		"better-auth": func(i map[string]string) importer.Source { return importer.BetterAuth{Database: database(i)} },
		"authjs": func(i map[string]string) importer.Source {
			d := database(i)
			d.Tables["account"], d.Tables["session"] = "accounts", "authjs_sessions"
			return importer.AuthJS{Database: d}
		},
		"supabase": func(i map[string]string) importer.Source {
			d := database(i)
			d.Tables["users"] = "auth_users"
			return importer.Supabase{Database: d}
		},
		"csv":   func(i map[string]string) importer.Source { return importer.CSV{File: files["csv"], Issuers: i} },
		"json":  func(i map[string]string) importer.Source { return importer.JSON{File: files["json"], Issuers: i} },
		"auth0": func(i map[string]string) importer.Source { return importer.Auth0{File: files["auth0"], Issuers: i} },
		"clerk": func(i map[string]string) importer.Source {
			return importer.Clerk{File: files["clerk"], API: files["api"], Issuers: i}
		},
	} {
		for given, want := range map[string]string{
			"keyclaok=https://login.example.com": "--issuer keyclaok names no provider of this source (did you mean " +
				"keycloak?); it has accounts at keycloak",
			"corp=https://login.example.com":     "--issuer corp names no provider of this source; it has accounts at keycloak",
			"keycloak=login.example.com":         "--issuer keycloak takes the issuer as the provider's tokens say it",
			"keycloak=https://login.example.com": "",
		} {
			provider, issuer, _ := strings.Cut(given, "=")
			counts, err := w.store.Import(t.Context(), source(map[string]string{provider: issuer}),
				importer.Options{DryRun: true})
			if want == "" && (err != nil || counts.Created != 1) || want != "" &&
				(err == nil || !strings.Contains(err.Error(), want) || counts.Read > 0) {
				t.Errorf("%s --issuer %s: %+v, %v", name, given, counts, err)
			}
		}
	}
}
