package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// samples are values for settings without a default, or better test values.
var samples = map[string]string{
	"GATEPOST_PROTECT":             "/dashboard, POST /api, /admin=admin|owner, /*/x*",
	"GATEPOST_PUBLIC":              "/pricing, @assets, GET /api",
	"DATABASE_URL":                 "postgres://gate:p%40ss@127.0.0.1:1/db",
	"GATEPOST_DIRECT_DATABASE_URL": "host=127.0.0.1 port=2 user=gate password='two words' dbname=db",
	"GATEPOST_DATA_DIR":            "/var/lib/x", "GATEPOST_POSTGRES_BIN": "/usr/bin",
	"GATEPOST_LISTEN": "localhost:8081", "GATEPOST_PUBLIC_URL": "https://app.example.com",
	"GATEPOST_TRUSTED_PROXIES":    "10.0.0.0/8, 192.0.2.1",
	"GATEPOST_PUBLIC_URL_ALIASES": "https://www.example.com, http://10.0.0.5:8080",
	"GATEPOST_ACME_DOMAINS":       "app.example.com, www.example.com", "GATEPOST_ACME_EMAIL": "admin@example.com",
	"GATEPOST_FORWARDED_HEADERS": "X-Forwarded-Prefix, X-Forwarded-Port",
	"GATEPOST_STRIP_HEADERS":     "X-A, X-B",
	"GATEPOST_SIGNUP_DOMAINS":    "example.com, example.org", "GATEPOST_SMTP_URL": "smtp://me:p%40ss@127.0.0.1:1",
	"GATEPOST_MAIL_FROM":    `"Example, Inc." <login@example.com>`,
	"GATEPOST_VERIFY_EMAIL": "required", "GATEPOST_APP_NAME": "Ada's café",
	"GATEPOST_LOGO": "https://example.com/logo.svg", "GATEPOST_ACCENT": "#1f5fbf",
	"GATEPOST_TERMS_URL": "https://example.com/terms", "GATEPOST_PRIVACY_URL": "https://example.com/privacy",
	"GATEPOST_LANGUAGES": "en, es", "GATEPOST_UPSTREAM": "https://localhost:3000",
	"GATEPOST_UPSTREAM_CA": upstreamCert, "GATEPOST_UPSTREAM_CERT": upstreamCert, "GATEPOST_UPSTREAM_KEY": upstreamKey,
	"GATEPOST_UPSTREAM_SERVER_NAME": "app.internal",
	"GATEPOST_HTTP_LISTEN":          ":8082", "GATEPOST_OPS_LISTEN": "localhost:9181",
	"GATEPOST_APP_COOKIES":               "PHPSESSID, DokuWiki*@/wiki",
	"GATEPOST_PASSIVE_PATHS":             "/api/poll, /notifications",
	"GATEPOST_LOGOUT_HOME":               "/goodbye",
	"GATEPOST_LOGOUT_PATHS":              "/user/logout, /wp-logout",
	"GATEPOST_MAINTENANCE":               "/run/gatepost/maintenance",
	"GATEPOST_MAINTENANCE_ROLES":         "admin, tester",
	"GATEPOST_USERNAMES":                 "given",
	"GATEPOST_TRUST_BROWSER":             "720h",
	"GATEPOST_RESERVED_USERNAMES":        "boss, payroll",
	"GATEPOST_OFFICES":                   "203.0.113.7, 2001:db8:12::/48",
	"GATEPOST_CHALLENGE":                 "turnstile",
	"GATEPOST_CHALLENGE_SITE_KEY":        "0x4AAAAAAA-key",
	"GATEPOST_CHALLENGE_SECRET":          "0x4AAAAAAA-secret",
	"GATEPOST_CROSS_SITE_POST":           "/saml/acs, /paid",
	"GATEPOST_CORS":                      "/api=https://a.example.org|https://b.example.com, /feed=https://c.example.net",
	"GATEPOST_TOKENS":                    "/api, GET /git",
	"GATEPOST_FORWARD_AUTH_LISTEN":       "localhost:9191",
	"GATEPOST_FORWARD_AUTH_PEERS":        "127.0.0.1, 10.0.0.0/8",
	"GATEPOST_ASSERTION_HEADER":          "X-Auth-Assertion",
	"GATEPOST_ASSERTION_AUDIENCE":        "shop",
	"GATEPOST_IMPORT_FROM":               "postgres://old:p%40ss@127.0.0.1:1/old",
	"GATEPOST_IMPORT_BETTER_AUTH_SECRET": "an old secret that is long enough",
	"GATEPOST_IMPORT_AUTHJS_SECRET":      "another old secret that is long",
	"GATEPOST_FALLBACK_LOGIN_URL":        "https://old.example.com/check",
	"GATEPOST_FALLBACK_LOGIN_SECRET":     "0123456789abcdef",
	"GATEPOST_IMPORT_COOKIES":            "better-auth=acme.session_token, authjs=acme.session",
	"GATEPOST_IMPORT_UNTIL":              time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339),
}

// without are settings that exclude others, or that name files.
var without = []string{"GATEPOST_TLS_CERT", "GATEPOST_TLS_KEY", "GATEPOST_STYLESHEET", "GATEPOST_OVERRIDES"}

// allSettings are values for all settings that can be set together.
func allSettings(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	s, list := Read(t.Context(), nil)
	if len(list) > 0 {
		t.Fatal(list)
	}
	for _, k := range s.All() {
		if values[k.Name] = k.Value; samples[k.Name] != "" {
			values[k.Name] = samples[k.Name]
		}
	}
	for _, name := range without {
		delete(values, name)
	}
	for name, value := range providerSamples { // two kinds of providers have all kinds of settings
		if strings.HasPrefix(name, "GATEPOST_OIDC_CORP_") || strings.HasPrefix(name, "GATEPOST_APPLE_") ||
			values[name] != "" {
			values[name] = value
		}
	}
	values["GATEPOST_PROVIDERS"], values["GATEPOST_API_AUTH"] = "corp, apple", "gate" // app excludes moving in
	values["GATEPOST_PROVIDER_TOKEN_PATHS"] = providerSamples["GATEPOST_PROVIDER_TOKEN_PATHS"]
	values["GATEPOST_ENCRYPTION_KEY"] = providerSamples["GATEPOST_ENCRYPTION_KEY"]
	return values
}

// plainSettings are the settings of a configuration in a form that can be compared.
func plainSettings(t *testing.T, what string, values map[string]string) Settings {
	t.Helper()
	c, err := Load(t.Context(), environ(values))
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return c.Settings
}

// A setting has the same meaning in every form that files, YAML and secret stores write.
func TestSettingsAsFilesWriteThem(t *testing.T) {
	t.Parallel()
	written := map[string]func(string) string{
		"with a line end":          func(s string) string { return s + "\n" },
		"with one of Windows":      func(s string) string { return s + "\r\n" },
		"with a carriage return":   func(s string) string { return s + "\r" },
		"with blanks":              func(s string) string { return " \t" + s + "  " },
		"with a byte order mark":   func(s string) string { return "\uFEFF" + s },
		"with no-break spaces":     func(s string) string { return "\u00a0" + s + "\u00a0" },
		"with several line ends":   func(s string) string { return "\n" + s + "\n\n" },
		"with all of it":           func(s string) string { return "\uFEFF " + quoteAs(s) + " \r\n" },
		"in quotation marks":       quoteAs,
		"in them, with a line end": func(s string) string { return quoteAs(s + "\r\n") },
	}
	values := allSettings(t)
	want := plainSettings(t, "plain", values)
	for how, write := range written {
		for name, value := range values {
			if value == "" {
				continue
			}
			other := allSettings(t)
			other[name] = write(value)
			if got := plainSettings(t, name+" "+how, other); !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s: %v", name, how, got.Differences(want))
			}
		}
	}
}

// quoteAs quotes a value in marks that it does not contain.
func quoteAs(s string) string {
	for _, mark := range []string{`"`, "'"} {
		if !strings.Contains(s, mark) {
			return mark + s + mark
		}
	}
	return s
}

// A list may have a line for each entry, and empty entries.
func TestListsAsYAMLWritesThem(t *testing.T) {
	t.Parallel()
	values := allSettings(t)
	want, err := Load(t.Context(), environ(values))
	if err != nil {
		t.Fatal(err)
	}
	several := map[string]bool{}
	for _, k := range want.Settings.All() {
		several[k.Name] = k.List
	}
	for name, value := range values {
		if !several[name] {
			continue
		}
		for how, text := range map[string]string{
			"a block":                strings.ReplaceAll(value, ", ", "\n") + "\n",
			"with line ends of DOS":  strings.ReplaceAll(value, ", ", "\r\n") + "\r\n",
			"with commas too":        strings.ReplaceAll(value, ", ", ",\n  ") + ",\n",
			"as a list":              "- " + strings.ReplaceAll(value, ", ", "\n- ") + "\n",
			"as a list with quotes":  `- "` + strings.ReplaceAll(value, ", ", "\"\n- \"") + "\"\n",
			"with a comma at an end": value + ",",
			"with empty lines":       strings.ReplaceAll(value, ", ", "\n\n"),
		} {
			other := allSettings(t)
			other[name] = text
			got, err := Load(t.Context(), environ(other))
			if err != nil || !reflect.DeepEqual(got.Rules, want.Rules) ||
				!reflect.DeepEqual(got.TrustedProxies, want.TrustedProxies) ||
				!reflect.DeepEqual(got.ACMEDomains, want.ACMEDomains) ||
				!reflect.DeepEqual(got.SignUpDomains, want.SignUpDomains) ||
				!reflect.DeepEqual(got.ReservedUsernames, want.ReservedUsernames) ||
				!reflect.DeepEqual(got.Brand.Languages, want.Brand.Languages) ||
				!reflect.DeepEqual(got.Providers, want.Providers) ||
				!reflect.DeepEqual(got.ProviderTokenPaths, want.ProviderTokenPaths) ||
				!reflect.DeepEqual(got.CORS, want.CORS) || !reflect.DeepEqual(got.Tokens, want.Tokens) ||
				!reflect.DeepEqual(got.ForwardAuthPeers, want.ForwardAuthPeers) ||
				!reflect.DeepEqual(got.Elsewhere, want.Elsewhere) ||
				!reflect.DeepEqual(got.AppCookies, want.AppCookies) || !sameEntries(got, want) {
				t.Errorf("%s %s: %v, %q", name, how, err, text)
			}
		}
	}
}

func sameEntries(a, b *Config) bool {
	join := func(s string) string { return strings.Trim(strings.ReplaceAll(s, " ", ""), ",") }
	return join(a.Settings.IdentityHeaders) == join(b.Settings.IdentityHeaders) &&
		join(a.Settings.StripHeaders) == join(b.Settings.StripHeaders)
}

// A rule that lost its line is refused, and two halves never become one rule.
func TestWhatCouldMeanTwoThingsIsRefused(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"GATEPOST_PROTECT":         "/a\nPOST\n/b",
		"GATEPOST_PUBLIC":          "/a /b",
		"GATEPOST_TRUSTED_PROXIES": "10.0.0.0/8 192.0.2.1",
		"GATEPOST_UPSTREAM":        "http://localhost\n:3000",
		"GATEPOST_APP_NAME":        "two\nlines",
		"GATEPOST_PAGES":           "/au\nth",
		"GATEPOST_MIGRATE":         "true false",
		"DATABASE_URL":             "postgres://gate@127.0.0.1\n/db",
	} {
		values := allSettings(t)
		values[name] = value
		if _, err := Load(t.Context(), environ(values)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
}

// YAML parsers replace some words by true and false.
func TestWordsThatYAMLReplaces(t *testing.T) {
	t.Parallel()
	for name, words := range map[string][]string{
		"GATEPOST_OPS_LISTEN":        {"off", "Off", "false", "no"},
		"GATEPOST_AUDIT_RETENTION":   {"off", "False", "NO"},
		"GATEPOST_UPSTREAM_CONN_AGE": {"off", "false", "No"},
		"GATEPOST_HSTS":              {"off", "FALSE"},
		"GATEPOST_MIGRATE":           {"false", "False", "no", "off", "0"},
		"GATEPOST_NOTIFY_SIGN_INS":   {"false", "No"},
	} {
		for _, word := range words {
			values := allSettings(t)
			values[name] = word
			c, err := Load(t.Context(), environ(values))
			if err != nil {
				t.Errorf("%s=%s: %v", name, word, err)
				continue
			}
			on := map[string]bool{
				"GATEPOST_OPS_LISTEN":        c.Settings.OpsListen != "off",
				"GATEPOST_AUDIT_RETENTION":   c.AuditRetention != 0,
				"GATEPOST_UPSTREAM_CONN_AGE": c.UpstreamConnAge != 0,
				"GATEPOST_HSTS":              c.Settings.HSTS != "off",
				"GATEPOST_MIGRATE":           c.Migrate,
				"GATEPOST_NOTIFY_SIGN_INS":   c.NotifySignIns,
			}
			if on[name] {
				t.Errorf("%s=%s is on", name, word)
			}
		}
	}
}

// A file with a secret may end with a line end, begin with a byte order mark, or be in quotation marks.
func TestFilesOfSecrets(t *testing.T) {
	t.Parallel()
	for how, content := range map[string]string{
		"a line end":     "VALUE\n",
		"one of Windows": "VALUE\r\n",
		"a mark":         "\uFEFFVALUE",
		"quotes":         `"VALUE"` + "\n",
	} {
		for _, name := range []string{"DATABASE_URL", "GATEPOST_DIRECT_DATABASE_URL", "GATEPOST_SMTP_URL"} {
			values := allSettings(t)
			want := plainSettings(t, "plain", values)
			file := filepath.Join(t.TempDir(), "secret")
			content := strings.ReplaceAll(content, "VALUE", values[name])
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			delete(values, name)
			values[name+"_FILE"] = `"` + file + `"` + "\n"
			if got := plainSettings(t, name+" with "+how, values); !reflect.DeepEqual(got, want) {
				t.Errorf("%s with %s: %v", name, how, got.Differences(want))
			}
		}
	}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("\xff\xfep\x00o\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	values := allSettings(t)
	delete(values, "DATABASE_URL")
	values["DATABASE_URL_FILE"] = file
	if _, err := Load(t.Context(), environ(values)); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("a file of PowerShell: %v", err)
	}
}
