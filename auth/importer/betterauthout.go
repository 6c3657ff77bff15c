package importer

import (
	_ "embed"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// BetterAuthBegin goes before the users of an export for the database of Better Auth. Nothing of it stays there if
// anything fails. The tables are found by the statements themselves, in the schemas of search_path: "user" and account,
// or in the plural, with columns in camelCase or snake_case.
//
// Who is there already, by id, is brought up to date: what the gate has of them is written, a linked account is added,
// and their sessions there end with a new password or a ban. Nobody, and no account of anybody, is removed.
const BetterAuthBegin = `BEGIN;
CREATE TEMP TABLE gatepost_user (id text PRIMARY KEY, name text, email text, "emailVerified" boolean, image text,
    "createdAt" timestamptz, role text, banned boolean, "banExpires" timestamptz, username text, "displayUsername" text,
    "updatedAt" timestamptz DEFAULT now()) ON COMMIT DROP;
CREATE TEMP TABLE gatepost_account (id text, "accountId" text, "providerId" text, issuer text, "userId" text,
    password text, "createdAt" timestamptz, "updatedAt" timestamptz DEFAULT now()) ON COMMIT DROP;
CREATE TEMP TABLE gatepost_factor (id text, secret text, "backupCodes" text, "userId" text,
    verified boolean DEFAULT true, "failedVerificationCount" integer DEFAULT 0) ON COMMIT DROP;
CREATE TEMP TABLE gatepost_passkey (id text, name text, "publicKey" text, "userId" text, "credentialID" text,
    counter bigint, "deviceType" text, "backedUp" boolean, transports text, aaguid text, "createdAt" timestamptz)
    ON COMMIT DROP;
`

//go:embed betterauthout.sql
var intoBetterAuth string

// BetterAuthEnd is the end of what BetterAuthBegin begins.
func BetterAuthEnd() string { return intoBetterAuth + "COMMIT;\n" }

// BetterAuthSQL is a user as statements between BetterAuthBegin and BetterAuthEnd. Better Auth's library verifies our
// hashes with a function of the app's, which docs/move-in/out.md has. Bans and roles other than "user" need the columns
// of its plugin admin: without them the statements fail, rather than let in who is barred.
func BetterAuthSQL(e Exported) string {
	until := "NULL"
	if e.Disabled && !e.DisabledUntil.IsZero() {
		until = at8601(e.DisabledUntil)
	}
	s := fmt.Sprintf("INSERT INTO gatepost_user VALUES (%s, %s, %s, %t, %s, %s, %s, %t, %s, %s, %[10]s);\n", quote(e.ID),
		quote(e.Name), quote(e.Email), e.EmailVerified, orNull(e.Image), at8601(e.CreatedAt),
		quote(strings.Join(e.Roles, ",")), e.Disabled, until, orNull(e.Username))
	if e.Password != "" {
		s += betterAuthAccount(e, e.ID+"-password", e.Password, ExportedAccount{Provider: credentialProvider,
			Subject: e.ID, CreatedAt: e.CreatedAt})
	}
	for _, a := range e.Accounts {
		s += betterAuthAccount(e, digest(e.ID, a.Issuer, a.Subject), "", a)
	}
	return s + betterAuthPasskeys(e)
}

func betterAuthAccount(e Exported, id, password string, a ExportedAccount) string {
	return fmt.Sprintf("INSERT INTO gatepost_account VALUES (%s, %s, %s, %s, %s, %s, %s);\n", quote(id), quote(a.Subject),
		quote(a.Provider), quote(betterAuthIssuer(a)), quote(e.ID), orNull(password), at8601(a.CreatedAt))
}

// withoutIssuer are the providers that have no issuer for Better Auth 1.7.0 to 1.7.2, which know accounts by it.
var withoutIssuer = []string{"github", "gitlab", "discord"}

func betterAuthIssuer(a ExportedAccount) string {
	switch {
	case a.Provider == credentialProvider:
		return "local:" + credentialProvider
	case a.Issuer == "" || slices.Contains(withoutIssuer, a.Provider) && a.Issuer == known[a.Provider].Issuer:
		return "local:oauth:" + url.PathEscape(a.Provider)
	}
	return a.Issuer
}
