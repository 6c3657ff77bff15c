package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// faultsWith are the faults of the sample settings with one change.
func faultsWith(t *testing.T, changes map[string]string) Faults {
	t.Helper()
	_, err := Load(t.Context(), environ(with(changes)))
	list, _ := err.(Faults)
	return list
}

// Each row is one setting with a wrong value, or unset, and its one fault.
func TestFaultsOfProviders(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ setting, value, want string }{
		{"GITHUB_CLIENT_ID", "", "GATEPOST_GITHUB_CLIENT_ID is needed, as GATEPOST_GITHUB_CLIENT_SECRET is set: without it"},
		{"GITHUB_CLIENT_SECRET", "", "GATEPOST_GITHUB_CLIENT_SECRET is needed, as GATEPOST_GITHUB_CLIENT_ID is set"},
		{"APPLE_TEAM_ID", "", "GATEPOST_APPLE_TEAM_ID is needed, as GATEPOST_APPLE_CLIENT_ID is set"},
		{"APPLE_KEY_ID", "", "GATEPOST_APPLE_KEY_ID is needed"},
		{"APPLE_PRIVATE_KEY", "", "GATEPOST_APPLE_PRIVATE_KEY is needed"},
		{"OIDC_CORP_ISSUER", "", "GATEPOST_OIDC_CORP_ISSUER is needed, as GATEPOST_OIDC_CORP_CLIENT_ID is set"},
		{"OIDC_CORP_CLIENT_ID", "", "GATEPOST_OIDC_CORP_CLIENT_ID is needed"},
		{"OIDC_CORP_CLIENT_SECRET", "", "GATEPOST_OIDC_CORP_CLIENT_SECRET is needed"},
		{"OIDC_CORP_ROLE_CLAIM", "", "GATEPOST_OIDC_CORP_ROLE_CLAIM is needed with GATEPOST_OIDC_CORP_ROLES and"},
		{"OIDC_CORP_ROLES", "", "GATEPOST_OIDC_CORP_ROLES is needed with GATEPOST_OIDC_CORP_ROLE_CLAIM"},
		{"OIDC_CORP_TRUST_EMAIL", "", "GATEPOST_OIDC_CORP_ALLOWED_DOMAINS lets nobody in without GATEPOST_OIDC_CORP_TRUST"},
		{"ENCRYPTION_KEY", "", "GATEPOST_KEEP_PROVIDER_TOKENS needs GATEPOST_ENCRYPTION_KEY"},
		{"KEEP_PROVIDER_TOKENS", "no", "GATEPOST_PROVIDER_TOKEN_PATHS needs GATEPOST_KEEP_PROVIDER_TOKENS=true"},

		{"OIDC_CORP_ISSUER", "login.example.com", `CORP_ISSUER: "login.example.com" is not an address like https://`},
		{"OIDC_CORP_ISSUER", "https://", `CORP_ISSUER: "https://" is not an address`},
		{"OIDC_CORP_ISSUER", "https://a b", `is not an address`},
		{"OIDC_CORP_ISSUER", "https://a.example:99999", `is not an address`},
		{"OIDC_CORP_ISSUER", "ftp://a.example", `"ftp://a.example" is not an address`},
		{"OIDC_CORP_ISSUER", "http://login.example.com", `"http://login.example.com" would let anybody on the way`},
		{"OIDC_CORP_ISSUER", "https://a.example/?x=1", `"https://a.example/?x=1" has a query or a fragment`},
		{"OIDC_CORP_ISSUER", "https://a.example/?", `has a query or a fragment`},
		{"OIDC_CORP_ISSUER", "https://a.example/#x", `has a query or a fragment`},
		{"OIDC_CORP_ISSUER", "https://a.example/x/.well-known/openid-configuration", "is the discovery document"},
		{"OIDC_CORP_CLIENT_ID", "two words", "GATEPOST_OIDC_CORP_CLIENT_ID has a blank"},
		{"OIDC_CORP_CLIENT_ID", "corp-hush", "CLIENT_ID and GATEPOST_OIDC_CORP_CLIENT_SECRET are the same"},
		{"OIDC_CORP_SCOPES", `openid, e"mail`, `GATEPOST_OIDC_CORP_SCOPES: "e\"mail" is not a scope`},
		{"OIDC_CORP_LABEL", strings.Repeat("a", 41), "GATEPOST_OIDC_CORP_LABEL: "},
		{"OIDC_CORP_LABEL", "two\nlines", `GATEPOST_OIDC_CORP_LABEL: "two\nlines" is to have at most 40 characters`},
		{"OIDC_CORP_LOGO", "http://example.com/a.svg", `GATEPOST_OIDC_CORP_LOGO: "http://example.com/a.svg" is not`},
		{"OIDC_CORP_LOGO", "/logo.svg", `GATEPOST_OIDC_CORP_LOGO: "/logo.svg" is not an address`},
		{"OIDC_CORP_LOGO", "https://a.example;b", `GATEPOST_OIDC_CORP_LOGO: `},
		{"OIDC_CORP_ALLOWED_DOMAINS", "a b, example.com", `GATEPOST_OIDC_CORP_ALLOWED_DOMAINS: "a b" is not the domain`},
		{"OIDC_CORP_ROLE_CLAIM", "two words", `GATEPOST_OIDC_CORP_ROLE_CLAIM: "two words" is not the name of one claim`},
		{"OIDC_CORP_ROLES", "staff, a=b", `GATEPOST_OIDC_CORP_ROLES: "staff" is not a group and its roles`},
		{"OIDC_CORP_ROLES", "staff=a role", `GATEPOST_OIDC_CORP_ROLES: "a role" is not a role, in "staff=a role"`},
		{"OIDC_CORP_ROLES", "staff=", `GATEPOST_OIDC_CORP_ROLES: "" is not a role`},
		{"OIDC_CORP_ROLES", "a=b, a=c", `GATEPOST_OIDC_CORP_ROLES: names "a" twice`},
		{"OIDC_CORP_ROLES_MAX_AGE", "soon", `GATEPOST_OIDC_CORP_ROLES_MAX_AGE: "soon" is not a length of time`},
		{"OIDC_CORP_SECOND_FACTOR", "mfa", `GATEPOST_OIDC_CORP_SECOND_FACTOR: "mfa" is not amr or acr and its values`},
		{"OIDC_CORP_SECOND_FACTOR", "amr:", `GATEPOST_OIDC_CORP_SECOND_FACTOR: "" is not a value of amr, in "amr:"`},
		{"OIDC_CORP_SECOND_FACTOR", "acr:a b", `GATEPOST_OIDC_CORP_SECOND_FACTOR: "a b" is not a value of acr`},
		{"OIDC_CORP_SECOND_FACTOR", "groups:staff", `"groups:staff" is not amr or acr`},
		{"OIDC_CORP_LOGOUT", "perhaps", `GATEPOST_OIDC_CORP_LOGOUT: "perhaps" is neither true nor false`},
		{"OIDC_CREDENTIAL_ISSUER", "https://a.example", "GATEPOST_OIDC_CREDENTIAL_…: the name CREDENTIAL is taken"},
		{"OIDC_GITHUB_ISSUER", "https://a.example", "GATEPOST_OIDC_GITHUB_…: the name GITHUB is taken by Gatepost"},
		{"MICROSOFT_TENANT", "example.com", `GATEPOST_MICROSOFT_TENANT: "example.com" is neither the id of a tenant`},
		{"MICROSOFT_TENANT", "common", "MICROSOFT_TRUST_EMAIL would believe every tenant"},
		{"MICROSOFT_TENANT", "", "MICROSOFT_TRUST_EMAIL would believe every tenant"},
		{"MICROSOFT_TENANT", "9188040d-6c67-4c5b-b112-36a304b66dad", "MICROSOFT_TRUST_EMAIL would believe every tenant"},
		{"GITHUB_TRUST_EMAIL", "true", "GATEPOST_GITHUB_TRUST_EMAIL is for a server of your own: set GATEPOST_GITHUB_ISSUER"},
		{"GITHUB_ALLOWED_ORGS", "a, b/c/d", `GATEPOST_GITHUB_ALLOWED_ORGS: "b/c/d" is neither an organisation nor a team`},
		{"GITLAB_ALLOWED_DOMAINS", "example.com", "GATEPOST_GITLAB_ALLOWED_DOMAINS lets nobody in"},
		{"APPLE_TEAM_ID", "abc", `GATEPOST_APPLE_TEAM_ID: "abc" is not ten capital letters and digits`},
		{"APPLE_KEY_ID", "abcdefghij", `GATEPOST_APPLE_KEY_ID: "abcdefghij" is not ten`},
		{"APPLE_PRIVATE_KEY", "hush", "GATEPOST_APPLE_PRIVATE_KEY is not the key that Apple hands out"},
		{"APPLE_PRIVATE_KEY", strings.ReplaceAll(appleP8, "\n", " "), "GATEPOST_APPLE_PRIVATE_KEY is not the key"},
		{"PASSWORDS", "never", `GATEPOST_PASSWORDS: "never" is neither on nor off`},
		{"API_AUTH", "mine", `GATEPOST_API_AUTH: "mine" is neither gate nor app`},
		{"KEEP_PROVIDER_TOKENS", "some", `GATEPOST_KEEP_PROVIDER_TOKENS: "some" is neither true nor false`},
		{"PROVIDER_TOKEN_PATHS", "/a, calendar", `GATEPOST_PROVIDER_TOKEN_PATHS: "calendar" is not a plain path`},
		{"PROVIDER_TOKEN_PATHS", "/a//b", `GATEPOST_PROVIDER_TOKEN_PATHS: "/a//b" is not a plain path`},
		{"PROVIDER_TOKEN_PATHS", "/a=admin", `GATEPOST_PROVIDER_TOKEN_PATHS: "/a=admin" is not a plain path`},
		{"PROVIDER_TOKEN_PATHS", "GET /a", `GATEPOST_PROVIDER_TOKEN_PATHS: "GET /a" is not a plain path`},
		{"PROVIDER_TOKEN_PATHS", "/a%2f", `GATEPOST_PROVIDER_TOKEN_PATHS: "/a%2f" is not a plain path`},
		{"PROVIDERS", "github, google, microsoft, apple, gitlab, discord, a2", "GATEPOST_PROVIDERS lacks corp, which"},
		{"PROVIDERS", providerSamples["GATEPOST_PROVIDERS"] + ", a2", `GATEPOST_PROVIDERS names "a2" twice`},
		{"PROVIDERS", providerSamples["GATEPOST_PROVIDERS"] + ", crop",
			`GATEPOST_PROVIDERS: there are no settings for "crop"; did you mean corp?`},
	} {
		list := faultsWith(t, map[string]string{"GATEPOST_" + row.setting: row.value})
		var about []string // KEEP has two
		for _, err := range list {
			if !strings.Contains(err.Error(), "GATEPOST_PROVIDER_TOKEN_PATHS needs") ||
				strings.Contains(row.want, "GATEPOST_PROVIDER_TOKEN_PATHS needs") {
				about = append(about, err.Error())
			}
		}
		got := strings.Join(about, "\n")
		if len(about) != 1 || !strings.Contains(got, row.want) || strings.Contains(got, "hush") {
			t.Errorf("%s=%s: got %s, want %s", row.setting, row.value, got, row.want)
		}
	}
}

// Several providers with several faults are told of at once.
func TestAllFaultsOfProvidersAtOnce(t *testing.T) {
	t.Parallel()
	list := faultsWith(t, map[string]string{"GATEPOST_GITHUB_CLIENT_SECRET": "", "GATEPOST_APPLE_KEY_ID": "x",
		"GATEPOST_OIDC_CORP_ISSUER": "nowhere", "GATEPOST_OIDC_CORP_ROLES": "x", "GATEPOST_OIDC_CORP_LOGOT": "x"})
	if len(list) != 5 {
		t.Errorf("got %d: %v", len(list), list)
	}
}

// Passwords can be off only where there is another way in.
func TestPasswordsOffNeedAProvider(t *testing.T) {
	t.Parallel()
	_, err := Load(t.Context(), []string{"GATEPOST_PASSWORDS=off"})
	if err == nil || !strings.Contains(err.Error(), "GATEPOST_PASSWORDS=off leaves no way to sign in") {
		t.Error(err)
	}
	for word, off := range map[string]bool{"": false, "on": false, "True": false, "OFF": true, "false": true} {
		c, err := Load(t.Context(), environ(with(map[string]string{"GATEPOST_PASSWORDS": word})))
		if err != nil || c.PasswordsOff != off {
			t.Errorf("%q: off %t, %v", word, c.PasswordsOff, err)
		}
	}
	_, err = Load(t.Context(), []string{"GATEPOST_PROVIDERS=corp"})
	if err == nil || !strings.Contains(err.Error(), `"corp" has no settings, and no other provider has any`) {
		t.Error(err)
	}
}

// The built-in PostgreSQL has a key of its own, with which tokens can be kept.
func TestTokensAreKeptWithTheBuiltInPostgreSQL(t *testing.T) {
	t.Parallel()
	list := faultsWith(t, map[string]string{"GATEPOST_ENCRYPTION_KEY": "", "DATABASE_URL": "",
		"GATEPOST_DATA_DIR": t.TempDir()})
	if len(list) > 0 {
		t.Error(list)
	}
}

// A variable that is not a setting is told with the one that was meant.
func TestProviderSettingsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"OIDC_CORP_ISUER":          "did you mean GATEPOST_OIDC_CORP_ISSUER?",
		"OIDC_CORP_SECRET":         "did you mean GATEPOST_OIDC_CORP_CLIENT_SECRET?",
		"OIDC_CORP_SECRET_FILE":    "did you mean GATEPOST_OIDC_CORP_CLIENT_SECRET_FILE?",
		"OIDC_CORP2_ISUER":         "did you mean GATEPOST_OIDC_CORP2_ISSUER?",
		"OIDC_MY_CORP_CLIENT_ID":   "did you mean GATEPOST_OIDC_MYCORP_CLIENT_ID? A provider's name has no underscore",
		"OIDC_ISSUER":              "it lacks a name of your choice for the provider, as in GATEPOST_OIDC_CORP_ISSUER",
		"OIDC_CLIENT_ID":           "it lacks a name of your choice for the provider, as in GATEPOST_OIDC_CORP_CLIENT_ID",
		"OIDC_corp_ISSUER":         "up to 30 capital letters and digits and begins with a letter, as in GATEPOST_OIDC_CORP_",
		"OIDC_CORP_ALLOWED_ORGS":   "there is only GATEPOST_GITHUB_ALLOWED_ORGS; leave it out",
		"OIDC_CORP_ALLOWED_ORG":    "did you mean GATEPOST_OIDC_CORP_ALLOWED_DOMAINS?",
		"OIDC_CORP_TENANT":         "there is only GATEPOST_MICROSOFT_TENANT; leave it out",
		"OIDC_CORP_CLIENT_ID_FILE": "did you mean GATEPOST_OIDC_CORP_CLIENT_ID?",
		"GITHUB_SECRET":            "did you mean GATEPOST_GITHUB_CLIENT_SECRET?",
		"GITHUB_ID":                "did you mean GATEPOST_GITHUB_CLIENT_ID?",
		"GITHUB_TENANT":            "there is only GATEPOST_MICROSOFT_TENANT; leave it out",
		"GOOGLE_ALLOWED_ORGS":      "there is only GATEPOST_GITHUB_ALLOWED_ORGS; leave it out",
		"DISCORD_ALLOWED_DOMAINS":  "there is only GATEPOST_GITHUB_ALLOWED_DOMAINS, GATEPOST_GOOGLE_",
		"GITHUB_ROLE_CLAIM":        "there is only GATEPOST_GOOGLE_ROLE_CLAIM,",
		"GITLAB_LOGO":              "there is only GATEPOST_OIDC_<NAME>_LOGO; leave it out",
		"GOOGLE_LOGOUT":            "there is only GATEPOST_MICROSOFT_LOGOUT, GATEPOST_GITLAB_LOGOUT, GATEPOST_OIDC_",
		"APPLE_CLIENT_SECRET":      "the gate makes Apple's client secret of GATEPOST_APPLE_PRIVATE_KEY",
		"APPLE_CLIENT_SECRET_FILE": "the gate makes Apple's client secret of GATEPOST_APPLE_PRIVATE_KEY",
		"APPLE_KEY":                "did you mean GATEPOST_APPLE_PRIVATE_KEY?",
		"GITHIB_CLIENT_ID":         "did you mean GATEPOST_GITHUB_CLIENT_ID?",
		"OICD_CORP_ISSUER":         "did you mean GATEPOST_OIDC_CORP_ISSUER?",
		"KEYCLOAK_ISSUER":          "did you mean GATEPOST_OIDC_KEYCLOAK_ISSUER?",
		"PROVIDER":                 "did you mean GATEPOST_PROVIDERS?",
		"PASSWORD":                 "did you mean GATEPOST_PASSWORDS?",
		"SESION_IDLE":              "did you mean GATEPOST_SESSION_IDLE?",
		"OIDC_ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE_ISSUER": "a provider's name is up to 30 capital letters",
	} {
		list := faultsWith(t, map[string]string{"GATEPOST_" + name: "hush"})
		if len(list) != 1 || !strings.Contains(list.Error(), "GATEPOST_"+name+" is not a setting") ||
			!strings.Contains(list.Error(), want) || strings.Contains(list.Error(), "hush") {
			t.Errorf("%s: got %v, want %s", name, list, want)
		}
	}
}

// A secret where the client id belongs is refused and not shown, and ids that look random are taken where they do.
func TestSecretsInPlaceOfClientIDs(t *testing.T) {
	t.Parallel()
	const hex40, mixed = "0123456789abcdef0123456789abcdef01234567", "AbCdEf0123456789AbCdEf0123456789"
	for value, takers := range map[string]string{
		"GOCSPX-abcdefghijklmnopqrstuvwxyz12": "", "gloas-" + hex40: "", "abc8Q~0123456789-abcdefghij": "",
		"-----BEGIN PRIVATE KEY-----": "", hex40: "GITLAB OIDC_CORP", mixed: "GITLAB OIDC_CORP",
	} {
		for _, p := range []string{"GITHUB", "GOOGLE", "MICROSOFT", "APPLE", "GITLAB", "DISCORD", "OIDC_CORP"} {
			name := "GATEPOST_" + p + "_CLIENT_ID"
			list := faultsWith(t, map[string]string{name: value})
			switch said := list.Error(); {
			case strings.Contains(said, value) || strings.Contains(said, "0123456789"):
				t.Errorf("%s=%s is repeated: %s", name, value, said)
			case strings.Contains(takers, p) != (len(list) == 0):
				t.Errorf("%s=%s: %s", name, value, said)
			case len(list) > 0 && (len(list) != 1 || !strings.Contains(said, name+": this is not what the setting takes")):
				t.Errorf("%s=%s: %s", name, value, said)
			}
		}
	}
}

// A secret that cannot be had from its file is one fault, which does not say what is in the file.
func TestFaultsOfSecretFiles(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		changes map[string]string
		want    string
	}{
		{map[string]string{"GATEPOST_GITHUB_CLIENT_SECRET": "", "GATEPOST_GITHUB_CLIENT_SECRET_FILE": "/nowhere"},
			`GATEPOST_GITHUB_CLIENT_SECRET_FILE: cannot read "/nowhere"`},
		{map[string]string{"GATEPOST_APPLE_PRIVATE_KEY": "", "GATEPOST_APPLE_PRIVATE_KEY_FILE": empty},
			"GATEPOST_APPLE_PRIVATE_KEY_FILE: "},
		{map[string]string{"GATEPOST_APPLE_PRIVATE_KEY": "", "GATEPOST_APPLE_PRIVATE_KEY_FILE": appleP8},
			"GATEPOST_APPLE_PRIVATE_KEY_FILE names a file, and holds what may be a password itself"},
		{map[string]string{"GATEPOST_OIDC_CORP_CLIENT_SECRET_FILE": empty},
			"GATEPOST_OIDC_CORP_CLIENT_SECRET and GATEPOST_OIDC_CORP_CLIENT_SECRET_FILE are both set"},
		{map[string]string{"GATEPOST_OIDC_CORP_ISSUER": "https://me:hush@a.example"},
			"GATEPOST_OIDC_CORP_ISSUER takes no user name or password"},
	} {
		list := faultsWith(t, row.changes)
		if len(list) != 1 || !strings.Contains(list.Error(), row.want) || strings.Contains(list.Error(), "hush") {
			t.Errorf("got %v, want %s", list, row.want)
		}
	}
}

// No setting of a provider is left out of what check prints, and the secrets among them are marked.
func TestProviderSettingsAreListed(t *testing.T) {
	t.Parallel()
	c, err := Load(t.Context(), environ(with(nil)))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	last := 0
	for i, k := range c.Settings.All() {
		listed[k.Name] = k.Value
		secret := strings.HasSuffix(k.Name, "_CLIENT_SECRET") || strings.HasSuffix(k.Name, "_PRIVATE_KEY")
		if last > 0 && k.Secret != secret {
			t.Errorf("%s: secret %t", k.Name, k.Secret)
		}
		if k.Name == "GATEPOST_AUDIT_RETENTION" {
			last = i
		}
		if _, ok := providerSamples[k.Name]; last > 0 && i > last && (!ok || k.Value == "") {
			t.Errorf("%s is listed and not set", k.Name)
		}
	}
	for name, value := range providerSamples {
		if listed[name] != value {
			t.Errorf("%s: got %q, want %q", name, listed[name], value)
		}
	}
}

// A restart is announced for each setting of a provider that a reload finds changed.
func TestChangedProviderSettings(t *testing.T) {
	t.Parallel()
	before, _ := Read(t.Context(), environ(with(nil)))
	after, _ := Read(t.Context(), environ(with(map[string]string{"GATEPOST_APPLE_KEY_ID": "X",
		"GATEPOST_DISCORD_LABEL": ""})))
	if got, want := fmt.Sprint(before.Differences(after)), "[GATEPOST_APPLE_KEY_ID GATEPOST_DISCORD_LABEL]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A name that no provider can have is told by its rule, and not shown: it may be a piece of a secret.
func TestANameThatNoProviderCanHaveIsToldByTheRule(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"GATEPOST_OIDC_1CORP_ISSUER", "GATEPOST_OIDC_CO-RP_ISSUER",
		"GATEPOST_OIDC_c0rp1_ISSUER"} {
		_, err := Load(t.Context(), append(environ(with(nil)), name+"=https://corp.example"))
		list, _ := err.(Faults)
		if len(list) != 1 || !strings.Contains(list[0].Error(), "capital letters and digits and begins with a letter") ||
			strings.Contains(list[0].Error(), name) {
			t.Errorf("%s: got %q", name, list)
		}
	}
}
