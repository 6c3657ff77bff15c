package acceptance_test

import (
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
)

// docMoveIn prepares the pages about moving in and out: each has Ada in the system before.
var docMoveIn = prepared{
	"docs/move-in/README.md": func(w *docWorld) []string {
		from := w.source(betterAuthPublic + adaInBetterAuth)
		w.write("better-auth.secret", "0123456789-0123456789-0123456789")
		return []string{"GATEPOST_ENCRYPTION_KEY=…", "GATEPOST_ENCRYPTION_KEY=" + seal.NewKey(),
			"DATABASE_URL=…", "DATABASE_URL='" + w.database + "'", "=postgres://…", "='" + from + "'"}
	},
	"docs/move-in/auth0.md": func(w *docWorld) []string {
		w.write("users.ndjson", `{"user_id":"auth0|1","email":"ada@example.com","email_verified":true,"name":"Ada",`+
			`"username":"","picture":"","created_at":"2024-01-02T03:04:05.000Z","blocked":false,`+
			`"identities":[{"connection":"db","user_id":"1","provider":"auth0","isSocial":false}],"app_metadata":{},`+
			`"multifactor":[]}`+"\n")
		w.write("dump.ndjson", `{"_id":{"$oid":"1"},"email":"ada@example.com","passwordHash":"`+someBcrypt+`"}`+"\n")
		return nil
	},
	"docs/move-in/authjs.md": func(w *docWorld) []string {
		w.env = append(w.env, "AUTH_SECRET=0123456789-0123456789-0123456789")
		from := w.source(`CREATE TABLE users (id text PRIMARY KEY, name text, email text, "emailVerified" timestamptz,
		    image text); CREATE TABLE accounts ("userId" text, type text, provider text, "providerAccountId" text);
		    CREATE TABLE sessions ("sessionToken" text PRIMARY KEY, "userId" text, expires timestamptz);
		    INSERT INTO users VALUES ('1', 'Ada', 'ada@example.com')`)
		return []string{"postgres://…", "'" + from + "'"}
	},
	"docs/move-in/better-auth.md": func(w *docWorld) []string {
		other := strings.NewReplacer("SCHEMA old", "SCHEMA accounts", `old."user"`, "accounts.app_users", "old.", "accounts.",
			"email text", "mail text").Replace(betterAuthTables)
		from := w.source(betterAuthPublic + adaInBetterAuth + other +
			`; INSERT INTO accounts.app_users VALUES ('ada', 'Ada', 'ada@example.com', true)`)
		w.env = append(w.env, "GATEPOST_IMPORT_FROM="+from, "BETTER_AUTH_SECRET=0123456789-0123456789-0123456789")
		return nil
	},
	"docs/move-in/clerk.md": func(w *docWorld) []string {
		w.write("users.csv", "id,first_name,last_name,username,primary_email_address,primary_phone_number,"+
			"verified_email_addresses,unverified_email_addresses,verified_phone_numbers,unverified_phone_numbers,"+
			"totp_secret,password_digest,password_hasher\n"+
			"user_1,Ada,Lovelace,,ada@example.com,,ada@example.com,,,,,"+someBcrypt+",bcrypt\n")
		w.env = append(w.env, "CLERK_SECRET_KEY=secret")
		clerk := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			page := "[]"
			if r.URL.Path == "/v1/users" && r.FormValue("offset") == "0" {
				page = `[{"id":"user_1","banned":false,"two_factor_enabled":false,"created_at":1704164645000,` +
					`"public_metadata":{},"external_accounts":[]}]`
			}
			_, _ = rw.Write([]byte(page))
		}))
		w.t.Cleanup(clerk.Close)
		return []string{"https://api.clerk.com", clerk.URL}
	},
	"docs/move-in/files.md": func(w *docWorld) []string {
		for _, b := range docBlocks(w.t, "docs/move-in/files.md") {
			switch b.lang {
			case "csv":
				w.write("users.csv", strings.ReplaceAll(b.text, "$2b$10$…", someBcrypt))
			case "json":
				w.write("users.ndjson", b.text)
			}
		}
		return []string{"gatepost import json", "DATABASE_URL='" + authtest.NewDatabase(w.t) + "' gatepost import json"}
	},
	"docs/move-in/out.md": func(w *docWorld) []string {
		w.first(`gatepost user create ada@example.com`)
		to := w.source(betterAuthPublic + `;
		    ALTER TABLE "user" ADD role text, ADD banned boolean, ADD "banReason" text, ADD "banExpires" timestamptz,
		        ADD "updatedAt" timestamptz NOT NULL DEFAULT now();
		    ALTER TABLE account ADD "createdAt" timestamptz NOT NULL DEFAULT now(),
		        ADD "updatedAt" timestamptz NOT NULL DEFAULT now()`)
		w.env = append(w.env, "BETTER_AUTH_SECRET=0123456789-0123456789-0123456789", "BETTER_AUTH_DATABASE="+to)
		return []string{"gatepost import json", "DATABASE_URL='" + authtest.NewDatabase(w.t) + "' gatepost import json"}
	},
	"docs/move-in/supabase.md": func(w *docWorld) []string {
		from := w.source(`CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, phone text,
		        email_confirmed_at timestamptz, encrypted_password text, created_at timestamptz, banned_until timestamptz,
		        deleted_at timestamptz, is_anonymous boolean, is_sso_user boolean, raw_app_meta_data jsonb,
		        raw_user_meta_data jsonb);
		    CREATE TABLE auth.identities (provider_id text, user_id uuid, identity_data jsonb, provider text);
		    CREATE TABLE auth.mfa_factors (id uuid, user_id uuid, status text);
		    INSERT INTO auth.users (id, email, created_at, is_anonymous, is_sso_user)
		        VALUES (gen_random_uuid(), 'ada@example.com', now(), false, false)`)
		return []string{"postgres://postgres:…@db.example.supabase.co:5432/postgres", from}
	},
}

// someBcrypt is the hash of some password.
const someBcrypt = "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K"

const adaInBetterAuth = `; INSERT INTO "user" VALUES ('ada', 'Ada', 'ada@example.com', true);`

// betterAuthPublic are the tables of Better Auth where it has them.
var betterAuthPublic = strings.NewReplacer("CREATE SCHEMA old;", "", "old.", "").Replace(betterAuthTables)
