package config

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/provider"
)

// appleP8 is a key as Apple hands it out. It is for tests.
const appleP8 = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/oUOBDCuUPYV2Cw0
lnNSnTRXqW2wHZcd/f5jANOSO2ChRANCAATKoreL04w8aFoFOCss3r3lk4uN+h3U
lzmLpeytfWsrd48IaJOV6arxfl9tdHnMH/Da8HJdultILIFAIekp14IN
-----END PRIVATE KEY-----`

// providerSamples are settings for all providers.
var providerSamples = map[string]string{
	"GATEPOST_PROVIDERS":      "google, github, corp, microsoft, apple, gitlab, discord, a2",
	"GATEPOST_PASSWORDS":      "off",
	"GATEPOST_API_AUTH":       "app",
	"GATEPOST_ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",

	"GATEPOST_KEEP_PROVIDER_TOKENS": "true",
	"GATEPOST_PROVIDER_TOKEN_PATHS": "/calendar, /api/files",

	"GATEPOST_GITHUB_CLIENT_ID": "Ov23liExample", "GATEPOST_GITHUB_CLIENT_SECRET": "github-hush",
	"GATEPOST_GITHUB_ALLOWED_ORGS": "example, example/staff", "GATEPOST_GITHUB_SCOPES": "user:email, repo",
	"GATEPOST_GOOGLE_CLIENT_ID":     "1234567890-abc.apps.googleusercontent.com",
	"GATEPOST_GOOGLE_CLIENT_SECRET": "GOCSPX-hush", "GATEPOST_GOOGLE_ALLOWED_DOMAINS": "example.com, bücher.example",
	"GATEPOST_MICROSOFT_CLIENT_ID":     "6731de76-14a6-49ae-97bc-6eba6914391e",
	"GATEPOST_MICROSOFT_CLIENT_SECRET": "abc8Q~hush", "GATEPOST_MICROSOFT_TRUST_EMAIL": "yes",
	"GATEPOST_MICROSOFT_TENANT":     "3AA4A235-B6E2-48D5-9195-7FCF05B459B0",
	"GATEPOST_APPLE_CLIENT_ID":      "com.example.web",
	"GATEPOST_APPLE_TEAM_ID":        "ABCDE12345",
	"GATEPOST_APPLE_KEY_ID":         "2X9R4HXF34",
	"GATEPOST_APPLE_PRIVATE_KEY":    appleP8,
	"GATEPOST_GITLAB_CLIENT_ID":     "d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e",
	"GATEPOST_GITLAB_CLIENT_SECRET": "gloas-hush", "GATEPOST_GITLAB_ISSUER": "https://git.example.com",
	"GATEPOST_GITLAB_LOGOUT": "true", "GATEPOST_DISCORD_CLIENT_ID": "1234567890123456789",
	"GATEPOST_DISCORD_CLIENT_SECRET": "discord-hush", "GATEPOST_DISCORD_LABEL": "the guild",

	"GATEPOST_OIDC_CORP_ISSUER": "https://login.example.com/realms/staff/", "GATEPOST_OIDC_CORP_CLIENT_ID": "gate",
	"GATEPOST_OIDC_CORP_CLIENT_SECRET": "corp-hush", "GATEPOST_OIDC_CORP_SCOPES": "openid, email, groups",
	"GATEPOST_OIDC_CORP_LABEL": "Example Staff", "GATEPOST_OIDC_CORP_LOGO": "https://example.com/logo.svg",
	"GATEPOST_OIDC_CORP_TRUST_EMAIL": "true", "GATEPOST_OIDC_CORP_ALLOWED_DOMAINS": "example.com, example.org",
	"GATEPOST_OIDC_CORP_ROLE_CLAIM": "groups", "GATEPOST_OIDC_CORP_ROLES_MAX_AGE": "8h",
	"GATEPOST_OIDC_CORP_ROLES":  "gatepost-admins=admin, staff=editor|viewer, a=b=viewer",
	"GATEPOST_OIDC_CORP_LOGOUT": "on", "GATEPOST_OIDC_CORP_SECOND_FACTOR": "amr:mfa|hwk, acr:urn:example:gold, amr:mfa",
	"GATEPOST_OIDC_A2_ISSUER": "http://127.0.0.1:9000", "GATEPOST_OIDC_A2_CLIENT_ID": "gate",
	"GATEPOST_OIDC_A2_CLIENT_SECRET": "a2-hush",
}

// wantProviders are what providerSamples say, in their order.
var wantProviders = []provider.Spec{
	{Name: "google", ClientID: "1234567890-abc.apps.googleusercontent.com", ClientSecret: "GOCSPX-hush",
		AllowedDomains: []string{"example.com", "xn--bcher-kva.example"}},
	{Name: "github", ClientID: "Ov23liExample", ClientSecret: "github-hush",
		Scopes: []string{"read:user", "user:email", "read:org", "repo"}, AllowedOrgs: []string{"example", "example/staff"}},
	{Name: "corp", ClientID: "gate", ClientSecret: "corp-hush", Issuer: "https://login.example.com/realms/staff/",
		Label: "Example Staff", Logo: "https://example.com/logo.svg", Scopes: []string{"openid", "email", "groups"},
		TrustEmail: true, AllowedDomains: []string{"example.com", "example.org"},
		RoleClaim: "groups", RolesMaxAge: 8 * time.Hour,
		Roles:        map[string]string{"gatepost-admins": "admin", "staff": "editor,viewer", "a=b": "viewer"},
		SecondFactor: map[string][]string{"amr": {"mfa", "hwk"}, "acr": {"urn:example:gold"}}, Logout: true},
	{Name: "microsoft", ClientID: "6731de76-14a6-49ae-97bc-6eba6914391e", ClientSecret: "abc8Q~hush", TrustEmail: true,
		Tenant: "3aa4a235-b6e2-48d5-9195-7fcf05b459b0"},
	{Name: "apple", ClientID: "com.example.web",
		Apple: provider.AppleKey{TeamID: "ABCDE12345", KeyID: "2X9R4HXF34", PrivateKey: appleP8}},
	{Name: "gitlab", ClientID: "d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e",
		ClientSecret: "gloas-hush", Issuer: "https://git.example.com", Logout: true},
	{Name: "discord", ClientID: "1234567890123456789", ClientSecret: "discord-hush", Label: "the guild"},
	{Name: "a2", ClientID: "gate", ClientSecret: "a2-hush", Issuer: "http://127.0.0.1:9000"},
}

// with are the sample settings with some changes: an empty value unsets.
func with(changes map[string]string) map[string]string {
	values := map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/db",
		"GATEPOST_PUBLIC_URL": "https://app.example.com"}
	maps.Copy(values, providerSamples)
	maps.Copy(values, changes)
	return values
}

func namesOf(specs []provider.Spec) (list []string) {
	for _, s := range specs {
		list = append(list, s.Name)
	}
	return list
}

// Every setting of a provider arrives in its Spec.
func TestProvidersAsConfigured(t *testing.T) {
	t.Parallel()
	c, err := Load(t.Context(), environ(with(nil)))
	if err != nil || len(c.Providers) != len(wantProviders) {
		t.Fatal(namesOf(c.Providers), err)
	}
	for i, want := range wantProviders {
		if got := c.Providers[i]; !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, want %#v", got, want)
		}
	}
	if !c.PasswordsOff || !c.APIAuthApp || !c.KeepProviderTokens ||
		!slices.Equal(c.ProviderTokenPaths, []string{"/calendar", "/api/files"}) {
		t.Errorf("%v, passwords off %t, for the app %t, kept %t, %q", namesOf(c.Providers), c.PasswordsOff, c.APIAuthApp,
			c.KeepProviderTokens, c.ProviderTokenPaths)
	}
}

// Without GATEPOST_PROVIDERS the built-in providers come first, and then the others by alphabet.
func TestOrderOfProviders(t *testing.T) {
	t.Parallel()
	for order, want := range map[string]string{
		"": "github google microsoft apple gitlab discord a2 corp",
		"Discord,a2, corp,GITLAB, apple,microsoft,google,github,": "discord a2 corp gitlab apple microsoft google github",
	} {
		c, err := Load(t.Context(), environ(with(map[string]string{"GATEPOST_PROVIDERS": order})))
		if got := strings.Join(namesOf(c.Providers), " "); err != nil || got != want {
			t.Errorf("%q: got %s, %v", order, got, err)
		}
	}
}

func TestNoProviderIsConfiguredByItself(t *testing.T) {
	t.Parallel()
	c, err := Load(t.Context(), nil)
	if err != nil || len(c.Providers) > 0 || c.PasswordsOff || c.APIAuthApp || c.KeepProviderTokens {
		t.Errorf("%+v, %v", c.Providers, err)
	}
}

// Callbacks are where libraries have them, and elsewhere where that place is the app's.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{"": "https://app.example.com/api/auth/callback/corp",
		"gate": "https://app.example.com/api/auth/callback/corp",
		"App":  "https://app.example.com/.gatepost/callback/corp"} {
		c, err := Load(t.Context(), environ(with(map[string]string{"GATEPOST_API_AUTH": to})))
		if err != nil || c.CallbackURL("corp") != want {
			t.Errorf("%q: got %s, %v", to, c.CallbackURL("corp"), err)
		}
		o := c.ProviderOptions(provider.Spec{Name: "corp", Issuer: "http://localhost:1"})
		if o.Callback != want || !o.Insecure {
			t.Errorf("%q: got %+v", to, o)
		}
	}
}

// A provider is asked for tokens that last where they are kept.
func TestProvidersKnowThatTokensAreKept(t *testing.T) {
	t.Parallel()
	for keep, want := range map[string]bool{"": false, "false": false, "true": true} {
		c, err := Load(t.Context(), environ(with(map[string]string{"GATEPOST_KEEP_PROVIDER_TOKENS": keep,
			"GATEPOST_PROVIDER_TOKEN_PATHS": ""})))
		if err != nil || c.ProviderOptions(provider.Spec{Name: "corp"}).KeepTokens != want {
			t.Errorf("%q: got %t, %v", keep, !want, err)
		}
	}
}

// What providers are told for signing out are pages that the gate has, wherever its pages are.
func TestAddressesForSigningOut(t *testing.T) {
	t.Parallel()
	for _, pages := range []string{"", "/gate"} {
		c, err := Load(t.Context(), environ(with(map[string]string{"GATEPOST_PAGES": pages})))
		if err != nil {
			t.Fatal(err)
		}
		ui, err := c.UI(nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		o := c.ProviderOptions(provider.Spec{Name: "corp"})
		for _, address := range []string{o.AfterLogout, o.BackChannel} {
			if path, ours := strings.CutPrefix(address, "https://app.example.com"); !ours || !ui.Owns(path) {
				t.Errorf("pages at %q: nothing is at %q", pages, address)
			}
		}
	}
}

// A secret may come from a file, and Apple's key with its line breaks written out.
func TestSecretsOfProvidersFromFiles(t *testing.T) {
	t.Parallel()
	want, err := Load(t.Context(), environ(with(nil)))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"GATEPOST_GITHUB_CLIENT_SECRET":    "github-hush\n",
		"GATEPOST_OIDC_CORP_CLIENT_SECRET": "\uFEFFcorp-hush\r\n",
		"GATEPOST_APPLE_PRIVATE_KEY":       appleP8 + "\n",
	} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(t.Context(), environ(with(map[string]string{name: "", name + "_FILE": file})))
		if err != nil || !reflect.DeepEqual(c.Providers, want.Providers) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := Load(t.Context(), environ(with(map[string]string{
		"GATEPOST_APPLE_PRIVATE_KEY": strings.ReplaceAll(appleP8, "\n", `\n`)})))
	if err != nil || !reflect.DeepEqual(c.Providers, want.Providers) {
		t.Errorf("with line breaks written out: %v", err)
	}
}

// Apple's rule about callbacks is told before anybody runs into it.
func TestDoubtAboutAppleWithoutTLS(t *testing.T) {
	t.Parallel()
	for address, doubts := range map[string]bool{"http://localhost:1": true, "https://app.example.com": false} {
		c, err := Load(t.Context(), environ(with(map[string]string{"GATEPOST_PUBLIC_URL": address})))
		if err != nil || strings.Contains(strings.Join(c.Doubts(), "\n"), "GATEPOST_APPLE_CLIENT_ID") != doubts {
			t.Errorf("%s: %q, %v", address, c.Doubts(), err)
		}
	}
}
